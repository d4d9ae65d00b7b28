package sim_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/stat"

	"github.com/forecare/forecare/devices"
	sim "github.com/forecare/forecare/firmware-sim"
)

// monday is the beginning of a working week in Berlin, in winter.
var monday = time.Date(2026, 2, 2, 0, 0, 0, 0, time.FixedZone("CET", 3600))

// one plans a single device of a model in Berlin.
func one(t testing.TB, seed uint64, model string, faults ...sim.Fault) (sim.Plan, *sim.Device) {
	t.Helper()
	berlin := sim.Cities()[slices.IndexFunc(sim.Cities(), func(s devices.Site) bool { return s.ID == "berlin" })]
	p, err := sim.NewPlan(sim.PlanOptions{Seed: seed, Start: monday, Devices: 1, Models: []string{model}, Sites: []devices.Site{berlin}})
	if err != nil {
		t.Fatal(err)
	}
	p.Devices[0].Faults = faults
	d, err := p.Device(p.Devices[0].Key.Device)
	if err != nil {
		t.Fatal(err)
	}
	return p, d
}

// series samples one metric every ten minutes.
func series(d *sim.Device, metric string, from time.Time, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = sample(d, metric, from.Add(time.Duration(i)*10*time.Minute))
	}
	return out
}

func sample(d *sim.Device, metric string, t time.Time) float64 {
	for _, f := range d.Sample(t) {
		if f.Name == metric {
			return f.Value
		}
	}
	return math.NaN()
}

func TestModelsAreComplete(t *testing.T) {
	models := sim.Models("acme")
	if len(models) < 3 {
		t.Fatalf("there are %d models", len(models))
	}
	for _, m := range models {
		if err := m.Validate(); err != nil {
			t.Error(err)
		}
		if m.Tenant != "acme" || m.Words["en"] == "" || m.Words["ar"] == "" || m.Interval <= 0 {
			t.Errorf("%s is not complete: %+v", m.ID, m)
		}
		for _, x := range m.Metrics {
			if !devices.ValidMetric(x.Name) || x.Min == nil || x.Max == nil || x.Noticeable <= x.Tolerance || x.Tolerance <= 0 ||
				x.Words["en"] == "" || x.Words["ar"] == "" {
				t.Errorf("%s.%s is not complete: %+v", m.ID, x.Name, x)
			}
			if r, ok := m.RemedyFor(x.Name); !ok || len(r.Metrics) == 0 {
				t.Errorf("%s.%s has no remedy of its own", m.ID, x.Name)
			}
		}
		for _, r := range m.Remedies {
			if r.Duration <= 0 || r.Words["en"] == "" || r.Words["ar"] == "" {
				t.Errorf("%s: remedy %s is not complete", m.ID, r.ID)
			}
		}
		// What hangs in the firmware is cured from afar.
		if r, ok := m.RemedyFor(""); !ok || !r.Remote || r.Command == "" {
			t.Errorf("%s: a silent device cannot be restarted", m.ID)
		}
	}
}

