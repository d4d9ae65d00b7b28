package outreach

import (
	"math"
	"time"

	"github.com/forecare/forecare/anomaly"
)

// Urgency says how much a finding presses, 0 (can wait) .. 1. It grows, and
// never falls, as the forecast comes nearer, as the deviation grows towards
// what an owner notices, and when the owner says that it bothers them. The
// contributions are joined as independent reasons: 1 - product of (1 - each).
func Urgency(f *anomaly.Finding, bothering bool, now time.Time) float64 {
	if f == nil || f.Status == anomaly.Cleared {
		return 0
	}
	calm := 1 - 0.7*nearness(f.Forecast, now)
	calm *= 1 - 0.5*severity(f)
	calm *= 1 - weight(f.Kind)
	if bothering {
		calm *= 0.1
	}
	return 1 - calm
}

// nearness falls by half with every two days that are left. The early end of
// the forecast counts more than its middle: being early is cheap, late is not.
func nearness(f *anomaly.Forecast, now time.Time) float64 {
	if f == nil {
		return 0
	}
	near := func(at time.Time) float64 {
		days := max(0, at.Sub(now).Hours()/24)
		return math.Exp2(-days / 2)
	}
	return 0.6*near(f.P10) + 0.4*near(f.P50)
}

// severity is the part of the noticeable deviation that is reached; where the
// maker has not said what is noticeable, ten sigmas stand for it.
func severity(f *anomaly.Finding) float64 {
	s := math.Abs(f.Sigmas) / 10
	if f.Noticeable > 0 {
		s = math.Abs(f.Size) / f.Noticeable
	}
	if math.IsNaN(s) {
		return 0
	}
	return min(1, s)
}

func weight(k anomaly.Kind) float64 {
	switch k {
	case anomaly.Step:
		return 0.2 // whatever moved at once may move again at once
	case anomaly.Silence, anomaly.Stuck:
		return 0.15 // we are blind
	case anomaly.Noise:
		return 0.1
	}
	return 0.05
}

// window returns the times to offer for findings as they stand at now.
func (r WindowRule) window(fs []anomaly.Finding, now time.Time) Window {
	w := Window{From: now.Add(r.Lead), Until: now.Add(r.Longest)}
	for i := range fs {
		f := &fs[i]
		if f.Status != anomaly.Cleared && f.Forecast != nil && f.Forecast.P10.Before(w.Until) {
			w.Until = f.Forecast.P10
		}
	}
	if shortest := w.From.Add(r.Shortest); w.Until.Before(shortest) {
		w.Until = shortest // too late to come in time, so come soon
	}
	return w
}
