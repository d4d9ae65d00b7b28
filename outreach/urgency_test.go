package outreach_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
)

func TestUrgencyIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := finding(devices.Key{Tenant: "acme", Device: "d"}, "temp", 1, anomaly.Opened, noon)
		f.Kind = rapid.SampledFrom([]anomaly.Kind{anomaly.Drift, anomaly.Step, anomaly.Noise, anomaly.Stuck}).Draw(t, "kind")
		f.Size = rapid.Float64Range(-10, 10).Draw(t, "size")
		f.Sigmas = rapid.Float64Range(-50, 50).Draw(t, "sigmas")
		f.Noticeable = rapid.SampledFrom([]float64{0, 1, 4}).Draw(t, "noticeable")
		hours := rapid.IntRange(-100, 1000)
		p10 := noon.Add(time.Duration(hours.Draw(t, "p10")) * time.Hour)
		f.Forecast = &anomaly.Forecast{P10: p10, P50: p10.Add(48 * time.Hour)}
		if rapid.Bool().Draw(t, "no forecast") {
			f.Forecast = nil
		}
		bothering := rapid.Bool().Draw(t, "bothering")
		was := outreach.Urgency(&f, bothering, noon)
		if was < 0 || was > 1 {
			t.Fatalf("urgency %v", was)
		}
		more := f
		switch rapid.IntRange(0, 4).Draw(t, "what grows") {
		case 0:
			more.Size *= 1.5
			more.Sigmas *= 1.5
		case 1:
			bothering = true
		case 2:
			if f.Forecast != nil {
				sooner := *f.Forecast
				sooner.P10 = sooner.P10.Add(-time.Duration(rapid.IntRange(1, 100).Draw(t, "sooner")) * time.Hour)
				more.Forecast = &sooner
			}
		case 3:
			if f.Forecast != nil {
				sooner := *f.Forecast
				sooner.P50 = sooner.P50.Add(-24 * time.Hour)
				more.Forecast = &sooner
			}
		case 4: // time goes by
			if now := outreach.Urgency(&f, bothering, noon.Add(time.Hour)); now < was {
				t.Fatalf("an hour later %v, was %v", now, was)
			}
		}
		if now := outreach.Urgency(&more, bothering, noon); now < was {
			t.Fatalf("%v, was %v", now, was)
		}
	})
	f := finding(devices.Key{}, "temp", 1, anomaly.Cleared, noon)
	if u := outreach.Urgency(&f, true, noon); u != 0 {
		t.Errorf("what has cleared presses with %v", u)
	}
}

func TestWindow(t *testing.T) {
	day := 24 * time.Hour
	tests := []struct {
		name  string
		p10   time.Duration // from now; 0 for no forecast
		until time.Duration
	}{
		{"no forecast", 0, 3 * day},
		{"far forecast", 9 * day, 3 * day},
		{"forecast in the window", 50 * time.Hour, 50 * time.Hour},
		{"forecast too soon", 5 * time.Hour, 26 * time.Hour},
		{"noticed already", -5 * time.Hour, 26 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := sqlite(t)
			key := h.device("d1")
			f := finding(key, "flow", 1, anomaly.Opened, noon)
			if f.Forecast.P10 = noon.Add(tt.p10); tt.p10 == 0 {
				f.Forecast = nil
			}
			h.must(h.desk.HandleFinding(t.Context(), f))
			c := h.only(key)
			if want := (outreach.Window{From: noon.Add(2 * time.Hour), Until: noon.Add(tt.until)}); c.Window != want {
				t.Errorf("window %v, want %v", c.Window, want)
			}
			if len(h.slots(c)) < 3 {
				t.Error("fewer than three slots")
			}
		})
	}
}
