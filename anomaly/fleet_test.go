package anomaly_test

import (
	"cmp"
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
// by gain and by autocorrelated noise. arrives tells when a reading of a
// device, taken at day, comes in; negative means never. Both are in days since
// monday; nil means at once.
type fleet struct {
	seed    uint64
	devices int
	days    float64
	every   time.Duration
	faults  []fault
	arrives func(device int, day float64) float64
}

// fault is one trouble of one device, in days since monday. Silence is the
// only one without a metric.
type fault struct {
	device int
	metric string
	kind   anomaly.Kind
	from   float64
	until  float64 // 0: never
	size   float64 // step: unit; drift: unit per day; noise: standard deviation
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
	at   float64 // days since monday
	body []byte
}

// member is one device of a fleet.
type member struct {
	offset, gain, slow, stuck [3]float64
	phase                     float64
	site                      int
}

// batches returns the fleet's readings in the order of their arrival.
func (f fleet) batches() []batch {
	rnd := rand.New(rand.NewPCG(f.seed, 7))
	members := make([]member, f.devices)
	for i := range members {
		m := &members[i]
		m.site, m.phase = i%3, rnd.Float64()
		for j, g := range gauges {
			m.offset[j], m.gain[j] = g.spread*rnd.NormFloat64(), g.gain*rnd.NormFloat64()
			m.stuck[j] = math.NaN()
		}
	}
	var weather [3]float64
	every := f.every.Hours() / 24
	var lines []batch
	for step := range int(f.days / every) {
		pull := f.every.Hours() / 36
		common := rnd.NormFloat64()
		for s := range weather { // fronts pass within days
			weather[s] += -pull*weather[s] + 5*math.Sqrt(2*pull)*(0.95*common+0.31*rnd.NormFloat64())
		}
		for _, i := range rnd.Perm(f.devices) {
			m := &members[i]
			day := (float64(step) + 0.9*(m.phase+0.1*rnd.Float64())) * every
			fields := m.measure(rnd, f.every, day, weather[m.site])
			arrival := day
			if f.arrives != nil {
				arrival = f.arrives(i, day)
			}
			for k := range f.faults {
				if x := &f.faults[k]; x.device == i && x.at(day) {
					if x.kind == anomaly.Silence {
						arrival = -1
					}
					m.ail(x, fields, rnd, day)
				}
			}
			if arrival >= 0 {
				lines = append(lines, batch{arrival, line(i, day, fields)})
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b batch) int { return cmp.Compare(a.at, b.at) })
	var out []batch
	for _, l := range lines {
		if n := len(out); n == 0 || math.Floor(out[n-1].at/every) != math.Floor(l.at/every) {
			out = append(out, batch{at: l.at})
		}
		last := &out[len(out)-1]
		last.body = append(last.body, l.body...)
	}
	return out
}

// measure returns what a healthy device measures.
func (m *member) measure(rnd *rand.Rand, every time.Duration, day, weather float64) []devices.Field {
	var out []devices.Field
	for j, g := range gauges {
		keep := math.Exp(-float64(every) / float64(g.memory))
		m.slow[j] = keep*m.slow[j] + math.Sqrt(1-keep*keep)*rnd.NormFloat64()
		swing := g.weather*(weather+0.15*day) + g.daily*dayShape(24*(day-math.Floor(day))) + g.weekly*weekShape(day)
		v := g.base + m.offset[j] + (1+m.gain[j])*swing + g.slow*m.slow[j] + g.white*rnd.NormFloat64()
		out = append(out, devices.Field{Name: g.name, Value: v})
	}
	return out
}

// ail applies a fault.
func (m *member) ail(x *fault, fields []devices.Field, rnd *rand.Rand, day float64) {
	for j := range fields {
		if fields[j].Name != x.metric {
			continue
		}
		v := &fields[j].Value
		switch x.kind {
		case anomaly.Drift:
			*v += x.size * (day - x.from)
		case anomaly.Step:
			*v += x.size
		case anomaly.Noise:
			*v += x.size * rnd.NormFloat64()
		case anomaly.Stuck:
			if math.IsNaN(m.stuck[j]) {
				m.stuck[j] = *v
			}
			*v = m.stuck[j]
		}
	}
}

// line is a reading of boiler i on the log, at the resolution of its sensors.
func line(i int, day float64, fields []devices.Field) []byte {
	r := devices.Reading{
		Key: devices.Key{Tenant: "acme", Device: name(i)}, Model: "boiler", Time: since(day).Round(time.Millisecond),
	}
	for j, f := range fields {
		step := gauges[j].detail
		r.Fields = append(r.Fields, devices.Field{Name: f.Name, Value: math.Round(f.Value/step) / math.Round(1/step)})
	}
	return r.AppendLine(nil)
}

func name(i int) string { return fmt.Sprintf("d%02d", i) }

func since(day float64) time.Time { return monday.Add(time.Duration(day * 24 * float64(time.Hour))) }

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
