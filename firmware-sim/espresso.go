package sim

import (
	"time"

	"github.com/forecare/forecare/devices"
)

// espressoMachine holds its brewing temperature against the load of the
// morning; its grinder feels the damp in the beans.
func espressoMachine() design {
	return design{
		office: 0.4,
		model: devices.Model{
			ID: "espresso-e1", Name: "Espresso E1", Interval: 10 * time.Minute,
			Words: devices.Words{"en": "espresso machine", "ar": "آلة الإسبريسو"},
			Metrics: []devices.Metric{
				metric("brew_temp", "°C", 0, 140, 3.5, 1.2,
					devices.Words{"en": "brewing temperature", "ar": "درجة حرارة التحضير"}),
				metric("pump_pressure", "bar", 0, 20, 1.2, 0.6,
					devices.Words{"en": "pump pressure", "ar": "ضغط المضخة"}),
				metric("grind_time", "s", 0, 120, 2.5, 1.2,
					devices.Words{"en": "grinding time", "ar": "مدة الطحن"}),
				metric("boiler_duty", "%", 0, 100, 25, 14,
					devices.Words{"en": "heating effort", "ar": "مجهود التسخين"}),
			},
			Remedies: []devices.Remedy{
				{
					ID: "calibration", Metrics: []string{"brew_temp", "grind_time"},
					Duration: 30 * time.Minute, Skill: "espresso", Command: "calibrate",
					Words: devices.Words{"en": "a short calibration", "ar": "معايرة قصيرة"},
				},
				{
					ID: "pump-service", Metrics: []string{"pump_pressure"},
					Duration: time.Hour, Skill: "espresso",
					Words: devices.Words{"en": "a small pump service", "ar": "صيانة بسيطة للمضخة"},
				},
				{
					ID: "descaling", Metrics: []string{"boiler_duty"},
					Duration: 45 * time.Minute, Skill: "espresso",
					Words: devices.Words{"en": "a descaling", "ar": "إزالة التكلّس"},
				},
				restart(),
			},
		},
		gauges: []gauge{
			{ // brew_temp: every cup takes some heat out
				base: 93, swing: func(s scene) float64 { return -0.12 * s.usage },
				spread: 0.35, gain: 0.15, slow: 0.06, white: 0.05, resolution: 0.01,
			},
			{ // pump_pressure: sags a little under load
				base: 9, swing: func(s scene) float64 { return -0.12 * s.usage },
				spread: 0.12, gain: 0.15, slow: 0.05, white: 0.04, resolution: 0.01,
			},
			{ // grind_time: damp beans grind slowly
				base: 14, swing: func(s scene) float64 { return 0.01 * (s.sky.humidity - 60) },
				spread: 0.5, gain: 0.1, slow: 0.12, white: 0.08, resolution: 0.01,
			},
			{ // boiler_duty: use, and a cold kitchen
				base: 18, swing: func(s scene) float64 {
					return 7*s.usage - 0.1*within(s.sky.temp-15, -15, 15)
				},
				spread: 1, gain: 0.1, slow: 0.9, white: 0.7, resolution: 0.1,
			},
		},
	}
}
