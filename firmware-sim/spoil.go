package sim

import (
	"time"

	"github.com/forecare/forecare/devices"
)

// FaultKinds returns the kinds that Spoil knows: all but a bad release, which
// is of a cohort.
func FaultKinds() []FaultKind {
	return []FaultKind{SlowDrift, Aging, StepChange, StuckValue, NoiseGrowth, BatteryWear, Dropout, ClockSkew, Offline}
}

// Typical returns a fault of usual size for a metric of a model ("" means the
// model's first, or the battery for battery wear).
func Typical(kind FaultKind, model, metric string, onset time.Time) (Fault, error) {
	d, ok := designOf(model)
	if !ok {
		return Fault{}, devices.Errorf(devices.Invalid, "there is no simulated model %q", model)
	}
	f := Fault{Kind: kind, Metric: metric, Onset: onset.UTC().Truncate(time.Millisecond)}
	if metric == "" && !f.whole() {
		f.Metric = d.model.Metrics[0].Name
		if kind == BatteryWear {
			f.Metric = "battery"
		}
	}
	limit := 0.0
	if m, ok := d.model.Metric(f.Metric); ok {
		limit = m.Noticeable
	}
	switch kind {
	case SlowDrift, BadRelease:
		f.Slope = limit / 10 // noticed after ten days
	case Aging:
		f.Slope = limit / 100 // likewise, but later visible
	case StepChange:
		f.Size = 0.5 * limit
	case NoiseGrowth:
		f.Size = 0.5 * limit
	case BatteryWear:
		f.Slope = -0.06
	case Dropout:
		f.Share = 0.5
	case ClockSkew:
		f.Size, f.Slope = -20, -40 // slow crystals
	case Offline:
		f.Until = f.Onset.Add(8 * time.Hour)
	}
	return f, f.validate(&d.model)
}

// Spoil gives a device of the plan a typical fault. Devices that have one
// already are left alone, so are those of owners who have a faulty device; of
// the others the seed chooses. Model "" means any that can have the fault.
// It returns the device's id, NotFound if no device is left.
func (p *Plan) Spoil(kind FaultKind, model, metric string, onset time.Time) (string, error) {
	return p.SpoilOne(func(u Unit) bool { return model == "" || u.Model == model }, kind, metric, onset)
}

// SpoilOne is Spoil for the devices that suit.
func (p *Plan) SpoilOne(suits func(Unit) bool, kind FaultKind, metric string, onset time.Time) (string, error) {
	troubled := make(map[string]bool)
	for _, u := range p.Devices {
		if len(u.Faults) > 0 {
			troubled[u.Owner] = true
		}
	}
	best, at := uint64(0), -1
	var fault Fault
	for i, u := range p.Devices {
		f, err := Typical(kind, u.Model, metric, onset)
		if err != nil || len(u.Faults) > 0 || u.Owner != "" && troubled[u.Owner] || !suits(u) {
			continue
		}
		if h := mix(p.Seed, seedOf(u.Key.Device), seedOf(string(kind))); at < 0 || h < best {
			best, at, fault = h, i, f
		}
	}
	if at < 0 {
		return "", devices.Errorf(devices.NotFound, "no healthy device is left for a fault of kind %s", kind)
	}
	p.Devices[at].Faults = append(p.Devices[at].Faults, fault)
	return p.Devices[at].Key.Device, nil
}

// Release installs firmware on all devices of a model at an instant; from then
// the metric drifts on every one of them. It returns how many there are.
func (p *Plan) Release(firmware, model, metric string, at time.Time) (int, error) {
	f, err := Typical(BadRelease, model, metric, at)
	if err != nil {
		return 0, err
	}
	f.Release = firmware
	n := 0
	for i := range p.Devices {
		if p.Devices[i].Model == model {
			p.Devices[i].Faults = append(p.Devices[i].Faults, f)
			n++
		}
	}
	if n == 0 {
		return 0, devices.Errorf(devices.NotFound, "the plan has no device of model %q", model)
	}
	return n, nil
}
