package anomaly

import (
	"math"
	"slices"
)

// noise watches how restless a series is in comparison with its peers in the
// same buckets: a one-sided CUSUM on the logarithm of the ratio, against the
// ratio that is usual for the series.
type noise struct {
	sum    float32
	from   int32   // block in which sum left zero
	usual  float32 // mean of the logarithm
	square float32 // mean square about it
	n      uint16
	now    float32 // smoothed ratio to the usual one
	size   float32 // smoothed standard deviation now, and when healthy
	was    float32
	peak   float32 // highest now of late
}

const (
	// Growth below a factor of 1.7 is no evidence. The logarithm of the ratio
	// over a block of three hourly readings strays by about 0.4, so that a
	// healthy series passes 4 once in e^26 blocks, while three times the
	// noise needs seven blocks.
	noiseGrowth = 0.53 // ln 1.7
	noiseLimit  = 4.0
	noiseClip   = 1.6
	noiseBlocks = 56 // a week
	// A device with noise below this ratio is as it was.
	noiseOver = 1.4
	// A ratio stands out that is twice what one peer in five has in the same
	// hours, and beyond what one in five has had of late; a peak is half
	// forgotten in four days.
	noiseOutstanding = 2
	peakKept         = 0.98
)

// add takes the ratio of a block: own movement to the peers', and the mean
// own movement. It returns whether the sum is beyond the limit.
func (n *noise) add(own, peers float64, moves int, k int32, learn bool) {
	if moves < 2 || peers <= 0 || own < 0 {
		return
	}
	own = math.Max(own, peers/100)
	log := math.Log(own / peers)
	sd := own / float64(moves) / 1.128 // mean |difference| of two normal values
	if n.n < learnBlocks {
		n.n++
		w := 1 / float32(n.n)
		d := float32(log) - n.usual
		n.usual += w * d
		n.square += w * (d*(float32(log)-n.usual) - n.square)
		n.was += w * (float32(sd) - n.was)
		n.now, n.size = 1, n.was
		return
	}
	excess := log - float64(n.usual)
	if n.sum <= 0 {
		n.from = k
	}
	need := math.Max(noiseGrowth, 1.5*math.Sqrt(float64(n.square)))
	n.sum = float32(math.Max(0, math.Min(2*noiseLimit, float64(n.sum)+clip(excess-need, noiseClip))))
	n.now += (float32(math.Exp(clip(excess, 5))) - n.now) / 2
	n.size += (float32(sd) - n.size) / 2
	n.peak = max(n.peak*peakKept, n.now)
	if learn && n.n < noiseBlocks {
		n.n++
		w := 1 / float32(n.n)
		d := float32(clip(excess, noiseClip))
		n.usual += w * d
		n.square += w * (d*d - n.square)
		n.was += w * (float32(math.Min(sd, 2*float64(n.was))) - n.was)
	}
}

// factor is by how much more restless than usual the series is now. A step or
// a drift is not claimed of what merely shakes.
func (n *noise) factor() float64 { return math.Max(1, float64(n.now)) }

// seekNoise opens a finding if the series has become so restless that it
// matters. It returns whether it did.
func (c *cohort) seekNoise(u *unit, s *track, g *gauge, k int32) bool {
	n := &s.noise
	if n.sum <= noiseLimit || n.size <= n.was {
		return false
	}
	// Two standard deviations are how far it now strays.
	if g.tolerance > 0 || g.noticeable > 0 {
		if 2*float64(n.size) < g.gate(&c.settings, 0) {
			return false
		}
	}
	if !c.noiseStandsOut(s, c.index(g)) {
		return false
	}
	at := min(c.grid.blockStart(k+1), s.last)
	c.begin(u, s, g, Noise, c.grid.blockStart(n.from), at, float64(n.size-n.was), false)
	return true
}

// noiseStandsOut holds the series' ratio against its peers'. A storm over one
// site shakes the devices there, and the next storm another's.
func (c *cohort) noiseStandsOut(s *track, i int) bool {
	now, peak := c.scratch.other[:0], c.scratch.all[:0]
	for _, u := range c.units {
		t := u.track(i)
		if t == nil || t == s || t.episode != nil || t.noise.n < learnBlocks {
			continue
		}
		now = append(now, float64(t.noise.now))
		peak = append(peak, float64(t.noise.peak))
	}
	c.scratch.other, c.scratch.all = now, peak
	if len(now) < leastWitnesses {
		return true
	}
	slices.Sort(now)
	slices.Sort(peak)
	ratio := float64(s.noise.now)
	return ratio >= noiseOutstanding*quantile(0.8, now) && ratio >= beyondRecord*quantile(0.8, peak)
}
