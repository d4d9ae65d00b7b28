package sim

import (
	"math"
	"time"
)

// mix is splitmix64's finaliser over a running state: well spread bits for any
// sequence of parts, so that randomness is a function of what it is for
// instead of an order of calls.
func mix(parts ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, p := range parts {
		h ^= p
		h += 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// seedOf hashes text into a seed (FNV-1a, then mixed).
func seedOf(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

// uniform returns a number in [0,1) for a hash.
func uniform(h uint64) float64 { return float64(h>>11) / (1 << 53) }

// normal returns a standard normal number for a hash: the sum of four 16-bit
// uniforms. Its tails end at 3.5, as a sensor's noise does.
func normal(h uint64) float64 {
	sum := float64(h&0xffff) + float64(h>>16&0xffff) + float64(h>>32&0xffff) + float64(h>>48)
	return (sum/0xffff - 2) * math.Sqrt(3)
}

// between maps a hash into [lo,hi).
func between(h uint64, lo, hi float64) float64 { return lo + (hi-lo)*uniform(h) }

// ar1 is an autoregressive process of unit variance on a grid of step, with
// correlation phi from one grid point to the next, as a function of time: the
// innovations of the last points, weighted. Between grid points it is linear.
type ar1 struct {
	seed    uint64
	step    time.Duration
	weights []float64
}

func newAR1(seed uint64, step time.Duration, phi float64) ar1 {
	a := ar1{seed: seed, step: step}
	sum := 0.0
	for w := 1.0; w > 0.005; w *= phi {
		a.weights = append(a.weights, w)
		sum += w * w
	}
	for i := range a.weights {
		a.weights[i] /= math.Sqrt(sum)
	}
	return a
}

// at returns the process's value at t.
func (a ar1) at(t time.Time) float64 {
	k, part := grid(t, a.step)
	v := a.point(k)
	if part == 0 {
		return v
	}
	return v + (a.point(k+1)-v)*part
}

func (a ar1) point(k int64) float64 {
	sum := 0.0
	for j, w := range a.weights {
		sum += w * normal(mix(a.seed, uint64(k-int64(j))))
	}
	return sum
}

// grid returns the number of the grid point at or before t, and the way to the
// next one, in [0,1).
func grid(t time.Time, step time.Duration) (int64, float64) {
	ns, s := t.UnixNano(), int64(step)
	k := ns / s
	if ns%s < 0 {
		k--
	}
	return k, float64(ns-k*s) / float64(s)
}
