package anomaly

import (
	"math"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

const (
	dayNanos = int64(24 * time.Hour)
	// Nobody plans further ahead than this.
	horizon = 5 * 365 * 24 * time.Hour
	// The textbook's 80 % interval holds 60 % of the crossings of simulated
	// drifts: a reference from few days and weather of the same length as the
	// drift are errors that no formula here knows of. So much wider it is,
	// until outcomes calibrate it.
	widening = 1.6
)

// forecast dates the moment when an owner would notice, from the series' own
// line since the onset: nil if the limit is unknown or the line may as well be
// flat.
func (c *cohort) forecast(s *track, g *gauge, at int64, size float64) *Forecast {
	e := s.episode
	if g.noticeable <= 0 {
		return nil
	}
	line, ok := c.line(s, g)
	if size < 0 {
		line.slope, line.lower, line.upper, line.now = -line.slope, -line.upper, -line.lower, -line.now
	}
	rising := ok && line.lower > 0
	reached := math.Abs(size)
	if rising && e.kind == Drift && line.now > 0 {
		reached = line.now // the line knows more than the newest three hours
	}
	if reached >= g.noticeable {
		now := instant(at)
		f := &Forecast{P10: now, P50: now, P90: now}
		if rising {
			f.Slope = math.Copysign(line.slope, size)
		}
		return f
	}
	if !rising || e.kind != Drift {
		return nil
	}
	left := g.noticeable - reached
	// The level is uncertain as one day is, and as the reference is.
	level := 0.0
	if day := max(c.daySigma(s, g), c.longRunSigma(s, g)/math.Sqrt(float64(c.grid.perDay))); day > 0 {
		level = widening * distuv.UnitNormal.Quantile(0.9) * day * math.Sqrt(1+1/float64(max(1, s.baseline)))
	}
	crossing := func(left, slope float64) time.Time {
		days := max(0, left) / slope
		if days > horizon.Hours()/24 {
			return instant(at).Add(horizon)
		}
		return instant(at + int64(days*float64(dayNanos)))
	}
	return &Forecast{
		P10: crossing(left-level, line.upper), P50: crossing(left, line.slope), P90: crossing(left+level, line.lower),
		Slope: math.Copysign(line.slope, size),
	}
}

// line fits the open finding's trend, per day: through the blocks since the
// drift began, or through the days where that is longer ago than the blocks
// that are kept. When it began is asked anew each time, since what was
// estimated at the opening, from the first few values, may be a day early, and
// a flat beginning makes a line late.
func (c *cohort) line(s *track, g *gauge) (trend, bool) {
	e := s.episode
	var t, y [mostTrend]float64
	n := 0
	onset := c.grid.block(c.grid.bucket(e.onset))
	persist := square(c.longRunSigma(s, g) / max(c.blockSigma(s, g), math.SmallestNonzeroFloat32))
	if e.fromDays {
		persist = square(longRun(g.dayRho))
		for day := s.byDay.first(); day <= s.byDay.last; day++ {
			if v, ok := s.dayResidual(day); ok {
				t[n], y[n] = float64(day), v
				n++
			}
		}
	} else {
		for k := max(s.byBlock.first(), onset-mostPerDay); k <= s.byBlock.last; k++ {
			if v, ok := s.residual(c.grid, k); ok {
				t[n], y[n] = float64(k)/float64(c.grid.perDay), v
				n++
			}
		}
	}
	if n == 0 {
		return trend{}, false
	}
	from := max(0, min(fitRamp(y[:n]).onset, n-leastTrend))
	return theilSen(t[from:n], y[from:n], persist*widening*widening)
}
