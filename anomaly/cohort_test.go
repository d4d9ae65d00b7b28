package anomaly_test

import (
	"bytes"
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
)

func TestCommonMovementIsNobodysFault(t *testing.T) {
	together := func(kind anomaly.Kind, size float64, n int) fleet {
		f := fleet{seed: 8, devices: 24, days: 9, every: tenMinutes}
		for i := range n {
			f.faults = append(f.faults, fault{device: i, metric: "temp", kind: kind, from: 4, size: size})
		}
		return f
	}
	for _, tt := range []struct {
		name string
		f    fleet
	}{
		{"ten of 24 step", together(anomaly.Step, 3, 10)},
		{"ten of 24 drift", together(anomaly.Drift, 0.8, 10)},
		{"all step", together(anomaly.Step, 3, 24)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEngine(tt.f.every)
			none(t, stories(t, run(t, e, tt.f.batches())))
			c := e.Cohorts()[0]
			var common int
			for _, m := range c.Metrics {
				if m.Metric == "temp" {
					common = m.Common
				}
			}
			if len(tt.f.faults) == 10 && common < 5 {
				t.Errorf("the summary counts %d devices held back: %+v", common, c)
			}
			if len(tt.f.faults) == 24 && common != 0 {
				t.Errorf("a movement of all devices is none against the cohort: %+v", c)
			}
		})
	}
}

func TestOneFaultyDeviceAmongCommonMovement(t *testing.T) {
	f := fleet{seed: 8, devices: 24, days: 9, every: tenMinutes}
	for i := range 10 {
		f.faults = append(f.faults, fault{device: i, metric: "temp", kind: anomaly.Step, from: 4, size: 1.5})
	}
	f.faults = append(f.faults, fault{device: 3, metric: "temp", kind: anomaly.Step, from: 6, size: 5})
	its, others := about(t, f, name3)
	none(t, others)
	if len(its) != 1 || its[0].opened < 6 {
		t.Errorf("stories: %v", its)
	}
}

func TestTwoFaultyDevicesAreTwoFindings(t *testing.T) {
	f := fleet{seed: 9, devices: 20, days: 9, every: tenMinutes, faults: []fault{
		{device: 3, metric: "temp", kind: anomaly.Drift, from: 3, size: 0.7},
		{device: 4, metric: "temp", kind: anomaly.Drift, from: 3.1, size: 0.75},
		{device: 3, metric: "pressure", kind: anomaly.Step, from: 5, size: 0.5},
	}}
	got := map[string]anomaly.Kind{}
	for _, s := range stories(t, run(t, newEngine(f.every), f.batches())) {
		got[s.device+" "+s.metric] = s.kind
	}
	want := map[string]anomaly.Kind{"d03 temp": anomaly.Drift, "d04 temp": anomaly.Drift, "d03 pressure": anomaly.Step}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFewDevicesAreJudgedByTheirOwnHistory(t *testing.T) {
	for _, n := range []int{1, 2, 4} {
		f := fleet{seed: 4, devices: n, days: 45, every: tenMinutes}
		e := newEngine(f.every)
		none(t, stories(t, run(t, e, f.batches())))
		if m := e.Cohorts()[0].Metrics[0]; m.Peers {
			t.Errorf("%d devices are no control group: %+v", n, m)
		}
		f.faults = []fault{{device: 0, metric: "temp", kind: anomaly.Step, from: 20, size: 14}}
		ss := stories(t, run(t, newEngine(f.every), f.batches()))
		if len(ss) != 1 || ss[0].device != "d00" || ss[0].opened > 21.5 {
			t.Errorf("%d devices, a large step: %v", n, ss)
		}
	}
}

func TestNewDeviceIsJudgedFromItsFirstDay(t *testing.T) {
	f := fleet{seed: 3, devices: 16, days: 12, every: tenMinutes, faults: []fault{
		{device: 3, metric: "temp", kind: anomaly.Step, from: 8.7, size: 6},
	}}
	f.arrives = func(i int, day float64) float64 {
		if (i == 3 || i == 4) && day < 8 {
			return -1 // they are installed on the eighth day
		}
		return day
	}
	its, others := about(t, f, name3)
	none(t, others)
	if len(its) != 1 || its[0].kind != anomaly.Step || its[0].opened > 9.1 {
		t.Errorf("stories: %v", its)
	}
}

func TestDeviceOfAnotherModelStartsAnew(t *testing.T) {
	f := fleet{seed: 6, devices: 12, days: 9, every: tenMinutes, faults: []fault{
		{device: 3, metric: "temp", kind: anomaly.Step, from: 4, size: 3},
	}}
	e := newEngine(f.every)
	var found []anomaly.Finding
	for _, b := range f.batches() {
		body := b.body
		if b.at > 6 {
			body = bytes.ReplaceAll(body, []byte("device=d03,model=boiler"), []byte("device=d03,model=kettle"))
		}
		x, err := e.Step(e.Sequence()+1, body)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, x...)
	}
	ss := stories(t, found)
	if len(ss) != 1 || ss[0].cleared == 0 || ss[0].last.Reason != "The device is of another model now and is judged anew." {
		t.Fatalf("stories: %v", ss)
	}
	count := map[string]int{}
	for _, c := range e.Cohorts() {
		count[c.Model] = c.Devices
	}
	if diff := cmp.Diff(map[string]int{"boiler": 11, "kettle": 1}, count); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownModelIsJudgedWithoutLimits(t *testing.T) {
	f := fleet{seed: 6, devices: 20, days: 9, every: tenMinutes, faults: []fault{
		{device: 3, metric: "temp", kind: anomaly.Step, from: 4, size: 4},
	}}
	e := anomaly.New(anomaly.Options{})
	ss := stories(t, run(t, e, f.batches()))
	if len(ss) != 1 || ss[0].device != name3 || ss[0].kind != anomaly.Step {
		t.Fatalf("stories: %v", ss)
	}
	if x := ss[0].last; x.Unit != "" || x.Noticeable != 0 || x.Forecast != nil || math.Abs(x.Sigmas) < 3 {
		t.Errorf("finding: %+v", x)
	}
}

func TestConstantMetricIsNotStuck(t *testing.T) {
	e := newEngine(tenMinutes)
	for i := range 6 * 24 * 6 {
		var body []byte
		for d := range 8 {
			r := devices.Reading{
				Key: devices.Key{Tenant: "acme", Device: name(d)}, Model: "boiler",
				Time:   monday.Add(time.Duration(i)*tenMinutes + time.Duration(d)*time.Second),
				Fields: []devices.Field{{Name: "setpoint", Value: 60}, {Name: "mode", Value: float64(i / 144 % 2)}},
			}
			body = r.AppendLine(body)
		}
		found, err := e.Step(uint64(i+1), body)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			t.Fatalf("too much: %s", f.Reason)
		}
	}
}

