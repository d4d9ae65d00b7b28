package sim

import (
	"time"

	"github.com/forecare/forecare/devices"
)

// airSensor sees people breathe and the street's dust come in. It runs on a
// battery. Its baseline is what wanders in the field and what a calibration in
// fresh air restores.
func airSensor() design {
	return design{
		office: 0.5,
		model: devices.Model{
			ID: "air-a3", Name: "Air A3", Interval: 10 * time.Minute,
			Words: devices.Words{"en": "air-quality sensor", "ar": "حسّاس جودة الهواء"},
			Metrics: []devices.Metric{
				metric("co2", "ppm", 0, 10000, 320, 160,
					devices.Words{"en": "carbon dioxide reading", "ar": "قراءة ثاني أكسيد الكربون"}),
				metric("pm25", "µg/m³", 0, 1000, 20, 10,
					devices.Words{"en": "fine dust reading", "ar": "قراءة الغبار الدقيق"}),
				metric("temperature", "°C", -40, 85, 2.5, 1.2,
					devices.Words{"en": "temperature reading", "ar": "قراءة درجة الحرارة"}),
				metric("humidity", "%", 0, 100, 15, 8,
					devices.Words{"en": "humidity reading", "ar": "قراءة الرطوبة"}),
				metric("battery", "V", 0, 5, 0.6, 0.4,
					devices.Words{"en": "battery", "ar": "البطارية"}),
			},
			Remedies: []devices.Remedy{
				{
					ID: "calibration", Metrics: []string{"co2", "pm25", "temperature", "humidity"},
					Duration: 20 * time.Minute, Skill: "air", Command: "calibrate_baseline",
					Words: devices.Words{"en": "a short calibration", "ar": "معايرة قصيرة"},
				},
				{
					ID: "battery-change", Metrics: []string{"battery"},
					Duration: 15 * time.Minute, Skill: "air",
					Words: devices.Words{"en": "a new battery", "ar": "بطارية جديدة"},
				},
				restart(),
			},
		},
		gauges: []gauge{
			{ // co2: well ventilated rooms
				base: 440, swing: func(s scene) float64 { return 40 * s.usage },
				spread: 18, gain: 0.12, slow: 5, white: 3, resolution: 1,
			},
			{ // pm25: what filters let through of the street, and cooking
				base: 3, swing: func(s scene) float64 { return 0.1*s.sky.dust + 1.2*s.usage },
				spread: 0.3, gain: 0.1, slow: 0.4, white: 0.3, resolution: 0.1,
			},
			{ // temperature: heated and cooled, with a little of the weather
				base: 21.5, swing: func(s scene) float64 {
					return 0.03*within(s.sky.temp-12, -25, 25) + 0.4*s.usage
				},
				spread: 0.4, gain: 0.1, slow: 0.15, white: 0.04, resolution: 0.01,
			},
			{ // humidity
				base: 44, swing: func(s scene) float64 { return 0.09*(s.sky.humidity-60) + 1.5*s.usage },
				spread: 1.5, gain: 0.1, slow: 0.8, white: 0.3, resolution: 0.1,
			},
			{ // battery: two AA cells, good for two years, weaker in the cold
				base: batteryFresh, swing: func(s scene) float64 {
					return 0.001*within(s.sky.temp-15, -25, 15) - 0.0008*s.age.Hours()/24
				},
				spread: 0.012, gain: 0.1, slow: 0.003, white: 0.002, resolution: 0.001,
			},
		},
	}
}
