package anomaly

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

const (
	// A deviation stands out that is this many standard deviations of what
	// the peers do at the same time.
	outstanding = 4
	// What a series has done before, by habit or weather, it may do again; so
	// may it do what a peer did within the six days that are remembered.
	straySigmas  = 3
	beyondRecord = 1.3
	// The blocks of which a deviation's size is the median: the newest six,
	// within a day and a half.
	latelyBlocks = 6
	// The days of which a slow deviation's size is the median.
	latelyDays = 7
)

// standsOut reports whether a deviation is far beyond what the series itself
// and its peers did so far. Each device has its own weather, its own weekend
// and its own people, and what those do to one device in five is no fault:
// peers are measured by their 80 % quantile, not by their median, in which a
// minority of other habits would not show. The shorter a deviation has lasted,
// the further it has to stand out.
func (c *cohort) standsOut(s *track, i int, k int32, d deviation) bool {
	g := c.gauges[i]
	// The reference is itself an estimate, from as many days.
	size := math.Abs(d.size) / math.Sqrt(1+1/float64(max(1, s.baseline)))
	size *= math.Sqrt(float64(d.blocks) / latelyBlocks)
	stray := c.usualStray(s, g)
	if d.byDays {
		stray = c.daySigma(s, g)
	}
	if size < straySigmas*stray {
		return false
	}
	if g.solo {
		return true
	}
	p := c.strays(i, k, d.byDays)
	if !p.known {
		// Nobody is known well enough yet: it is all devices' first day.
		return !s.known()
	}
	return size >= outstanding*p.now && size >= beyondRecord*p.record
}

// strays is how far the devices of a cohort stray, by the 80 % quantile.
type strays struct {
	sequence uint64 // of the Step that it was computed in
	block    int32
	byDays   bool
	known    bool
	now      float64 // standard deviation of what they do in these hours
	record   float64 // the farthest that each has been as far as is remembered
}

// strays looks at all healthy devices once for all candidates of a block. What
// it finds serves for one Step only, so that it is no state.
func (c *cohort) strays(i int, k int32, byDays bool) *strays {
	p := &c.gauges[i].strays
	if p.sequence == c.touched && p.block == k && p.byDays == byDays {
		return p
	}
	now, record := c.scratch.other[:0], c.scratch.all[:0]
	for _, u := range c.units {
		s := u.track(i)
		if s == nil || s.episode != nil || !s.known() {
			continue
		}
		if byDays {
			if v, ok := c.latelyByDays(s, s.byDay.last); ok {
				now = append(now, math.Abs(v))
				record = append(record, c.farthestByDays(s))
			}
		} else if v, ok := c.lately(s, k); ok {
			now = append(now, math.Abs(v))
			record = append(record, s.farthest(c.grid))
		}
	}
	c.scratch.other, c.scratch.all = now, record
	*p = strays{sequence: c.touched, block: k, byDays: byDays, known: len(now) >= leastWitnesses}
	if p.known {
		slices.Sort(now)
		slices.Sort(record)
		p.now = quantile(0.8, now) / distuv.UnitNormal.Quantile(0.9)
		p.record = quantile(0.8, record)
	}
	return p
}

// farthest returns the largest residual of the blocks that are kept.
func (s *track) farthest(g grid) float64 {
	far := 0.0
	for k := s.byBlock.first(); k <= s.byBlock.last; k++ {
		if y, ok := s.residual(g, k); ok {
			far = max(far, math.Abs(y))
		}
	}
	return far
}

// lately returns the median residual of the newest blocks.
func (c *cohort) lately(s *track, k int32) (float64, bool) {
	x := c.scratch.ring[:0]
	for i := k; i > k-2*latelyBlocks && len(x) < latelyBlocks; i-- {
		if y, ok := s.residual(c.grid, i); ok {
			x = append(x, y)
		}
	}
	if 2*len(x) < latelyBlocks {
		return 0, false
	}
	return median(x), true
}

// latelyByDays returns the median residual of the week up to a day.
func (c *cohort) latelyByDays(s *track, day int32) (float64, bool) {
	x := c.scratch.ring[:0]
	for i := day; i > day-latelyDays; i-- {
		if y, ok := s.dayResidual(i); ok {
			x = append(x, y)
		}
	}
	if 2*len(x) <= latelyDays {
		return 0, false
	}
	return median(x), true
}

// farthestByDays returns the largest such median, but for the newest week.
func (c *cohort) farthestByDays(s *track) float64 {
	far := 0.0
	for day := s.byDay.first(); day <= s.byDay.last-latelyDays; day++ {
		if y, ok := c.latelyByDays(s, day); ok {
			far = max(far, math.Abs(y))
		}
	}
	return far
}