// The same plan yields the same readings, another seed others, and every
// reading is possible: that is what makes ground truth true.
func TestReadingsFollowFromThePlan(t *testing.T) {
	t.Parallel()
	for range 20 {
		seed := rand.Uint64()
		start := monday.Add(time.Duration(rand.IntN(365*24)) * time.Hour)
		p, err := sim.NewPlan(sim.PlanOptions{Seed: seed, Start: start, Devices: 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range sim.FaultKinds()[:2] {
			if _, err := p.Spoil(kind, "", "", start); err != nil {
				t.Fatal(err)
			}
		}
		first, again := collect(t, p), collect(t, p)
		if d := cmp.Diff(first, again); d != "" {
			t.Fatalf("seed %d, start %s: the second run differs:\n%s", seed, start, d)
		}
		models := map[string]devices.Model{}
		for _, m := range sim.Models(p.Tenant) {
			models[m.ID] = m
		}
		for _, x := range first {
			m := models[x.Model]
			for _, f := range x.Fields {
				metric, ok := m.Metric(f.Name)
				if !ok || f.Value < *metric.Min || f.Value > *metric.Max || math.IsNaN(f.Value) {
					t.Fatalf("seed %d, start %s: %s says %s = %v", seed, start, x.Key, f.Name, f.Value)
				}
			}
		}
		p.Seed++
		if cmp.Equal(first, collect(t, p)) {
			t.Fatalf("seed %d: another seed changed nothing", seed)
		}
	}
}

func collect(t *testing.T, p sim.Plan) []devices.Reading {
	seq, err := p.Readings(p.Start, p.Start.Add(90*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	out := slices.Collect(seq)
	if !slices.IsSortedFunc(out, func(a, b devices.Reading) int { return a.Time.Compare(b.Time) }) {
		t.Fatal("the readings are not in order")
	}
	return out
}

func TestSamplingJittersAroundTheInterval(t *testing.T) {
	p, _ := one(t, 1, "espresso-e1")
	seq, err := p.Readings(monday, monday.Add(7*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var gaps []float64
	last := time.Time{}
	for r := range seq {
		if !last.IsZero() {
			gaps = append(gaps, r.Time.Sub(last).Minutes())
		}
		last = r.Time
	}
	mean, sd := stat.MeanStdDev(gaps, nil)
	if math.Abs(mean-10) > 0.05 || sd < 0.2 || slices.Max(gaps) > 12 || slices.Min(gaps) < 8 {
		t.Errorf("%d gaps of %.2f min (sd %.2f, %.1f to %.1f)", len(gaps), mean, sd, slices.Min(gaps), slices.Max(gaps))
	}
}

func TestDaysAndWeeksHaveAShape(t *testing.T) {
	offices := 0
	for seed := range uint64(12) {
		_, d := one(t, seed, "air-a3")
		week := series(d, "co2", monday, 7*144)
		night := stat.Mean(week[12:24], nil) // 02:00 to 04:00
		busy := slices.Max(week[:144])
		if busy-night < 30 {
			t.Errorf("seed %d: co2 is %.0f at night and at most %.0f by day", seed, night, busy)
		}
		noon := func(day int) float64 { return stat.Mean(week[day*144+57:day*144+63], nil) } // about 10:00
		if noon(0) > noon(5)+12 && noon(1) > noon(6)+12 {
			offices++ // busy on weekdays only
		}
	}
	if offices == 0 || offices == 12 {
		t.Errorf("%d of 12 sensors have an office's week; homes and offices were to be mixed", offices)
	}
}

func TestNeighboursShareTheirWeather(t *testing.T) {
	p, err := sim.NewPlan(sim.PlanOptions{Seed: 3, Start: monday, Devices: 48})
	if err != nil {
		t.Fatal(err)
	}
	damp := map[string][][]float64{} // by site: indoor humidity of its sensors
	for _, u := range p.Devices {
		if u.Model != "air-a3" {
			continue
		}
		d, err := p.Device(u.Key.Device)
		if err != nil {
			t.Fatal(err)
		}
		damp[u.Site.ID] = append(damp[u.Site.ID], series(d, "humidity", monday, 20*144))
	}
	near := stat.Correlation(damp["berlin"][0], damp["berlin"][1], nil)
	far := stat.Correlation(damp["berlin"][0], damp["auckland"][0], nil)
	if near < 0.3 || math.Abs(far) > near-0.15 {
		t.Errorf("humidity correlates by %.2f within Berlin and by %.2f with Auckland", near, far)
	}
}

func TestDevicesOfAMakeDiffer(t *testing.T) {
	var levels []float64
	for seed := range uint64(40) {
		_, d := one(t, seed, "espresso-e1")
		levels = append(levels, stat.Mean(series(d, "brew_temp", monday, 144), nil))
	}
	mean, sd := stat.MeanStdDev(levels, nil)
	if math.Abs(mean-92.8) > 0.5 || sd < 0.2 || sd > 0.6 {
		t.Errorf("the machines brew at %.2f °C (sd %.2f)", mean, sd)
	}
}

func TestHealthyReadingsVary(t *testing.T) {
	for _, m := range sim.Models("demo") {
		_, d := one(t, 5, m.ID)
		for _, x := range m.Metrics {
			v := series(d, x.Name, monday, 288)
			run, longest := 1, 1
			for i := 1; i < len(v); i++ {
				if run++; v[i] != v[i-1] {
					run = 1
				}
				longest = max(longest, run)
			}
			if longest > 6 {
				t.Errorf("%s.%s repeats one value %d times although it is healthy", m.ID, x.Name, longest)
			}
		}
	}
}
