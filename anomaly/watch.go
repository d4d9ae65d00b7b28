package anomaly

import "math"

// watch sees a series with an open finding come back, reading by reading, so
// that a remedy is proved by the burst of readings after it.
func (c *cohort) watch(u *unit, s *track, g *gauge, t int64, v float64, changed bool) {
	e := s.episode
	need := uint32(c.settings.ClearAfter)
	if e.kind == Stuck {
		// It has to move as a living value does: every second reading or so.
		if changed {
			e.sum++
		}
		if e.inBand++; s.run > need/2 {
			e.inBand, e.sum = 0, 0
		}
		if e.inBand >= need && e.sum >= float64(need/2) {
			size, _ := c.now(s)
			c.end(u, s, g, t, size)
		}
		return
	}
	centre, ok := c.centreNow(u, s, g, t)
	if !ok {
		return
	}
	k := c.grid.block(c.grid.bucket(t))
	r := v - centre - s.healthy(c.grid, k, centre)
	gate := g.gate(&c.settings, c.sigma(s, g))
	// A single reading strays by the bucket's residual and by its own jitter.
	single := math.Hypot(c.sigma(s, g), float64(s.jitter)*0.886)
	band := max(gate/2, 2*single)
	if e.kind == Noise {
		// Noise of twice the healthy size is in the band two times of three.
		band, need = 2*single, 2*need
	}
	if math.Abs(r) >= band {
		e.inBand, e.sum = 0, 0
		return
	}
	e.inBand++
	e.sum += r
	// Where noise is large against the gate, the mean of twelve does not
	// tell: it takes as many as make the mean's error a quarter of the gate.
	if ratio := single / (0.75 * gate); ratio > 1 {
		need = min(200, uint32(math.Ceil(float64(need)*ratio*ratio)))
	}
	mean := e.sum / float64(e.inBand)
	if e.inBand < need || math.Abs(mean) >= gate/2 {
		return
	}
	// It has come back at once, rather than faded to below the band, if half
	// of what it was is gone. What fades is comeBack's.
	if e.kind != Noise && math.Abs(mean) > math.Abs(e.size)/2 {
		return
	}
	if e.kind == Noise {
		mean = 0
	}
	c.end(u, s, g, t, mean)
}

// centreNow returns the centre at time t: the closed one for a late reading,
// else what the peers say now.
func (c *cohort) centreNow(u *unit, s *track, g *gauge, t int64) (float64, bool) {
	b := c.grid.bucket(t)
	if p, ok := g.at(b); ok || b < c.clock.next {
		return p.centreOrZero(), ok
	}
	if g.solo {
		return 0, true
	}
	i := c.index(g)
	x := c.scratch.other[:0]
	last, _ := c.centreBefore(g, c.clock.next-1)
	k := c.grid.block(b)
	for _, other := range c.units {
		p := other.track(i)
		if other == u || p == nil || p.episode != nil || p.blocks < learnBlocks {
			continue
		}
		if d := t - p.last; d < 2*c.grid.width && d > -2*c.grid.width {
			x = append(x, p.value-p.healthy(c.grid, k, last))
		}
	}
	c.scratch.other = x
	if len(x) < leastWitnesses {
		return 0, false
	}
	return median(x), true
}

func (p *peer) centreOrZero() float64 {
	if p == nil {
		return 0
	}
	return p.centre
}
