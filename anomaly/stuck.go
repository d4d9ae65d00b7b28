package anomaly

import (
	"math"
	"time"
)

const (
	// A value is stuck that repeats for this long and for three times as long
	// as it ever did, in readings of which peers change theirs.
	leastStuck   = 3 * time.Hour
	stuckTimes   = 3
	leastRun     = 12
	leastChanges = 20 // before that it may be constant by nature
	// Peers whose value lasts a third as long as the stuck one vary; so many
	// of them must.
	varying = 0.7
)

// seekStuck opens a finding if the series repeats one value while its peers
// vary.
func (c *cohort) seekStuck(u *unit, s *track, i int) {
	g := c.gauges[i]
	if !c.repeats(s, g, 1) || s.runFrom < c.grid.start(s.from) {
		return
	}
	vary, all := 0, 0
	for _, other := range c.units {
		t := other.track(i)
		if other == u || t == nil || c.gone(other) {
			continue
		}
		all++
		if 3*(t.last-t.runFrom) < s.last-s.runFrom {
			vary++
		}
	}
	if !g.solo && float64(vary) < varying*float64(all) {
		return
	}
	size, _ := c.now(s)
	c.begin(u, s, g, Stuck, s.runFrom, s.last, size, false)
}

// repeats reports whether the series repeats one value for a share of the
// time that would be a finding.
func (c *cohort) repeats(s *track, g *gauge, share float64) bool {
	if s.run < leastRun || s.changes < leastChanges {
		return false
	}
	usual := math.Max(float64(s.longest), g.longest)
	need := math.Max(leastStuck.Seconds(), stuckTimes*usual)
	if g.solo {
		need = math.Max(8*leastStuck.Seconds(), 10*usual)
	}
	return float64(s.last-s.runFrom)/1e9 >= share*need
}
