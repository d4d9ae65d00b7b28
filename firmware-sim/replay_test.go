package sim_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	sim "github.com/forecare/forecare/firmware-sim"
)

// tape is a recording of some units, each with n rows an hour apart, placed so
// that it ended an hour ago.
func tape(t *testing.T, units, n int) (*sim.Recording, sim.Credentials) {
	t.Helper()
	r := &sim.Recording{Metrics: []string{"x", "y"}, Indexed: true}
	c := sim.Credentials{}
	for i := range units {
		u := &sim.RecordedUnit{ID: fmt.Sprintf("unit-%d", i+1)}
		for j := range n {
			y := math.NaN()
			if j%2 == 0 {
				y = float64(j)
			}
			u.Rows = append(u.Rows, sim.RecordedRow{Index: float64(j), Values: []float64{float64(i*1000 + j), y}})
		}
		r.Units = append(r.Units, u)
		c[u.ID] = "secret-" + u.ID
	}
	if err := r.Place(sim.Placing{Step: time.Hour, Stagger: 10, Until: time.Now().Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	return r, c
}

func replayAll(t *testing.T, r *sim.Recording, o sim.ReplayOptions) (*sim.Replay, error) {
	t.Helper()
	p, err := sim.NewReplay(r, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err = p.Run(ctx)
	if ctx.Err() != nil {
		t.Error("the replay did not end")
	}
	return p, err
}

func TestReplaySendsEveryReadingWithItsOwnTime(t *testing.T) {
	t.Parallel()
	r, c := tape(t, 3, 200)
	b := newTestBroker(t, c)
	b.setLossy(0.05)
	p, err := replayAll(t, r, sim.ReplayOptions{Broker: b.url(), Tenant: "demo", Credentials: c, Factor: 220 * 3600})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Status(); got.Delivered != 600 || got.Connected != 0 {
		t.Errorf("status is %+v", got)
	}
	for _, u := range r.Units {
		got := b.of(u.ID)
		if len(got) != len(u.Rows) {
			t.Errorf("%s: %d of %d readings arrived", u.ID, len(got), len(u.Rows))
		}
		for _, row := range u.Rows {
			want := map[string]float64{"x": row.Values[0]}
			if !math.IsNaN(row.Values[1]) {
				want["y"] = row.Values[1]
			}
			if d := cmp.Diff(want, got[row.Time.UnixMilli()]); d != "" {
				t.Fatalf("%s at %s:\n%s", u.ID, row.Time, d)
			}
		}
	}
}

func TestReplayGivesUpWhenItIsNotLetIn(t *testing.T) {
	t.Parallel()
	r, c := tape(t, 2, 5)
	b := newTestBroker(t, sim.Credentials{"unit-1": "another"})
	_, err := replayAll(t, r, sim.ReplayOptions{Broker: b.url(), Tenant: "demo", Credentials: c, Factor: 1e6})
	if !errors.Is(err, sim.ErrRefused) || !strings.Contains(err.Error(), "demo/unit-") {
		t.Errorf("it says: %v", err)
	}
}

func TestReplayRefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	good, c := tape(t, 1, 5)
	future, _ := tape(t, 1, 5)
	if err := future.Place(sim.Placing{Step: time.Hour, Until: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	placeless := &sim.Recording{Metrics: []string{"x"}, Units: []*sim.RecordedUnit{{ID: "unit-1", Rows: []sim.RecordedRow{{Values: []float64{1}}}}}}
	o := sim.ReplayOptions{Broker: "tcp://127.0.0.1", Tenant: "demo", Credentials: c}
	for name, x := range map[string]struct {
		r    *sim.Recording
		bend func(*sim.ReplayOptions)
		want string
	}{
		"the future":     {future, func(*sim.ReplayOptions) {}, "in the future"},
		"no times":       {placeless, func(*sim.ReplayOptions) {}, "no times"},
		"no credential":  {good, func(o *sim.ReplayOptions) { o.Credentials = nil }, "no credential"},
		"a bad tenant":   {good, func(o *sim.ReplayOptions) { o.Tenant = "a b" }, "tenant"},
		"a bad broker":   {good, func(o *sim.ReplayOptions) { o.Broker = "ftp://x" }, "tcp://"},
		"time backwards": {good, func(o *sim.ReplayOptions) { o.Factor = -2 }, "backwards"},
	} {
		t.Run(name, func(t *testing.T) {
			o := o
			x.bend(&o)
			if _, err := sim.NewReplay(x.r, o); err == nil || !strings.Contains(err.Error(), x.want) {
				t.Errorf("it says: %v", err)
			}
		})
	}
}
