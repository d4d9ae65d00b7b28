package anomaly_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
)

// monday is when simulated time begins.
var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// fleet is a simulated fleet of one model. Healthy devices share the weather
// of their site, the shape of the day and of the week, and differ by offset,
// by gain and by autocorrelated noise.
type fleet struct {
	seed    uint64
	devices int
	days    float64
	every   time.Duration
	faults  []fault
	quiet   bool // no noise beyond white noise: for exact expectations
}

// fault is one trouble of one device, in days since monday.
type fault struct {
	device  int
	metric  string
	kind    anomaly.Kind
	from    float64
	until   float64 // 0: never
	size    float64 // step: unit; drift: unit per day; noise: standard deviation
	backlog bool    // silence: readings are kept and sent at the end
}

func (f *fault) at(day float64) bool { return day >= f.from && (f.until == 0 || day < f.until) }

// boiler is the simulated model.
func boiler(every time.Duration) *devices.Model {
	return &devices.Model{
		Tenant: "acme", ID: "boiler", Interval: every,
		Metrics: []devices.Metric{
			{Name: "effort", Unit: "%", Noticeable: 15, Tolerance: 8},
			{Name: "pressure", Unit: "bar", Noticeable: 0.6, Tolerance: 0.3},
			{Name: "temp", Unit: "°C", Noticeable: 4, Tolerance: 1.5},
		},
	}
}

// gauge is how one metric of a boiler behaves.
type gauge struct {
	name                      string
	base, spread              float64
	weather, daily, weekly    float64 // what a gain of 1 makes of them
	gain, slow, white, detail float64
	memory                    time.Duration // of the slow noise
}

var gauges = []gauge{
	{name: "effort", base: 30, spread: 2, weather: -0.6, daily: 8, weekly: 4, gain: 0.08, slow: 0.9, white: 0.8, detail: 0.1, memory: 3 * time.Hour},
	{name: "pressure", base: 2, spread: 0.1, weather: 0.004, daily: 0.02, gain: 0.1, slow: 0.02, white: 0.01, detail: 0.001, memory: 6 * time.Hour},
	{name: "temp", base: 60, spread: 0.8, weather: 0.15, daily: 1.5, weekly: -0.5, gain: 0.1, slow: 0.12, white: 0.08, detail: 0.01, memory: 2 * time.Hour},
}

// batch is what arrives together.
type batch struct {
	at   time.Time
	body []byte
}

// batches returns the fleet's readings in the order of their arrival.
func (f fleet) batches() []batch {
	rnd := rand.New(rand.NewPCG(f.seed, 7))
	type member struct {
		site        int
		offset      [3]float64
		gain, slow  [3]float64
		stuck       [3]float64
		phase       float64
		waiting     []byte
		hasStuckVal [3]bool
	}
	members := make([]member, f.devices)
	for i := range members {
		m := &members[i]
		m.site = i % 3
		m.phase = rnd.Float64()
		for j, g := range gauges {
			m.offset[j], m.gain[j] = g.spread*rnd.NormFloat64(), g.gain*rnd.NormFloat64()
			if f.quiet {
				m.gain[j] = 0
			}
		}
	}
	var weather [3]float64
	var out []batch
	steps := int(f.days * 24 * float64(time.Hour) / float64(f.every))
	for step := range steps {
		now := float64(step) * f.every.Hours() / 24
		pull := f.every.Hours() / 36
		common := rnd.NormFloat64()
		for s := range weather { // fronts pass within days, and it gets warmer
			weather[s] += -pull*weather[s] + 5*math.Sqrt(2*pull)*(0.95*common+0.31*rnd.NormFloat64())
		}
		b := batch{at: monday.Add(time.Duration(now * 24 * float64(time.Hour)))}
		for _, i := range rnd.Perm(f.devices) {
			m := &members[i]
			jitter := (m.phase + 0.1*rnd.Float64()) * 0.9
			day := now + jitter*f.every.Hours()/24
			t := monday.Add(time.Duration(day * 24 * float64(time.Hour))).Round(time.Millisecond)
			r := devices.Reading{Key: devices.Key{Tenant: "acme", Device: fmt.Sprintf("d%02d", i)}, Model: "boiler", Time: t}
			for j, g := range gauges {
				keep := math.Exp(-float64(f.every) / float64(g.memory))
				m.slow[j] = keep*m.slow[j] + math.Sqrt(1-keep*keep)*rnd.NormFloat64()
				hour := 24 * (day - math.Floor(day))
				swing := g.weather*(weather[m.site]+0.15*day) + g.daily*dayShape(hour) + g.weekly*weekShape(day)
				v := g.base + m.offset[j] + (1+m.gain[j])*swing + g.white*rnd.NormFloat64()
				if !f.quiet {
					v += g.slow * m.slow[j]
				}
				r.Fields = append(r.Fields, devices.Field{Name: g.name, Value: math.Round(v/g.detail) / math.Round(1/g.detail)})
			}
			silent, keep := false, false
			for k := range f.faults {
				x := &f.faults[k]
				if x.device != i || !x.at(day) {
					continue
				}
				for j := range r.Fields {
					if r.Fields[j].Name != x.metric {
						continue
					}
					switch v := &r.Fields[j].Value; x.kind {
					case anomaly.Drift:
						*v += x.size * (day - x.from)
					case anomaly.Step:
						*v += x.size
					case anomaly.Noise:
						*v += x.size * rnd.NormFloat64()
					case anomaly.Stuck:
						if !m.hasStuckVal[j] {
							m.stuck[j], m.hasStuckVal[j] = *v, true
						}
						*v = m.stuck[j]
					}
				}
				if x.kind == anomaly.Silence {
					silent, keep = true, x.backlog
				}
			}
			switch {
			case silent && keep:
				m.waiting = r.AppendLine(m.waiting)
			case !silent:
				if len(m.waiting) > 0 {
					out = append(out, batch{b.at, m.waiting})
					m.waiting = nil
				}
				b.body = r.AppendLine(b.body)
			}
		}
		if len(b.body) > 0 {
			out = append(out, b)
		}
	}
	return out
}

