package anomaly

import "math"

// fit is how well a shape explains values that left zero at onset.
type fit struct {
	onset int     // index of the first value that is off
	error float64 // sum of squares that remain
}

// fitStep finds the step from zero that explains y best. The value in which it
// happens may lie anywhere between the two levels, since a block mixes both.
func fitStep(y []float64) fit {
	best := fit{error: math.Inf(1)}
	before := 0.0
	for onset, v := range y {
		rest := y[onset:]
		if len(rest) > 2 {
			rest = rest[1:]
		}
		sum, square := 0.0, 0.0
		for _, w := range rest {
			sum += w
			square += w * w
		}
		height := sum / float64(len(rest))
		e := before + square - sum*height
		if len(rest) < len(y)-onset {
			if off := v - math.Max(math.Min(0, height), math.Min(math.Max(0, height), v)); off != 0 {
				e += off * off
			}
		}
		if e < best.error {
			best = fit{onset, e}
		}
		before += v * v
	}
	return best
}

// fitRamp finds the ramp from zero that explains y best. Its least-squares
// height is the projection of y, so what remains is the sum of squares less
// the square of the projection.
func fitRamp(y []float64) fit {
	total := 0.0
	for _, v := range y {
		total += v * v
	}
	best := fit{error: math.Inf(1)}
	for onset := range y {
		var xy, xx float64
		for i, v := range y[onset:] {
			x := float64(i + 1)
			xy += x * v
			xx += x * x
		}
		if e := total - xy*xy/xx; e < best.error {
			best = fit{onset, e}
		}
	}
	return best
}

// One fit must leave this share of the other's error to be preferred: to be
// called a step at all, and to change the kind of an open finding.
const (
	stepAtOpening = 0.7
	otherKind     = 0.5
)

// kindOf tells a step from a drift by which explains the residuals better, and
// dates the onset. In doubt it is a drift, the slower of the two; so it is if
// the series was off before anything that is remembered.
func kindOf(y []float64) (kind Kind, onset int) {
	step, ramp := fitStep(y), fitRamp(y)
	if step.error < stepAtOpening*ramp.error && step.onset > 0 {
		return Step, step.onset
	}
	return Drift, ramp.onset
}

// typify tells a step from a drift and dates the onset, in nanoseconds.
func (c *cohort) typify(s *track, d deviation) (Kind, int64) {
	at, y := c.scratch.at[:0], c.scratch.ring[:0]
	if d.slow {
		for day := s.byDay.first(); day <= s.byDay.last; day++ {
			if v, ok := s.dayResidual(day); ok {
				at, y = append(at, day*c.grid.perDay), append(y, v)
			}
		}
	} else {
		for k := max(s.byBlock.first(), d.from-mostPerDay); k <= s.byBlock.last; k++ {
			if v, ok := s.residual(c.grid, k); ok {
				at, y = append(at, k), append(y, v)
			}
		}
	}
	if len(y) < 2 {
		return Drift, c.grid.blockStart(d.from)
	}
	kind, onset := kindOf(y)
	return kind, c.grid.blockStart(at[onset])
}
