package anomaly

import "math"

const (
	// While readings are back in the band, "it deviates" is not repeated.
	pauseInBand = 3
	// A noisy series is in the band often by chance. It is still noisy if more
	// than a quarter of its newest readings are out.
	stillOut = 0.25
	// Half a day in the band ends a finding that fades away.
	calmBlocks = 4
)

// follow tells an open finding again, once an hour of event time in which the
// series was judged, and refines its kind.
func (c *cohort) follow(u *unit, s *track, g *gauge, at int64) {
	e := s.episode
	if at < e.told+revisionEvery {
		return
	}
	var size float64
	switch e.kind {
	case Noise:
		if e.out < stillOut || float64(s.noise.now) < noiseOver {
			return
		}
		size = float64(s.noise.size - s.noise.was)
	case Stuck:
		if e.sum > 0 {
			return // it moves again
		}
		size, _ = c.now(s)
	default:
		now, ok := c.now(s)
		if !ok || e.inBand >= pauseInBand {
			return
		}
		size = now
		c.retype(s, g)
	}
	c.tell(u, s, g, Updated, at, size)
}

// retype changes the kind of an open finding where the blocks since its onset
// have made another plain.
func (c *cohort) retype(s *track, g *gauge) {
	e := s.episode
	if c.repeats(s, g, 1) {
		e.kind = Stuck
		return
	}
	onset := c.grid.block(c.grid.bucket(e.onset))
	if e.fromDays || onset < s.byBlock.first() {
		return
	}
	y := c.scratch.ring[:0]
	for k := max(s.byBlock.first(), onset-mostPerDay); k <= s.byBlock.last; k++ {
		if v, ok := s.residual(c.grid, k); ok {
			y = append(y, v)
		}
	}
	if len(y) < 3 {
		return
	}
	step, ramp := fitStep(y), fitRamp(y)
	switch {
	case e.kind == Drift && step.error < otherKind*ramp.error:
		e.kind = Step
	case e.kind == Step && ramp.error < otherKind*step.error:
		e.kind = Drift
	}
}

// comeBack ends a finding whose blocks have been within the band for half a
// day. It is the slow way; readings that come back at once take the fast one.
func (c *cohort) comeBack(u *unit, s *track, g *gauge, k int32, y float64) {
	e := s.episode
	in := false
	switch e.kind {
	case Drift, Step:
		in = math.Abs(y) < g.gate(&c.settings, c.sigma(s, g))/2
	case Noise:
		in = float64(s.noise.now) < noiseOver
	case Stuck:
		in = s.run < leastRun/2
	}
	if !in {
		e.calm = 0
		return
	}
	if e.calm++; e.calm >= calmBlocks {
		size := y
		if e.kind == Noise {
			size = float64(s.noise.size - s.noise.was)
		}
		c.end(u, s, g, min(c.grid.blockStart(k+1), s.last), size)
	}
}
