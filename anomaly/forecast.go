package anomaly

import (
	"math"
	"time"
)

const (
	dayNanos = int64(24 * time.Hour)
	// Nobody plans further ahead than this.
	horizon = 5 * 365 * 24 * time.Hour
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
		line.slope, line.lower, line.upper = -line.slope, -line.upper, -line.lower
	}
	rising := ok && line.lower > 0
	if math.Abs(size) >= g.noticeable {
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
	crossing := func(slope float64) time.Time {
		days := (g.noticeable - math.Abs(size)) / slope
		if days > horizon.Hours()/24 {
			return instant(at).Add(horizon)
		}
		return instant(at + int64(days*float64(dayNanos)))
	}
	f := &Forecast{
		P10: crossing(line.upper), P50: crossing(line.slope), P90: crossing(line.lower),
		Slope: math.Copysign(line.slope, size),
	}
	return f
}

// line fits the open finding's trend, per day: through the blocks since the
// onset, or through the days where the onset is older than the blocks kept.
func (c *cohort) line(s *track, g *gauge) (trend, bool) {
	e := s.episode
	var t, y [mostTrend]float64
	n := 0
	onset := c.grid.block(c.grid.bucket(e.onset))
	rho := g.rho
	if e.fromDays {
		rho = g.dayRho
		for day := max(s.byDay.first(), c.grid.day(onset)); day <= s.byDay.last; day++ {
			if v, ok := s.dayResidual(day); ok {
				t[n], y[n] = float64(day), v
				n++
			}
		}
	} else {
		for k := max(s.byBlock.first(), onset); k <= s.byBlock.last; k++ {
			if v, ok := s.residual(c.grid, k); ok {
				t[n], y[n] = float64(k)/float64(c.grid.perDay), v
				n++
			}
		}
	}
	return theilSen(t[:n], y[:n], rho)
}
