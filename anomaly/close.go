package anomaly

import (
	"math"
	"time"
)

// close closes bucket b: it fixes the centre of every metric, judges the
// devices that have completed it, and looks for silent ones. It returns
// whether the bucket holds readings.
func (c *cohort) close(b int32) bool {
	some := false
	for i, g := range c.gauges {
		some = c.centre(b, i, g) || some
	}
	if !some {
		return false
	}
	c.clock.tick++
	c.news = true
	if c.grid.start(b+1)%int64(time.Hour) == 0 {
		c.refresh(b)
	}
	for _, u := range c.units {
		c.judgeUpTo(u, b)
	}
	// Decisions come after all devices are judged, so that each sees what
	// its peers did in the same hours.
	for _, u := range c.units {
		c.decideUnit(u)
	}
	c.listen(b)
	c.metrics.buckets++
	return true
}

// centre fixes what the peers measured in bucket b. It returns whether there
// was any reading.
func (c *cohort) centre(b int32, i int, g *gauge) bool {
	x := &c.scratch
	x.all, x.begun, x.learned = x.all[:0], x.begun[:0], x.learned[:0]
	members, count := 0, 0
	for _, u := range c.units {
		s := u.track(i)
		if s == nil {
			continue
		}
		if u.bucket >= c.clock.next-c.grid.buckets(memory) {
			members++ // late or gone; while it may be late, it is a member
		}
		v, ok := s.mean(b)
		if !ok {
			continue
		}
		count++
		if s.episode != nil {
			continue
		}
		x.all = append(x.all, v)
		if s.blocks > 0 {
			x.begun = append(x.begun, v-s.offset)
		}
		if s.blocks >= learnBlocks {
			x.learned = append(x.learned, v-s.offset)
		}
	}
	c.choose(g, members)
	if count == 0 {
		return false
	}
	// Devices whose offset is known make a centre that does not depend on
	// which of them happen to report.
	values, raw := x.all, true
	if len(x.learned) >= c.settings.MinPeers {
		values, raw = x.learned, false
	} else if len(x.begun) >= leastWitnesses {
		values, raw = x.begun, false
	}
	p := peer{bucket: b}
	if !g.solo && len(values) >= leastWitnesses {
		p.centre = median(values)
		p.lower, p.upper = unknown, unknown
		if !raw { // else it would show how devices differ, not how they move
			p.lower = float32(quantile(0.1, values) - p.centre)
			p.upper = float32(quantile(0.9, values) - p.centre)
		}
		p.spread = float32(sigmaOfMAD * deviationOf(values, p.centre))
		p.volatility = c.volatility(b, i, p.centre)
		p.witnesses = int32(len(values))
		g.accustom(float64(p.spread), len(x.learned) > 0)
	}
	g.put(p, c.grid.buckets(memory))
	return true
}

// accustom learns the usual spread of a bucket, over two weeks and more
// quickly at first.
func (g *gauge) accustom(spread float64, settled bool) {
	if !settled {
		return
	}
	if g.spreadN < 2000 {
		g.spreadN++
	}
	if g.spread > 0 {
		spread = min(spread, 3*g.spread)
	}
	g.spread += (spread - g.spread) / float64(g.spreadN)
}

// volatility returns the median change of the devices' residuals since the
// bucket before.
func (c *cohort) volatility(b int32, i int, centre float64) float32 {
	x := c.scratch.other[:0]
	for _, u := range c.units {
		s := u.track(i)
		if s == nil || s.before != b-1 || s.episode != nil {
			continue
		}
		if v, ok := s.mean(b); ok {
			x = append(x, math.Abs(v-centre-float64(s.previous)))
		}
	}
	c.scratch.other = x
	if len(x) < leastWitnesses {
		return 0
	}
	return float32(median(x))
}

