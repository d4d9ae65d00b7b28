package anomaly

import "math"

// judgeUpTo judges the device's complete buckets up to b.
func (c *cohort) judgeUpTo(u *unit, b int32) {
	for i, s := range u.tracks {
		if s == nil {
			continue
		}
		for {
			m, ok := s.take(b)
			if !ok {
				break
			}
			c.judge(u, s, i, m)
		}
	}
}

// judge holds one bucket mean against the peers.
func (c *cohort) judge(u *unit, s *track, i int, m mean) {
	g := c.gauges[i]
	p, ok := g.at(m.bucket)
	if !ok || m.bucket < s.from {
		return
	}
	k := c.grid.block(m.bucket)
	if k != s.block {
		c.endBlock(u, s, g)
		s.block = k
	}
	diff := m.value - p.centre
	s.history.add(int32(c.grid.start(m.bucket)/c.grid.slice()), m.value)
	s.recent[s.head] = float32(diff)
	s.head = uint8((int32(s.head) + 1) % c.grid.perBlock)
	s.filled = uint8(min(c.grid.perBlock, int32(s.filled)+1))
	s.inBlock++
	s.centres += p.centre
	s.unrest += float32(g.unrest(p))
	s.move(g, p, diff)
	s.previous, s.before = float32(diff), m.bucket
	if s.blocks > 0 && c.calm(s) {
		s.sigma.add(diff-s.healthy(c.grid, k, p.centre), sigmaBuckets)
	}
	if s.episode != nil {
		c.follow(u, s, g, min(c.grid.start(m.bucket+1), s.last))
	}
}

// move adds up the series' movement since the bucket before, beside that of
// its peers.
func (s *track) move(g *gauge, p *peer, diff float64) {
	if s.before != p.bucket-1 {
		return
	}
	usual := 1.0
	if !g.solo {
		if usual = float64(p.volatility); usual <= 0 {
			return
		}
	}
	moved := math.Abs(diff - float64(s.previous))
	if s.noise.n >= learnBlocks { // one outlier is not noise
		moved = min(moved, 8*usual*math.Exp(float64(s.noise.usual)))
	}
	s.ownMoves += float32(moved)
	s.refMoves += float32(usual)
	s.moves++
}

// now returns the series' residual over the newest block's length of buckets.
func (c *cohort) now(s *track) (float64, bool) {
	n := int(s.filled)
	if n == 0 || s.inBlock == 0 {
		return 0, false
	}
	x := c.scratch.block[:n]
	for i := range x {
		x[i] = float64(s.recent[i])
	}
	return median(x) - s.healthy(c.grid, s.block, s.centres/float64(s.inBlock)), true
}

// sigma returns the standard deviation of a bucket's healthy residual.
func (c *cohort) sigma(s *track, g *gauge) float64 {
	v := blend(s.sigma.sd(), int(s.sigma.n), g.sigma, sigmaBuckets)
	return max(v, g.floor(&c.settings, float64(s.quantum)), math.SmallestNonzeroFloat32)
}

// blockSigma returns the standard deviation of a block's healthy residual.
// Until there is a day before to compare with, it is that of the first blocks,
// which the daily shape makes larger.
func (c *cohort) blockSigma(s *track, g *gauge) float64 {
	v := 0.0
	switch {
	case s.perBlock.n > 0 || g.block > 0:
		v = blend(s.perBlock.sd(), int(s.perBlock.n), g.block, scaleBlocks)
	default:
		v = max(float64(s.firstDay), g.firstDay)
	}
	return max(v, g.floor(&c.settings, float64(s.quantum)))
}

// usualStray returns the standard deviation of all that has made the series'
// blocks differ from its reference so far, be it noise, habit or weather.
func (c *cohort) usualStray(s *track, g *gauge) float64 {
	v := float64(max(float64(s.firstDay), g.firstDay))
	if s.stray.n > 0 || g.stray > 0 {
		v = blend(s.stray.sd(), int(s.stray.n), g.stray, scaleBlocks)
	}
	return max(v, g.floor(&c.settings, float64(s.quantum)))
}

// daySigma returns the same of a day, 0 while it is not known.
func (c *cohort) daySigma(s *track, g *gauge) float64 {
	if g.day <= 0 && s.perDay.n < 3 {
		return 0
	}
	return max(blend(s.perDay.sd(), int(s.perDay.n), g.day, scaleDays), g.floor(&c.settings, float64(s.quantum)))
}

