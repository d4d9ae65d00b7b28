package loadgen

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// Histogram counts durations in buckets that are 1/16 of their value wide,
// from 1 microsecond to about an hour. It is safe for concurrent use.
type Histogram struct {
	buckets [512]atomic.Uint64
}

// Add counts one duration.
func (h *Histogram) Add(d time.Duration) {
	h.buckets[bucket(d)].Add(1)
}

// Quantile returns the upper edge of the bucket in which the q-quantile lies,
// 0 if nothing was counted.
func (h *Histogram) Quantile(q float64) time.Duration {
	var total uint64
	for i := range h.buckets {
		total += h.buckets[i].Load()
	}
	rank := uint64(math.Ceil(q * float64(total)))
	var seen uint64
	for i := range h.buckets {
		seen += h.buckets[i].Load()
		if seen >= rank && seen > 0 {
			return edge(i)
		}
	}
	return 0
}

func bucket(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < 16 {
		return int(us)
	}
	exp := bits.Len64(us) - 5 // us>>exp lies in 16..31
	return min(exp*16+int(us>>exp), 511)
}

func edge(i int) time.Duration {
	if i < 16 {
		return time.Duration(i+1) * time.Microsecond
	}
	exp := i/16 - 1
	return time.Duration((uint64(i%16)+17)<<exp) * time.Microsecond
}
