package anomaly

import "math"

// deviation is a departure from the reference that may become a finding.
type deviation struct {
	size   float64
	from   int32 // block in which it seems to have begun
	blocks int   // of how many the size is the median
	slow   bool  // it began before the blocks that are kept; days must tell
	byDays bool  // size is the median of days, and they found it
	jumped bool
}

// decideUnit opens findings of the device where its newest blocks demand one.
func (c *cohort) decideUnit(u *unit) {
	for i, s := range u.tracks {
		if s == nil {
			continue
		}
		if s.episode == nil {
			c.seekStuck(u, s, i)
		}
		if s.decision {
			s.decision = false
			if s.episode == nil {
				c.decide(u, s, i)
			}
		}
	}
}

// decide looks at the evidence after a block. The order is of explanations:
// what shakes or repeats is not said to drift.
func (c *cohort) decide(u *unit, s *track, i int) {
	g := c.gauges[i]
	k := s.byBlock.last
	if c.seekNoise(u, s, g, k) {
		return
	}
	if s.noise.sum > noiseLimit/2 || c.repeats(s, g, 0.5) {
		return // one of them is about to explain it
	}
	if g.solo && s.baseline < baselineDays {
		return // without peers a week is the least that shows what is usual
	}
	d, found := c.candidate(u, s, i, k)
	if !found {
		return
	}
	now, ok := c.now(s)
	if gate := g.gate(&c.settings, c.sigma(s, g)); !ok || now*d.size <= 0 || math.Abs(now) < 0.8*gate {
		return // it has been, but is over or pauses
	}
	if c.shared(u, s, i, k, d) {
		s.hold(k, c.metrics)
		return
	}
	kind, onset := c.typify(s, d)
	if d.jumped && onset >= c.grid.blockStart(k-leastBefore) {
		kind = Step // two blocks cannot tell yet, but it did not creep there
	}
	at := min(c.grid.blockStart(k+1), s.last)
	c.begin(u, s, g, kind, onset, at, now, d.slow)
}

// candidate returns the first deviation, the quickest to show first, that is
// beyond chance, matters, and stands out.
func (c *cohort) candidate(u *unit, s *track, i int, k int32) (deviation, bool) {
	g := c.gauges[i]
	var other deviation
	for _, seek := range []func() (deviation, bool){
		func() (deviation, bool) { return c.jump(u, s, i, k) },
		func() (deviation, bool) { return c.away(s, g, k) },
		func() (deviation, bool) { return c.creeps(s, g) },
	} {
		d, found := seek()
		if found && c.standsOut(s, i, k, d) {
			return d, true
		}
		if found {
			other = d
		}
	}
	if other.size != 0 && c.common(u, i, k, other.size) {
		s.hold(k, c.metrics) // it does not stand out because many do the same
	}
	return deviation{}, false
}

// hold notes that a deviation is the cohort's matter.
func (s *track) hold(k int32, m *metrics) {
	s.held = k
	m.held++
}

// farSigmas is how many standard deviations from the reference need no adding
// up: the chart of Shewhart beside that of Page.
const farSigmas = 5

// away reports what the charts say: a deviation that has added up, or is far,
// beyond chance, and that is large enough to matter.
func (c *cohort) away(s *track, g *gauge, k int32) (deviation, bool) {
	if !s.known() {
		return deviation{}, false
	}
	gate := g.gate(&c.settings, c.sigma(s, g))
	limit := c.settings.Limit
	if g.solo { // weather and use are in it
		limit *= 1.5
	}
	if size, ok := c.lately(s, k); ok && math.Abs(size) >= gate {
		d := deviation{size: size, blocks: latelyBlocks, from: s.fast.upFrom}
		if size < 0 {
			d.from = s.fast.downFrom
		}
		sign, _ := s.fast.alarm(limit)
		if float64(sign)*size > 0 || c.far(s, g, size) {
			d.slow = s.byBlock.n == ringSize && d.from < s.byBlock.first()+mostPerDay
			return d, true
		}
	}
	return deviation{}, false
}