func TestCohortsMayBeReadAtAnyTime(t *testing.T) {
	f := ailing(1, time.Hour)
	e := newEngine(f.every)
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					runtime.Gosched()
				}
				for _, c := range e.Cohorts() {
					if c.Reporting > c.Devices || c.Deviating > c.Devices {
						t.Errorf("summary: %+v", c)
						return
					}
				}
			}
		})
	}
	run(t, e, f.batches())
	close(stop)
	readers.Wait()
	c := e.Cohorts()
	if len(c) != 1 || c[0].Devices != 20 || c[0].Silent != 1 || c[0].Deviating != 8 || len(c[0].Metrics) != 3 {
		t.Errorf("summary: %+v", c)
	}
	if late := since(f.days).Sub(c[0].Through); late < 0 || late > 4*time.Hour {
		t.Errorf("judged up to %v", c[0].Through)
	}
}

// TestForecast measures on many drifts how often the interval holds what it
// promises: the share of true crossing times between P10 and P90.
func TestForecast(t *testing.T) {
	covered, early, late, told := 0, 0, 0, 0
	var errors []float64
	seeds := uint64(12)
	if raceEnabled {
		seeds = 5
	}
	for seed := range seeds {
		f := fleet{seed: 100 + seed, devices: 24, days: 11, every: time.Hour}
		slope := map[string]float64{}
		for i := range 3 {
			s := 0.45 + 0.1*float64(i)
			if i == 1 {
				s = -s
			}
			f.faults = append(f.faults, fault{device: i, metric: "temp", kind: anomaly.Drift, from: 3 + 0.3*float64(i), size: s})
			slope[name(i)] = s
		}
		for _, x := range run(t, newEngine(f.every), f.batches()) {
			if x.Forecast == nil || x.Forecast.Slope == 0 || slope[x.Key.Device] == 0 || x.Metric != "temp" {
				continue
			}
			p := x.Forecast
			if p.P10.After(p.P50) || p.P50.After(p.P90) || p.P10.Before(x.At) {
				t.Fatalf("at %v: %+v", x.At, p)
			}
			var i int
			for i = range 3 {
				if name(i) == x.Key.Device {
					break
				}
			}
			truth := since(f.faults[i].from + 4/math.Abs(f.faults[i].size))
			left := truth.Sub(x.At).Hours() / 24
			if left < 0.5 || p.P50.Equal(x.At) {
				continue
			}
			told++
			switch {
			case truth.Before(p.P10):
				late++
			case truth.After(p.P90):
				early++
			default:
				covered++
			}
			errors = append(errors, math.Abs(p.P50.Sub(truth).Hours()/24)/left)
		}
	}
	if told < 300 {
		t.Fatalf("only %d forecasts to judge", told)
	}
	t.Logf("%d forecasts: %.0f %% covered, %.0f %% too late, %.0f %% too early; median relative error %.2f",
		told, 100*float64(covered)/float64(told), 100*float64(late)/float64(told), 100*float64(early)/float64(told), middle(errors))
	if share := float64(covered) / float64(told); share < 0.65 {
		t.Errorf("the 80 %% interval covers %.2f", share)
	}
	if middle(errors) > 0.4 {
		t.Errorf("median relative error %.2f", middle(errors))
	}
}
