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
	centre, ok := c.centreNow(u, g, t)
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
		c.watchNoise(u, s, g, t, r)
		return
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
	if math.Abs(mean) > math.Abs(e.size)/2 {
		return
	}
	c.end(u, s, g, t, mean)
}

// watchNoise counts readings that differ from the one before by no more than
// two healthy standard deviations. One in twenty of a healthy series does, so
// such a reading takes six back and does not begin anew: a healthy series gets
// to 24 in some 40 readings, one of twice the noise once in 5,000 tries.
func (c *cohort) watchNoise(u *unit, s *track, g *gauge, t int64, r float64) {
	const outCosts = 6
	e := s.episode
	healthy := max(float64(s.noise.was), 0.886*float64(s.jitter), g.floor(&c.settings, float64(s.quantum)))
	out := math.Abs(r-e.last) >= 2*math.Sqrt2*healthy
	e.last = r
	if out {
		e.inBand -= min(e.inBand, outCosts)
		e.out += (1 - e.out) / 6
		return
	}
	e.out -= e.out / 6
	if e.inBand++; e.inBand >= 2*uint32(c.settings.ClearAfter) {
		c.end(u, s, g, t, 0)
	}
}

// centreNow returns the centre at time t: the closed one for a late reading,
// else what the peers say now.
func (c *cohort) centreNow(u *unit, g *gauge, t int64) (float64, bool) {
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
