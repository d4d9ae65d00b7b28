package sim

import (
	"math"
	"time"

	"github.com/forecare/forecare/devices"
)

// design is one make of device: its model, and how each of its metrics behaves
// in a healthy device. Gauges stand in the order of model.Metrics.
type design struct {
	model  devices.Model
	gauges []gauge
	office float64 // share of devices that stand in offices rather than homes
}

// gauge is the behaviour of one metric. A healthy device reads
// base + its own offset + (1 + its own gain) * swing(scene) + noise.
type gauge struct {
	base       float64
	swing      func(s scene) float64
	spread     float64 // standard deviation of the devices' offsets
	gain       float64 // standard deviation of the devices' gains
	slow       float64 // standard deviation of correlated noise
	white      float64 // standard deviation of noise from reading to reading
	resolution float64 // what the sensor can tell apart
}

// scene is all that a device's surroundings do to it at one instant.
type scene struct {
	sky   sky
	usage float64       // how busy people are there, 0..1
	age   time.Duration // since the device was switched on
}

// Models returns the models of all simulated devices for a tenant.
func Models(tenant string) []devices.Model {
	var out []devices.Model
	for _, d := range designs() {
		d.model.Tenant = tenant
		out = append(out, d.model)
	}
	return out
}

func designs() []design {
	return []design{espressoMachine(), airSensor(), heatPump()}
}

func designOf(model string) (design, bool) {
	for _, d := range designs() {
		if d.model.ID == model {
			return d, true
		}
	}
	return design{}, false
}

// metric builds a Metric with its physical bounds.
func metric(name, unit string, lowest, highest, noticeable, tolerance float64, words devices.Words) devices.Metric {
	return devices.Metric{
		Name: name, Unit: unit, Words: words,
		Min: &lowest, Max: &highest, Noticeable: noticeable, Tolerance: tolerance,
	}
}

// restart is the remedy that every design has: it cures what a fresh start of
// the firmware cures, and no worn part.
func restart() devices.Remedy {
	return devices.Remedy{
		ID: "restart", Duration: 5 * time.Minute, Command: "restart", Remote: true,
		Words: devices.Words{"en": "a restart", "ar": "إعادة تشغيل"},
	}
}

func within(v, lo, hi float64) float64 { return math.Min(hi, math.Max(lo, v)) }
