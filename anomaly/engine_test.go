package anomaly_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
)

func TestHealthyFleetIsLeftAlone(t *testing.T) {
	seeds, days := uint64(5), 30.0
	if raceEnabled { // one goroutine: there is nothing to find, and it takes ten times as long
		seeds, days = 1, 10
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			f := fleet{seed: seed, devices: 60, days: days, every: 10 * time.Minute}
			for _, s := range stories(t, run(t, newEngine(f.every), f.batches())) {
				t.Error(s)
			}
		})
	}
}

// ailing is a fleet in which one device has each kind of trouble.
func ailing(seed uint64, every time.Duration) fleet {
	return fleet{seed: seed, devices: 20, days: 12, every: every, faults: []fault{
		{device: 1, metric: "temp", kind: anomaly.Drift, from: 1.7, size: 0.7},
		{device: 2, metric: "temp", kind: anomaly.Step, from: 3.2, size: 2},
		{device: 3, metric: "temp", kind: anomaly.Stuck, from: 4.1},
		{device: 4, metric: "temp", kind: anomaly.Noise, from: 3.5, size: 1},
		{device: 5, kind: anomaly.Silence, from: 5},
		{device: 7, metric: "pressure", kind: anomaly.Drift, from: 2, size: -0.1},
		{device: 8, metric: "effort", kind: anomaly.Drift, from: 2, size: 3},
		{device: 9, metric: "temp", kind: anomaly.Step, from: 0.6, size: 6},
		{device: 10, metric: "effort", kind: anomaly.Step, from: 8, size: -12},
	}}
}

func TestFaultsAreFound(t *testing.T) {
	// How many days after its onset each fault may be found at the latest.
	within := map[int]float64{1: 3, 2: 0.7, 3: 0.3, 4: 1, 5: 0.15, 7: 3, 8: 3, 9: 0.5, 10: 0.7}
	seeds := uint64(6)
	if raceEnabled {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			f := ailing(seed, 10*time.Minute)
			found := map[int]story{}
			for _, s := range stories(t, run(t, newEngine(f.every), f.batches())) {
				var i int
				fmt.Sscanf(s.device, "d%d", &i)
				if _, twice := found[i]; twice || within[i] == 0 {
					t.Errorf("too much: %v", s)
				}
				found[i] = s
			}
			for _, x := range f.faults {
				s, ok := found[x.device]
				switch {
				case !ok:
					t.Errorf("missed: %+v", x)
				case s.metric != x.metric || s.kind != x.kind:
					t.Errorf("fault %+v was taken for %v", x, s)
				case s.opened < x.from || s.opened > x.from+within[x.device]:
					t.Errorf("fault %+v was found after %.2f days: %v", x, s.opened-x.from, s)
				case s.cleared != 0:
					t.Errorf("fault %+v cleared: %v", x, s)
				case math.Abs(day(s.first.Onset)-x.from) > 1:
					t.Errorf("fault %+v was dated %.2f", x, day(s.first.Onset))
				case x.kind == anomaly.Drift || x.kind == anomaly.Step:
					last := s.last
					want := x.size
					if x.kind == anomaly.Drift {
						want *= day(last.At) - x.from
					}
					if math.Abs(last.Size-want) > 0.5*math.Abs(want) {
						t.Errorf("fault %+v has size %.2f, want %.2f: %v", x, last.Size, want, s)
					}
				}
			}
		})
	}
}

func TestFindingsTellTheirFigures(t *testing.T) {
	f := ailing(1, 10*time.Minute)
	for _, s := range stories(t, run(t, newEngine(f.every), f.batches())) {
		x := s.last
		if x.Key.Tenant != "acme" || x.Model != "boiler" || len(x.ID) != 16 {
			t.Errorf("identity: %+v", x)
		}
		if x.Peers < 10 || x.Peers > 19 {
			t.Errorf("%s: %d peers", s.device, x.Peers)
		}
		if !strings.HasSuffix(x.Reason, ".") || strings.Contains(x.Reason, "NaN") || strings.Contains(x.Reason, "  ") {
			t.Errorf("%s: reason %q", s.device, x.Reason)
		}
		if s.kind == anomaly.Silence {
			if x.Metric != "" || x.Unit != "" || math.Abs(x.Size-x.At.Sub(x.Onset).Hours()) > 0.01 {
				t.Errorf("silence: %+v", x)
			}
			continue
		}
		if math.Abs(x.Level-x.Expected-x.Size) > 1e-9 && (s.kind == anomaly.Drift || s.kind == anomaly.Step) {
			t.Errorf("%s: level %v, expected %v, size %v", s.device, x.Level, x.Expected, x.Size)
		}
		checkEvidence(t, s)
	}
}

