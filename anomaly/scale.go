package anomaly

import "math"

// scale learns how far something healthy strays from zero, and how much of it
// persists from one value to the next. It is a cumulative mean of clipped
// absolute values up to a number of values, then it stands: a scale that goes
// on adapting would widen with a slow drift and hide it.
type scale struct {
	abs      float32 // mean absolute value
	previous float32
	square   float32 // sums for the lag-1 autocorrelation
	product  float32
	n        uint16
}

// add takes one value into account, until there are most of them.
func (s *scale) add(v float64, most uint16) {
	if s.n >= most {
		return
	}
	if s.n >= 4 {
		v = clip(v, 4*s.sd())
	}
	s.n++
	s.abs += (float32(math.Abs(v)) - s.abs) / float32(s.n)
	s.square += float32(v * v)
	s.product += float32(v) * s.previous
	s.previous = float32(v)
}

// sd returns the robust standard deviation.
func (s *scale) sd() float64 { return sigmaOfMean * float64(s.abs) }

// rho returns the lag-1 autocorrelation, corrected for the downward bias of
// short series, -(1+4 rho)/n.
func (s *scale) rho() float64 {
	if s.square <= 0 {
		return 0
	}
	r := float64(s.product / s.square)
	return r + (1+4*r)/float64(s.n)
}

// longRun returns by how much the standard deviation of a long mean exceeds
// that of independent values.
func longRun(rho float64) float64 { return math.Sqrt((1 + rho) / (1 - rho)) }

// blend shrinks an own standard deviation, learned from n values, towards the
// cohort's, which counts for most values. What is fully learned stands: a
// device that is by nature more restless than its peers keeps its own scale.
// Before that, a fault that begins early must not pass for restlessness.
func blend(own float64, n int, pooled float64, most int) float64 {
	if n == 0 {
		return pooled
	}
	if pooled <= 0 {
		return own
	}
	w := float64(n) / float64(n+most)
	v := math.Sqrt(w*own*own + (1-w)*pooled*pooled)
	if n >= most {
		return math.Max(own, v)
	}
	return v
}
