package sim

import (
	"time"

	"github.com/forecare/forecare/devices"
)

// heatPump is a brine heat pump for floor heating: a flat heating curve, so
// that pumps in warm and in cold cities can be compared.
func heatPump() design {
	return design{
		office: 0.2,
		model: devices.Model{
			ID: "heatpump-h7", Name: "Heat pump H7", Interval: 10 * time.Minute,
			Words: devices.Words{"en": "heat pump", "ar": "المضخة الحرارية"},
			Metrics: []devices.Metric{
				metric("supply_temp", "°C", -20, 90, 4, 2,
					devices.Words{"en": "supply temperature", "ar": "درجة حرارة مياه التدفئة"}),
				metric("cop", "1", 0, 12, 0.8, 0.4,
					devices.Words{"en": "efficiency", "ar": "كفاءة التدفئة"}),
				metric("compressor_current", "A", 0, 40, 2, 1,
					devices.Words{"en": "compressor current", "ar": "تيار الضاغط"}),
				metric("brine_pressure", "bar", 0, 6, 0.5, 0.25,
					devices.Words{"en": "brine pressure", "ar": "ضغط دائرة المحلول"}),
			},
			Remedies: []devices.Remedy{
				{
					ID: "sensor-check", Metrics: []string{"supply_temp", "compressor_current"},
					Duration: 10 * time.Minute, Command: "calibrate_sensors", Remote: true,
					Words: devices.Words{"en": "a sensor check from afar", "ar": "فحص للحسّاسات عن بُعد"},
				},
				{
					ID: "brine-service", Metrics: []string{"brine_pressure", "cop"},
					Duration: 90 * time.Minute, Skill: "heating",
					Words: devices.Words{"en": "a top-up of the brine circuit", "ar": "إعادة تعبئة دائرة المحلول"},
				},
				restart(),
			},
		},
		gauges: []gauge{
			{ // supply_temp: a flat heating curve, and hot water when people wash
				base: 35, swing: func(s scene) float64 { return 0.05*lift(s) + 0.6*s.usage },
				spread: 0.6, gain: 0.1, slow: 0.2, white: 0.08, resolution: 0.01,
			},
			{ // cop: less lift, less work
				base: 4.2, swing: func(s scene) float64 { return -0.01 * lift(s) },
				spread: 0.12, gain: 0.1, slow: 0.05, white: 0.03, resolution: 0.01,
			},
			{ // compressor_current
				base: 6, swing: func(s scene) float64 { return 0.025*lift(s) + 0.3*s.usage },
				spread: 0.25, gain: 0.1, slow: 0.1, white: 0.06, resolution: 0.01,
			},
			{ // brine_pressure: brine expands a little
				base: 1.8, swing: func(s scene) float64 { return -0.003 * lift(s) },
				spread: 0.05, gain: 0.1, slow: 0.008, white: 0.005, resolution: 0.001,
			},
		},
	}
}

// lift returns by how many degrees the air outside is colder than 10 °C.
func lift(s scene) float64 { return within(10-s.sky.temp, -20, 25) }
