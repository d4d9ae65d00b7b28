package anomaly

import (
	"time"

	"github.com/forecare/forecare/devices"
)

// gauge is what a cohort knows about one of its metrics: the centres of the
// closed buckets and the scales pooled over its devices.
type gauge struct {
	name       string
	unit       string
	noticeable float64
	tolerance  float64

	solo   bool   // too few peers: each device is judged by its own history
	few    int32  // buckets in a row with too few peers
	closed []peer // ring of closed buckets, memory long

	spread   float64 // usual spread of the peers in a bucket
	spreadN  int32
	sigma    float64 // median of the devices' residual standard deviations
	firstDay float64 // the same of their first blocks
	stray    float64 // of their blocks' residuals
	block    float64 // of blocks against the day before
	day      float64 // and of day medians; 0 while unknown
	rho      float64 // pooled lag-1 autocorrelation of blocks
	dayRho   float64
	longest  float64 // usual longest natural repetition of a value, seconds

	strays strays // of the current Step
}

// peer is a cohort's state in one closed bucket. Lower and upper are the 10 %
// and 90 % quantiles of the devices, their own offsets taken off, relative to
// the centre; NaN before the offsets are known.
type peer struct {
	centre       float64
	lower, upper float32
	spread       float32 // 1.4826 MAD
	volatility   float32 // median of |change of the residual since the bucket before|
	bucket       int32
	witnesses    int32 // devices behind the centre; 0 where nobody else measures
}

const (
	// A late device is judged against the centres of its own time for two
	// weeks. That is also how long a backlog may be.
	memory = 14 * 24 * time.Hour
	// leastWitnesses is how few devices make a median.
	leastWitnesses = 3
	// Before enough blocks are seen, assume that they are related like this.
	priorRho = 0.5
)

func newGauge(name string) *gauge {
	return &gauge{name: name, rho: priorRho, dayRho: priorRho}
}

// describe takes over what the model says about the metric.
func (g *gauge) describe(m *devices.Model) {
	if m == nil {
		return
	}
	if x, ok := m.Metric(g.name); ok {
		g.unit, g.noticeable, g.tolerance = x.Unit, x.Noticeable, x.Tolerance
	}
}

// gate returns the smallest deviation that matters in practice, given the
// standard deviation of the healthy residual.
func (g *gauge) gate(s *Settings, sigma float64) float64 {
	v := s.EffectSigmas * sigma
	if g.tolerance > 0 {
		v = s.EffectShare * g.tolerance
	} else if g.noticeable > 0 {
		v = s.EffectShare * g.noticeable
	}
	if g.solo { // weather and use are not taken off: twice as much must be seen
		v *= 2
	}
	return v
}

// floor is the smallest standard deviation that makes sense: below a twentieth
// of what matters, or below a third of the sensor's resolution, a deviation is
// infinitely many sigmas and still nothing.
func (g *gauge) floor(s *Settings, quantum float64) float64 {
	v := quantum / 3
	if g.tolerance > 0 || g.noticeable > 0 {
		v = max(v, g.gate(s, 0)/20)
	}
	return v
}

func (g *gauge) put(p peer, size int32) {
	if int32(len(g.closed)) < size {
		g.closed = append(g.closed, make([]peer, int(size)-len(g.closed))...)
	}
	g.closed[p.bucket%size] = p
}

// at returns the closed bucket b and whether it has a centre.
func (g *gauge) at(b int32) (*peer, bool) {
	if len(g.closed) == 0 || b <= 0 {
		return nil, false
	}
	p := &g.closed[b%int32(len(g.closed))]
	return p, p.bucket == b && (p.witnesses > 0 || g.solo)
}

// unrest returns by how much the peers are spread wider than usual in a
// bucket: on a stormy day a deviation counts for less.
func (g *gauge) unrest(p *peer) float64 {
	if g.solo || p.witnesses < 8 || g.spread <= 0 || g.spreadN < 8 {
		return 1
	}
	return max(1, min(4, float64(p.spread)/g.spread))
}