// creeps reports what the chart of days says: less than blocks can tell from
// weather, but for weeks.
func (c *cohort) creeps(s *track, g *gauge) (deviation, bool) {
	sign, day := s.slow.alarm(c.settings.DayLimit)
	if sign == 0 || g.solo || !s.known() || s.byDay.n < 2*latelyDays {
		// Alone, a drift and the weather look alike; and without a week before
		// it there is nothing to compare it with.
		return deviation{}, false
	}
	size, ok := c.latelyByDays(s, s.byDay.last)
	if !ok || float64(sign)*size <= 0 || math.Abs(size) < g.gate(&c.settings, c.sigma(s, g)) {
		return deviation{}, false
	}
	return deviation{size: size, from: day * c.grid.perDay, blocks: latelyBlocks, slow: true, byDays: true}, true
}

// far reports whether a size is beyond all chance at once.
func (c *cohort) far(s *track, g *gauge, size float64) bool {
	day := c.daySigma(s, g)
	if day <= 0 {
		return false
	}
	// The newest blocks are somewhat less than a day.
	usual := max(1.2*day, c.blockSigma(s, g)*longRun(g.rho)/2)
	usual *= math.Sqrt(1+1/float64(s.baseline)) * s.noise.factor()
	return math.Abs(size) >= farSigmas*usual
}

const (
	// A jump is this many standard deviations of a block, and of what the
	// peers did in the same hours, in both of the two blocks after it; on the
	// first day, when little is known, more.
	jumpSigmas      = 6
	earlyJumpSigmas = 9
	leastBefore     = 4 // blocks
)

// jump reports a step against the day before that has persisted for two
// blocks. It needs no settled reference, so it works from a device's first
// day.
func (c *cohort) jump(u *unit, s *track, i int, k int32) (deviation, bool) {
	g := c.gauges[i]
	jump, ok := c.risen(s, k)
	if !ok {
		return deviation{}, false
	}
	sigma := c.sigma(s, g)
	sigmas, size := float64(jumpSigmas), jump
	scale := c.blockSigma(s, g) * s.noise.factor()
	if s.known() {
		// Coming back towards the reference is no fault.
		y1, _ := s.residual(c.grid, k)
		y2, _ := s.residual(c.grid, k-1)
		if size = nearer(y1, y2); size*jump <= 0 {
			return deviation{}, false
		}
	} else {
		if g.sigma <= 0 {
			return deviation{}, false
		}
		sigmas, scale = earlyJumpSigmas, max(scale, g.sigma)
	}
	if g.solo {
		sigmas *= 1.5
	}
	matters := max(g.gate(&c.settings, sigma), defaultEffectSigmas*sigma)
	switch {
	case scale <= 0, math.Abs(size) < matters, math.Abs(jump) < max(matters, sigmas*scale),
		math.Abs(jump) < sigmas*c.usualJump(u, i, k):
		return deviation{}, false
	}
	return deviation{size: size, from: k - 1, blocks: 2, jumped: true}, true
}

// risen returns by how much blocks k and k-1 both differ from the median of
// the day before them.
func (c *cohort) risen(s *track, k int32) (float64, bool) {
	y1, ok1 := s.residual(c.grid, k)
	y2, ok2 := s.residual(c.grid, k-1)
	if !ok1 || !ok2 {
		return 0, false
	}
	before := c.scratch.ring[:0]
	for i := k - 2; i >= k-1-mostPerDay; i-- {
		if y, ok := s.residual(c.grid, i); ok {
			before = append(before, y)
		}
	}
	if len(before) < leastBefore {
		return 0, false
	}
	centre := median(before)
	return nearer(y1-centre, y2-centre), true
}

// usualJump returns the robust standard deviation of the peers' jumps in the
// same hours, which hold what the time of day and the weather do to each.
func (c *cohort) usualJump(u *unit, i int, k int32) float64 {
	x := c.scratch.other[:0]
	for _, other := range c.units {
		t := other.track(i)
		if other == u || t == nil || t.episode != nil {
			continue
		}
		j, ok := c.risen(t, k)
		if !ok { // not quite as far yet
			j, ok = c.risen(t, k-1)
		}
		if ok {
			x = append(x, math.Abs(j))
		}
	}
	c.scratch.other = x
	if len(x) < leastWitnesses {
		return 0
	}
	return sigmaOfMAD * median(x)
}
