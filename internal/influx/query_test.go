package influx_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/influx"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func TestSeriesReturnsMeansPerWindow(t *testing.T) {
	db := shared(t)
	write(t, db,
		line("series", "a:1", "k2", "temp=20,hum=1", noon),
		line("series", "a:1", "k2", "temp=22,hum=1", noon.Add(4*time.Minute)),
		// nothing in the second window; a new model in the third
		line("series", "a:1", "k3", "temp=30", noon.Add(20*time.Minute)),
		line("series", "a:1", "k2", "temp=31", noon.Add(29*time.Minute+59*time.Second)),
		line("series", "a:1", "k2", "temp=99", noon.Add(30*time.Minute)), // not before "to"
		line("series", "other", "k2", "temp=1000", noon),
		line("stranger", "a:1", "k2", "temp=1000", noon),
	)
	got, err := db.Series(t.Context(), devices.Key{Tenant: "series", Device: "a:1"}, "temp", noon, noon.Add(30*time.Minute), 10*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	want := []influx.Point{{Time: noon, Value: 21}, {Time: noon.Add(20 * time.Minute), Value: 30.5}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSeriesWindowsAreAlignedAndTheFirstBeginsAtFrom(t *testing.T) {
	db := shared(t)
	write(t, db,
		line("aligned", "d", "m", "v=1", noon.Add(3*time.Minute)),
		line("aligned", "d", "m", "v=2", noon.Add(6*time.Minute)),
		line("aligned", "d", "m", "v=4", noon.Add(11*time.Minute)),
	)
	got, err := db.Series(t.Context(), devices.Key{Tenant: "aligned", Device: "d"}, "v", noon.Add(2*time.Minute), noon.Add(15*time.Minute), 10*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	want := []influx.Point{{Time: noon.Add(2 * time.Minute), Value: 1.5}, {Time: noon.Add(10 * time.Minute), Value: 4}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSeriesWithoutReadingsIsEmpty(t *testing.T) {
	got, err := shared(t).Series(t.Context(), devices.Key{Tenant: "nobody", Device: "d"}, "v", noon, noon.Add(time.Hour), time.Minute)
	if err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestBandIsOverDevicesNotOverReadings(t *testing.T) {
	db := shared(t)
	var lines []string
	// Eleven devices at 0, 10, .. 100. The one at 100 reports a hundred times as
	// often, which must not move the band.
	for i := range 11 {
		device := fmt.Sprintf("d%02d", i)
		n := 1
		if i == 10 {
			n = 100
		}
		for j := range n {
			lines = append(lines, line("band", device, "m", fmt.Sprintf("v=%d", i*10), noon.Add(time.Duration(j)*time.Second)))
		}
		lines = append(lines, line("band", device, "m", fmt.Sprintf("v=%d", 1000+i*10), noon.Add(time.Hour)))
	}
	lines = append(lines,
		line("band", "d00", "othermodel", "v=7777", noon),
		line("bandstranger", "d00", "m", "v=7777", noon),
	)
	write(t, db, lines...)
	got, err := db.Band(t.Context(), "band", "m", "v", noon, noon.Add(2*time.Hour), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	want := []influx.BandPoint{
		{Time: noon, Lower: 10, Middle: 50, Upper: 90},
		{Time: noon.Add(time.Hour), Lower: 1010, Middle: 1050, Upper: 1090},
	}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })
	if d := cmp.Diff(want, got, near); d != "" {
		t.Error(d)
	}
}

func TestBandOfOneDeviceIsThatDevice(t *testing.T) {
	db := shared(t)
	write(t, db, line("lonely", "d", "m", "v=3", noon))
	got, err := db.Band(t.Context(), "lonely", "m", "v", noon, noon.Add(time.Hour), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]influx.BandPoint{{Time: noon, Lower: 3, Middle: 3, Upper: 3}}, got); d != "" {
		t.Error(d)
	}
}

func TestLatestIsByEventTime(t *testing.T) {
	db := shared(t)
	now := time.Now().Truncate(time.Second)
	key := devices.Key{Tenant: "latest", Device: "d"}
	write(t, db, line("latest", "d", "m", "v=1,w=10", now.Add(-time.Hour)))
	write(t, db, line("latest", "d", "m2", "v=2", now.Add(-time.Minute))) // another model, newer
	write(t, db, line("latest", "d", "m", "v=3,w=30", now.Add(-2*time.Hour)))
	got, err := db.Latest(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]influx.Point{
		"v": {Time: now.Add(-time.Minute).UTC(), Value: 2},
		"w": {Time: now.Add(-time.Hour).UTC(), Value: 10},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestLatestFindsOldReadings(t *testing.T) {
	db := shared(t)
	for device, age := range map[string]time.Duration{"week": 7 * 24 * time.Hour, "years": 5 * 365 * 24 * time.Hour} {
		at := time.Now().Add(-age).Truncate(time.Second).UTC()
		write(t, db, line("old", device, "m", "v=5", at))
		got, err := db.Latest(t.Context(), devices.Key{Tenant: "old", Device: device})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(map[string]influx.Point{"v": {Time: at, Value: 5}}, got); d != "" {
			t.Errorf("%s: %s", device, d)
		}
	}
	if got, err := db.Latest(t.Context(), devices.Key{Tenant: "old", Device: "never"}); err != nil || len(got) != 0 {
		t.Errorf("never: %v, %v", got, err)
	}
}

func TestCountCountsPointsPerDevice(t *testing.T) {
	db := shared(t)
	var lines []string
	for i := range 300 {
		at := noon.Add(time.Duration(i) * time.Second)
		lines = append(lines, line("count", "a", "m", "v=1,w=2", at))
		if i%3 == 0 {
			lines = append(lines, line("count", "b", "m", "w=2", at))
		}
	}
	write(t, db, lines...)
	write(t, db, lines...) // the same again is the same
	got, err := db.Count(t.Context(), "count", noon, noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]int64{"a": 300, "b": 100}, got); d != "" {
		t.Error(d)
	}
	got, err = db.Count(t.Context(), "count", noon, noon.Add(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]int64{"a": 10, "b": 4}, got); d != "" {
		t.Error(d)
	}
}

func TestQueriesRefuseWhatCannotBeAsked(t *testing.T) {
	db := shared(t)
	key := devices.Key{Tenant: "t", Device: "d"}
	hour := noon.Add(time.Hour)
	ctx := t.Context()
	for name, ask := range map[string]func() error{
		"tenant breaks out": func() error {
			_, err := db.Series(ctx, devices.Key{Tenant: `t" or r.tenant == "x`, Device: "d"}, "v", noon, hour, time.Minute)
			return err
		},
		"device interpolates": func() error { _, err := db.Latest(ctx, devices.Key{Tenant: "t", Device: "${r.device}"}); return err },
		"metric breaks out":   func() error { _, err := db.Series(ctx, key, `v" or true`, noon, hour, time.Minute); return err },
		"model breaks out":    func() error { _, err := db.Band(ctx, "t", `m\`, "v", noon, hour, time.Minute); return err },
		"count breaks out":    func() error { _, err := db.Count(ctx, "t\n", noon, hour); return err },
		"empty span":          func() error { _, err := db.Series(ctx, key, "v", noon, noon, time.Minute); return err },
		"span backwards":      func() error { _, err := db.Count(ctx, "t", hour, noon); return err },
		"no window":           func() error { _, err := db.Series(ctx, key, "v", noon, hour, 0); return err },
		"too many windows":    func() error { _, err := db.Band(ctx, "t", "m", "v", noon, hour, time.Microsecond); return err },
	} {
		t.Run(name, func(t *testing.T) { wantCode(t, ask(), devices.Invalid) })
	}
}

func TestQueriesOfAnyTime(t *testing.T) {
	db := shared(t)
	key := devices.Key{Tenant: "anytime", Device: "d"}
	write(t, db, line("anytime", "d", "m", "v=1", noon))
	far := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	if n, err := db.Count(t.Context(), "anytime", time.Time{}, far); err != nil || n["d"] != 1 {
		t.Errorf("Count over all time: %v, %v", n, err)
	}
	odd := 7*time.Minute + 13*time.Nanosecond // no whole milliseconds
	if got, err := db.Series(t.Context(), key, "v", noon, noon.Add(time.Hour), odd); err != nil || len(got) != 1 {
		t.Errorf("odd windows: %v, %v", got, err)
	}
	zone := time.FixedZone("east", 5*3600+1800)
	got, err := db.Series(t.Context(), key, "v", noon.In(zone), noon.Add(time.Hour).In(zone), time.Hour)
	if err != nil || len(got) != 1 || !got[0].Time.Equal(noon) {
		t.Errorf("zone: %v, %v", got, err)
	}
}

func TestQueryEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := shared(t).Count(ctx, "t", noon, noon.Add(time.Hour))
	wantCode(t, err, devices.Unavailable)
	if !strings.Contains(err.Error(), "canceled") {
		t.Errorf("got %v", err)
	}
}
