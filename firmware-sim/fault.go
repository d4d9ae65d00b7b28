package sim

import (
	"math"
	"time"

	"github.com/forecare/forecare/devices"
)

// FaultKind names what goes wrong with a simulated device.
type FaultKind string

// The kinds. Behind each stands what Slope, Size and Share mean for it; days
// are counted from Onset.
const (
	SlowDrift   FaultKind = "drift"   // Slope per day, steadily
	Aging       FaultKind = "aging"   // Slope per day squared: ever faster
	StepChange  FaultKind = "step"    // Size at once
	StuckValue  FaultKind = "stuck"   // the value of Onset for ever
	NoiseGrowth FaultKind = "noise"   // Size is the standard deviation of added noise, reached over a day
	BatteryWear FaultKind = "battery" // Slope (negative) per day, four times faster below 2.6 V; brown-outs below 2.4 V
	Dropout     FaultKind = "dropout" // Share of the readings is lost before it is sent
	ClockSkew   FaultKind = "skew"    // timestamps are off by Size seconds, and Slope seconds more per day
	Offline     FaultKind = "offline" // no connection until Until; readings are buffered and sent afterwards
	BadRelease  FaultKind = "release" // firmware Release is installed at Onset; from then Slope per day
)

// What two AA cells do, in volts.
const (
	batteryFresh    = 3.02
	batteryKnee     = 2.6 // from here they give up quickly
	batteryBrownOut = 2.4 // below, the radio fails more often than not
)

// Fault is one trouble of one device. Metric is empty for dropout, skew and
// offline, which are of the whole device.
type Fault struct {
	Kind    FaultKind `json:"kind"`
	Metric  string    `json:"metric,omitempty"`
	Onset   time.Time `json:"onset"`
	Until   time.Time `json:"until,omitzero"`
	Slope   float64   `json:"slope,omitempty"`
	Size    float64   `json:"size,omitempty"`
	Share   float64   `json:"share,omitempty"`
	Release string    `json:"release,omitempty"`
}

// whole reports whether the fault is of the device and not of one metric.
func (f *Fault) whole() bool {
	return f.Kind == Dropout || f.Kind == ClockSkew || f.Kind == Offline
}

// validate says what is wrong with a fault of a device of the model.
func (f *Fault) validate(m *devices.Model) error {
	bad := func(format string, args ...any) error {
		return devices.Errorf(devices.Invalid, "fault "+string(f.Kind)+": "+format, args...)
	}
	if f.Onset.IsZero() {
		return bad("it needs an onset")
	}
	if _, ok := m.Metric(f.Metric); !ok && !f.whole() {
		return bad("model %s has no metric %q", m.ID, f.Metric)
	}
	if f.whole() && f.Metric != "" {
		return bad("it is of the whole device, so leave out the metric %q", f.Metric)
	}
	switch f.Kind {
	case SlowDrift, Aging, BadRelease:
		if f.Slope == 0 {
			return bad("it needs a slope")
		}
	case BatteryWear:
		if x, _ := m.Metric(f.Metric); x.Unit != "V" {
			return bad("%s is no battery, which is measured in V", f.Metric)
		}
		if f.Slope >= 0 {
			return bad("it needs a negative slope")
		}
	case StepChange:
		if f.Size == 0 {
			return bad("it needs a size")
		}
	case NoiseGrowth:
		if f.Size <= 0 {
			return bad("it needs a size above 0")
		}
	case Dropout:
		if f.Share <= 0 || f.Share > 1 {
			return bad("its share must be above 0 and at most 1")
		}
	case ClockSkew:
		if f.Size == 0 && f.Slope == 0 {
			return bad("it needs a size or a slope, in seconds")
		}
	case Offline:
		if !f.Until.After(f.Onset) {
			return bad("it must end after its onset")
		}
	case StuckValue:
	default:
		return devices.Errorf(devices.Invalid, "there is no fault of kind %q", f.Kind)
	}
	return nil
}

// deviation returns what the fault adds to the healthy value v at t, t at or
// after Onset. Stuck and noise are the device's to apply.
func (f *Fault) deviation(v float64, t time.Time) float64 {
	days := t.Sub(f.Onset).Hours() / 24
	switch f.Kind {
	case SlowDrift, BadRelease:
		return f.Slope * days
	case Aging:
		return f.Slope * days * days
	case StepChange:
		return f.Size
	case BatteryWear:
		down := f.Slope * days
		if knee := math.Min(0, batteryKnee-v); down < knee {
			down += 3 * (down - knee)
		}
		return down
	}
	return 0
}

// skew returns by how much the device's clock is off at t.
func (f *Fault) skew(t time.Time) time.Duration {
	days := t.Sub(f.Onset).Hours() / 24
	return time.Duration((f.Size + f.Slope*days) * float64(time.Second)).Round(time.Millisecond)
}

// crosses returns when the deviation reaches the noticeable limit, zero if it
// never does or the limit is not known.
func (f *Fault) crosses(noticeable float64) time.Time {
	if noticeable <= 0 {
		return time.Time{}
	}
	days := math.NaN()
	switch f.Kind {
	case SlowDrift, BadRelease:
		days = noticeable / math.Abs(f.Slope)
	case BatteryWear:
		knee := batteryFresh - batteryKnee
		days = (math.Min(noticeable, knee) + math.Max(0, noticeable-knee)/4) / math.Abs(f.Slope)
	case Aging:
		days = math.Sqrt(noticeable / math.Abs(f.Slope))
	case StepChange:
		if math.Abs(f.Size) >= noticeable {
			days = 0
		}
	}
	if math.IsNaN(days) || days > 36500 {
		return time.Time{}
	}
	return f.Onset.Add(time.Duration(days * 24 * float64(time.Hour))).Round(time.Second)
}

// curedBy reports whether the remedy cures the fault: a remedy that names the
// fault's metric cures whatever ails it, one that names none (a restart) cures
// what hangs in the firmware, but no wear.
func (f *Fault) curedBy(r *devices.Remedy) bool {
	if len(r.Metrics) == 0 {
		return f.whole() || f.Kind == StuckValue
	}
	for _, name := range r.Metrics {
		if name == f.Metric {
			return true
		}
	}
	return false
}