// checkEvidence demands a picture that shows what is claimed: equal slices,
// the device's line in its band before the onset and out of it at the end.
func checkEvidence(t *testing.T, s story) {
	t.Helper()
	e := s.last.Evidence
	n := len(e.Time)
	if n == 0 || n > 240 || len(e.Value) != n || len(e.Lower) != n || len(e.Upper) != n {
		t.Fatalf("%s: evidence of %d, %d, %d, %d points", s.device, n, len(e.Value), len(e.Lower), len(e.Upper))
	}
	out := 0
	for i := range n {
		if i > 0 && e.Time[i].Sub(e.Time[i-1]) != time.Hour {
			t.Fatalf("%s: evidence from %v to %v", s.device, e.Time[i-1], e.Time[i])
		}
		if e.Lower[i] > e.Upper[i] {
			t.Errorf("%s: band from %v to %v", s.device, e.Lower[i], e.Upper[i])
		}
		width := e.Upper[i] - e.Lower[i]
		if e.Time[i].Before(s.last.Onset) && (e.Value[i] < e.Lower[i]-2*width || e.Value[i] > e.Upper[i]+2*width) {
			out++
		}
	}
	if out > n/10 {
		t.Errorf("%s: far out of the band in %d of %d slices before the onset", s.device, out, n)
	}
	if s.kind == anomaly.Drift || s.kind == anomaly.Step {
		if v := e.Value[n-1]; v > e.Lower[n-1] && v < e.Upper[n-1] {
			t.Errorf("%s: %v at the end is within %v..%v", s.device, v, e.Lower[n-1], e.Upper[n-1])
		}
	}
}

func TestHourlyReadings(t *testing.T) {
	f := ailing(3, time.Hour)
	found := map[string]anomaly.Kind{}
	for _, s := range stories(t, run(t, newEngine(f.every), f.batches())) {
		found[s.device] = s.kind
	}
	want := map[string]anomaly.Kind{
		"d01": anomaly.Drift, "d02": anomaly.Step, "d03": anomaly.Stuck, "d04": anomaly.Noise, "d05": anomaly.Silence,
		"d07": anomaly.Drift, "d08": anomaly.Drift, "d09": anomaly.Step, "d10": anomaly.Step,
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}

func TestRepeatedReadingsChangeNothing(t *testing.T) {
	f := ailing(2, time.Hour)
	once := f.batches()
	var twice []batch
	for i, b := range once {
		twice = append(twice, b, batch{b.at, append(append([]byte(nil), b.body...), once[max(0, i-30)].body...)})
	}
	want, got := run(t, newEngine(f.every), once), run(t, newEngine(f.every), twice)
	if !slices.EqualFunc(want, got, same) {
		t.Error(cmp.Diff(want, got, approx))
	}
	if len(want) == 0 {
		t.Error("no findings to compare")
	}
}

func TestOldMessagesAreSkipped(t *testing.T) {
	f := fleet{seed: 1, devices: 6, days: 1, every: time.Hour}
	e := newEngine(f.every)
	run(t, e, f.batches())
	before := e.Snapshot()
	found, err := e.Step(e.Sequence(), line(0, 2, []devices.Field{{Name: "effort", Value: 1e9}}))
	if err != nil || found != nil || e.Sequence() != before.Sequence {
		t.Errorf("an old message yields %v, %v", found, err)
	}
	if diff := cmp.Diff(before, e.Snapshot()); diff != "" {
		t.Error(diff)
	}
}

func TestMalformedMessage(t *testing.T) {
	for _, tt := range []struct{ name, body, in string }{
		{"no line feed", "telemetry,device=d,model=m,tenant=t x=1 5", "message 8"},
		{"text", "hello\n", "message 8"},
		{"not a number", "telemetry,device=d00,model=boiler,tenant=acme x=NaN 5\n", "message 8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEngine(time.Hour)
			good := string(line(0, 1, []devices.Field{{Name: "effort", Value: 1}}))
			found, err := e.Step(8, []byte(good+tt.body))
			if devices.CodeOf(err) != devices.Invalid || !strings.Contains(devices.MessageOf(err), tt.in) {
				t.Errorf("error %v", err)
			}
			if found != nil || e.Sequence() != 8 {
				t.Errorf("findings %v, sequence %d", found, e.Sequence())
			}
			if c := e.Cohorts(); len(c) != 1 || c[0].Devices != 1 {
				t.Errorf("the line before the fault is lost: %+v", c)
			}
			if _, err := e.Step(9, []byte(good)); err != nil {
				t.Errorf("the next message: %v", err)
			}
		})
	}
}

// approx compares findings, in which NaN stands for a gap.
var approx = cmp.Comparer(func(a, b anomaly.Series) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && !(math.IsNaN(a[i]) && math.IsNaN(b[i])) {
			return false
		}
	}
	return true
})
