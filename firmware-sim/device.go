package sim

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/forecare/forecare/devices"
)

// Device is one simulated device: what it measures, what ails it and what has
// been done for it. It is safe for concurrent use and knows no transport.
type Device struct {
	unit    Unit
	design  design
	seed    uint64
	weather *weather
	office  bool
	traits  []traits

	mu    sync.Mutex
	cures []Cure
	ended []time.Time // by fault: when it was cured, zero while it is not
}

// traits are how one device differs from others of its make in one metric.
type traits struct {
	offset, gain float64
	slow         ar1
	white        uint64
}

// Cure is a remedy that was done. Test says that the device has sent, or will
// send, a reading a second for a minute after it to show the result.
type Cure struct {
	At     time.Time `json:"at"`
	Remedy string    `json:"remedy"`
	Test   bool      `json:"test,omitempty"`
}

// newDevice builds a device of a validated plan.
func newDevice(seed uint64, u Unit, w *weather) *Device {
	d := &Device{unit: u, weather: w, seed: mix(seed, seedOf(u.Key.Device)), ended: make([]time.Time, len(u.Faults))}
	d.design, _ = designOf(u.Model)
	d.office = uniform(mix(d.seed, 1)) < d.design.office
	for i, g := range d.design.gauges {
		s := mix(d.seed, 2, uint64(i))
		d.traits = append(d.traits, traits{
			offset: g.spread * normal(mix(s, 1)),
			gain:   g.gain * normal(mix(s, 2)),
			slow:   newAR1(mix(s, 3), 10*time.Minute, 0.7),
			white:  mix(s, 4),
		})
	}
	return d
}

// Key returns the device's name.
func (d *Device) Key() devices.Key { return d.unit.Key }

// Model returns the device's model.
func (d *Device) Model() *devices.Model { return &d.design.model }

// Sample returns what the device measures at t, in the order of its model. It
// depends on nothing but the plan, t, and the cures known by now.
func (d *Device) Sample(t time.Time) []devices.Field {
	local := t.In(d.weather.zone)
	s := scene{sky: d.weather.at(t), usage: usage(local, d.office), age: t.Sub(d.unit.Created)}
	out := make([]devices.Field, len(d.traits))
	for i := range d.traits {
		out[i] = devices.Field{Name: d.design.model.Metrics[i].Name, Value: d.value(i, t, s)}
	}
	return out
}

// value applies faults to the healthy value, and what the sensor can show.
func (d *Device) value(i int, t time.Time, s scene) float64 {
	m := &d.design.model.Metrics[i]
	at := t
	if f := d.active(StuckValue, m.Name, t); f != nil && t.After(f.Onset) {
		at = f.Onset
		s = scene{sky: d.weather.at(at), usage: usage(at.In(d.weather.zone), d.office), age: at.Sub(d.unit.Created)}
	}
	v := d.healthy(i, at, s)
	sum := v
	for j := range d.unit.Faults {
		f := &d.unit.Faults[j]
		if f.Metric != m.Name || !d.ails(j, at) {
			continue
		}
		sum += f.deviation(v, at)
		if f.Kind == NoiseGrowth {
			grown := math.Min(1, at.Sub(f.Onset).Hours()/24)
			sum += f.Size * grown * normal(mix(d.traits[i].white, uint64(at.UnixNano()), 9))
		}
	}
	step := d.design.gauges[i].resolution
	// Dividing by the inverse keeps 93.07 from becoming 93.07000000000001.
	return within(math.Round(sum/step)/math.Round(1/step), *m.Min, *m.Max)
}

func (d *Device) healthy(i int, t time.Time, s scene) float64 {
	g, x := &d.design.gauges[i], &d.traits[i]
	return g.base + x.offset + (1+x.gain)*g.swing(s) +
		g.slow*x.slow.at(t) + g.white*normal(mix(x.white, uint64(t.UnixNano())))
}

// ails reports whether fault j is at work at t.
func (d *Device) ails(j int, t time.Time) bool {
	f := &d.unit.Faults[j]
	if t.Before(f.Onset) || !f.Until.IsZero() && !t.Before(f.Until) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ended[j].IsZero() || t.Before(d.ended[j])
}

// active returns the first fault of the kind (and metric) at work at t.
func (d *Device) active(kind FaultKind, metric string, t time.Time) *Fault {
	for j := range d.unit.Faults {
		if f := &d.unit.Faults[j]; f.Kind == kind && f.Metric == metric && d.ails(j, t) {
			return f
		}
	}
	return nil
}

// Stamp returns the timestamp that the device gives to a reading taken at t.
func (d *Device) Stamp(t time.Time) time.Time {
	if f := d.active(ClockSkew, "", t); f != nil {
		return t.Add(f.skew(t))
	}
	return t
}

// Loses reports whether the reading of t is lost inside the device.
func (d *Device) Loses(t time.Time) bool {
	luck := uniform(mix(d.seed, 3, uint64(t.UnixNano())))
	if f := d.active(Dropout, "", t); f != nil && luck < f.Share {
		return true
	}
	for j := range d.unit.Faults {
		f := &d.unit.Faults[j]
		if f.Kind == BatteryWear && d.ails(j, t) && batteryFresh+f.deviation(batteryFresh, t) < batteryBrownOut {
			return luck < 0.6
		}
	}
	return false
}

// Online reports whether the device has a connection at t.
func (d *Device) Online(t time.Time) bool { return d.active(Offline, "", t) == nil }

// Firmware returns the release that the device runs at t.
func (d *Device) Firmware(t time.Time) string {
	for j := range d.unit.Faults {
		if f := &d.unit.Faults[j]; f.Kind == BadRelease && !t.Before(f.Onset) {
			return f.Release
		}
	}
	return d.unit.Firmware
}

// Cure does a remedy of the device's model at t. Unknown remedies are NotFound.
func (d *Device) Cure(remedy string, t time.Time, test bool) error {
	i := slices.IndexFunc(d.design.model.Remedies, func(r devices.Remedy) bool { return r.ID == remedy })
	if i < 0 {
		return devices.Errorf(devices.NotFound, "%s has no remedy %q", d.design.model.Name, remedy)
	}
	t = t.Truncate(time.Millisecond) // as sample times are
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cures = append(d.cures, Cure{At: t, Remedy: remedy, Test: test})
	for j := range d.unit.Faults {
		f := &d.unit.Faults[j]
		if d.ended[j].IsZero() && !t.Before(f.Onset) && f.curedBy(&d.design.model.Remedies[i]) {
			d.ended[j] = t
		}
	}
	return nil
}

// Cures returns what was done for the device so far, oldest first.
func (d *Device) Cures() []Cure {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.cures)
}
