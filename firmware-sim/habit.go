package sim

import (
	"math"
	"time"
)

// usage returns how busy people are at a place, in [0,1], by local time: homes
// in the morning and the evening, offices through a weekday.
func usage(local time.Time, office bool) float64 {
	h := hourOf(local)
	weekend := local.Weekday() == time.Saturday || local.Weekday() == time.Sunday
	switch {
	case office && weekend:
		return 0.12 * bump(h, 13, 3)
	case office:
		return math.Min(1, 0.9*bump(h, 10, 1.8)+0.8*bump(h, 14.5, 1.9))
	case weekend:
		return math.Min(1, 0.7*bump(h, 10, 2)+0.5*bump(h, 15, 2.5)+0.7*bump(h, 20, 2))
	default:
		return math.Min(1, 0.8*bump(h, 7.5, 1.1)+0.9*bump(h, 19.5, 2.1))
	}
}

// bump is a bell around the hour at, going around midnight.
func bump(h, at, width float64) float64 {
	d := math.Abs(h - at)
	if d > 12 {
		d = 24 - d
	}
	return math.Exp(-d * d / (2 * width * width))
}