// choose decides whether the devices have peers or are judged by their own
// history. To change over takes a day of too few, and forgets what was
// learned, since it was measured from another reference.
func (c *cohort) choose(g *gauge, members int) {
	few := members < c.settings.MinPeers
	if few == g.solo {
		g.few = 0
		return
	}
	g.few++
	if few && g.few < c.clock.stale {
		return
	}
	g.few = 0
	i := c.index(g)
	for _, u := range c.units {
		if s := u.track(i); s != nil {
			if s.episode != nil {
				c.abandon(u, s, g, "The number of its peers has changed: it is judged anew.")
			}
			s.relearn()
		}
	}
	clear(g.closed)
	*g = gauge{
		name: g.name, unit: g.unit, noticeable: g.noticeable, tolerance: g.tolerance,
		closed: g.closed, rho: priorRho, dayRho: priorRho, solo: few,
	}
}

// relearn makes the series a new one, with its input as it is.
func (s *track) relearn() {
	*s = track{
		last: s.last, value: s.value, bucket: s.bucket, count: s.count, sum: s.sum, waiting: s.waiting,
		from: s.from, runFrom: s.runFrom, run: s.run, changes: s.changes, longest: s.longest,
		quantum: s.quantum, jitter: s.jitter, held: -ringSize, cleared: s.cleared,
	}
}

// refresh takes over the model's words once an hour, and the pooled scales
// with each block.
func (c *cohort) refresh(b int32) {
	m := c.models(c.tenant, c.model)
	c.usualPause()
	for i, g := range c.gauges {
		g.describe(m)
		if (b+1)%c.grid.perBlock == 0 {
			c.pool(i, g)
		}
	}
}

// pool takes the medians of what the devices have learned about themselves.
func (c *cohort) pool(i int, g *gauge) {
	var sigma, first, stray, block, day, rho, dayRho, longest []float64
	seen := 0
	for _, u := range c.units {
		s := u.track(i)
		if s == nil {
			continue
		}
		if s.sigma.n >= mostPerBlock {
			sigma = append(sigma, s.sigma.sd())
		}
		if s.blocks >= learnBlocks {
			first = append(first, float64(s.firstDay))
		}
		if s.stray.n >= mostPerDay/2 {
			stray = append(stray, s.stray.sd())
		}
		if s.perBlock.n >= mostPerDay/2 {
			block = append(block, s.perBlock.sd())
		}
		if s.perBlock.n >= 2*learnBlocks {
			rho = append(rho, s.perBlock.rho())
			seen = max(seen, int(s.perBlock.n))
		}
		if s.perDay.n >= 3 {
			day = append(day, s.perDay.sd())
		}
		if s.perDay.n >= baselineDays {
			dayRho = append(dayRho, s.perDay.rho())
		}
		if s.changes > 0 {
			longest = append(longest, float64(s.longest))
		}
	}
	set := func(p *float64, x []float64, lo, hi float64) {
		if len(x) > 0 {
			*p = max(lo, min(hi, median(x)))
		}
	}
	set(&g.sigma, sigma, 0, math.MaxFloat64)
	set(&g.firstDay, first, 0, math.MaxFloat64)
	set(&g.stray, stray, 0, math.MaxFloat64)
	set(&g.block, block, 0, math.MaxFloat64)
	set(&g.day, day, 0, math.MaxFloat64)
	set(&g.longest, longest, 0, math.MaxFloat64)
	set(&g.rho, rho, 0.1, 0.9)
	set(&g.dayRho, dayRho, 0.2, 0.9)
	if seen < 3*learnBlocks {
		g.rho = max(g.rho, priorRho)
	}
}

// centreBefore returns the newest centre at bucket b or up to a day before it,
// and the number of devices behind it.
func (c *cohort) centreBefore(g *gauge, b int32) (centre float64, peers int) {
	for i := b; i > b-c.clock.stale; i-- {
		if p, ok := g.at(i); ok {
			return p.centre, int(p.witnesses)
		}
	}
	return 0, 0
}