// dayShape has a peak in the morning and one in the evening.
func dayShape(hour float64) float64 {
	peak := func(at float64) float64 { d := hour - at; return math.Exp(-d * d / 8) }
	return peak(7) + 0.8*peak(19) - 0.3
}

// weekShape is 1 on Saturday and Sunday.
func weekShape(day float64) float64 {
	if d := int(day) % 7; d >= 5 {
		return 1
	}
	return 0
}

// newEngine returns an engine that knows the boiler.
func newEngine(every time.Duration) *anomaly.Engine {
	m := boiler(every)
	return anomaly.New(anomaly.Options{Models: func(string, string) *devices.Model { return m }})
}

// run feeds batches to the engine, with sequences from first, and returns the
// findings.
func run(t testing.TB, e *anomaly.Engine, batches []batch) []anomaly.Finding {
	t.Helper()
	var out []anomaly.Finding
	for _, b := range batches {
		found, err := e.Step(e.Sequence()+1, b.body)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, found...)
	}
	return out
}

// story is a finding's life in short.
type story struct {
	device, metric string
	kind           anomaly.Kind // of the newest revision
	opened         float64      // days since monday
	cleared        float64      // 0: still open
	first, last    anomaly.Finding
}

func day(t time.Time) float64 { return t.Sub(monday).Hours() / 24 }

// stories sorts findings into lives and checks that each is one: opened once,
// revisions without a gap, nothing after it cleared.
func stories(t testing.TB, found []anomaly.Finding) []story {
	t.Helper()
	var out []story
	byID := map[string]int{}
	for _, f := range found {
		i, known := byID[f.ID]
		if known == (f.Status == anomaly.Opened) {
			t.Errorf("finding %s: revision %d has status %s", f.ID, f.Revision, f.Status)
			continue
		}
		if !known {
			i = len(out)
			byID[f.ID] = i
			out = append(out, story{device: f.Key.Device, metric: f.Metric, opened: day(f.Detected), first: f})
		}
		s := &out[i]
		if s.cleared != 0 {
			t.Errorf("finding %s: revision %d after it cleared", f.ID, f.Revision)
		}
		if f.Revision != s.last.Revision+1 {
			t.Errorf("finding %s: revision %d after %d", f.ID, f.Revision, s.last.Revision)
		}
		if f.At.Before(s.last.At) || f.Onset.After(f.Detected) {
			t.Errorf("finding %s: onset %v, detected %v, at %v after %v", f.ID, f.Onset, f.Detected, f.At, s.last.At)
		}
		if f.Status == anomaly.Updated && f.At.Sub(s.last.At) < time.Hour {
			t.Errorf("finding %s: revision %d only %v after the one before", f.ID, f.Revision, f.At.Sub(s.last.At))
		}
		s.kind, s.last = f.Kind, f
		if f.Status == anomaly.Cleared {
			s.cleared = day(f.At)
		}
	}
	slices.SortFunc(out, func(a, b story) int { return a.first.Detected.Compare(b.first.Detected) })
	return out
}

func (s story) String() string {
	return fmt.Sprintf("%s %s %s opened day %.2f onset %.2f cleared %.2f size %.2f rev %d: %s",
		s.device, s.metric, s.kind, s.opened, day(s.first.Onset), s.cleared, s.first.Size, s.last.Revision, s.first.Reason)
}