// longRunSigma returns the standard deviation by which blocks have to be
// measured if many of them are added up: as their own autocorrelation has it,
// or as the days have it, which know of weather that lasts longer.
func (c *cohort) longRunSigma(s *track, g *gauge) float64 {
	v := c.blockSigma(s, g) * longRun(g.rho)
	return max(v, c.daySigma(s, g)*math.Sqrt(float64(c.grid.perDay)))
}

// The scales are learned for two weeks.
const (
	scaleDays    = 14
	scaleBlocks  = scaleDays * mostPerDay
	sigmaBuckets = scaleBlocks * mostPerBlock
)

// endBlock closes the series' current block, if it holds enough.
func (c *cohort) endBlock(u *unit, s *track, g *gauge) {
	n := int(s.inBlock)
	defer s.emptyBlock()
	if n < c.grid.leastOfBlock() {
		return
	}
	k := s.block
	if s.byBlock.n > 0 && c.grid.day(k) != c.grid.day(s.byBlock.last) {
		c.endDay(s, g, c.grid.day(s.byBlock.last))
	}
	x := c.scratch.block[:min(n, int(s.filled))]
	for i := range x {
		back := int32(s.head) - 1 - int32(i)
		x[i] = float64(s.recent[(back+c.grid.perBlock)%c.grid.perBlock])
	}
	centre := s.centres / float64(n)
	s.byBlock.put(k, level{float32(median(x)), float32(centre)})
	s.blocks++
	s.decision = true
	calm := c.calm(s)
	s.noise.add(float64(s.ownMoves), float64(s.refMoves), int(s.moves), k, calm)
	if s.blocks <= learnBlocks {
		s.learn(c.scratch.ring[:])
		return
	}
	y, _ := s.residual(c.grid, k)
	if s.episode != nil {
		c.comeBack(u, s, g, k, y)
		return
	}
	unrest := float64(s.unrest) / float64(n) * s.noise.factor()
	slack := c.settings.Slack + 1/math.Sqrt(float64(c.grid.perDay)*float64(s.baseline))
	if l := c.longRunSigma(s, g); l > 0 {
		s.fast.add(y/(l*unrest), slack, c.settings.Limit, k)
	}
	// None of the following is led astray by a drift, and each bounds what one
	// block can do to it.
	if calm {
		s.stray.add(y, scaleBlocks)
	}
	usual := c.blockSigma(s, g)
	s.scatter(c.grid, k, c.scratch.ring[:])
	s.shape(c.grid, k, usual, c.scratch.ring[:])
	s.follow(c.grid, k, usual)
}

// calm reports whether nothing speaks against taking the series for healthy:
// neither a finding nor a chart beyond its limit.
func (c *cohort) calm(s *track) bool {
	fast, _ := s.fast.alarm(c.settings.Limit)
	slow, _ := s.slow.alarm(c.settings.DayLimit)
	return s.episode == nil && s.noise.sum < noiseLimit/2 && fast == 0 && slow == 0
}

// endDay closes a day of the series.
func (c *cohort) endDay(s *track, g *gauge, day int32) {
	diffs, residuals, centre := c.scratch.all[:0], c.scratch.begun[:0], 0.0
	for slot := range c.grid.perDay {
		k := day*c.grid.perDay + slot
		v, ok := s.byBlock.get(k)
		if !ok {
			continue
		}
		diffs = append(diffs, float64(v.diff)-s.seasonal(slot))
		residuals = append(residuals, float64(v.diff)-s.healthy(c.grid, k, float64(v.centre)))
		centre += float64(v.centre)
	}
	if !enoughOfDay(len(diffs), c.grid.perDay) {
		return
	}
	centre /= float64(len(diffs))
	s.byDay.put(day, level{float32(median(diffs)), float32(centre)})
	if !s.known() {
		return
	}
	y := median(residuals)
	if usual := c.daySigma(s, g); usual > 0 && s.episode == nil {
		slack := c.settings.Slack + 1/math.Sqrt(float64(s.baseline))
		s.slow.add(y/(usual*longRun(g.dayRho)), slack, c.settings.DayLimit, day)
	}
	if !c.calm(s) {
		return
	}
	usual := c.longRunSigma(s, g) / math.Sqrt(float64(c.grid.perDay))
	if s.perDay.n < 3 || math.Abs(y) < 2.5*usual { // beyond that it is evidence
		s.perDay.add(y, scaleDays)
	}
	s.refine(y, centre, usual, g.solo)
}
