package anomaly

import "math"

// level is where a series stood in one block or day: the median of its raw
// differences to the cohort's centre, and the centre's mean over the same
// buckets, from which the share of the device's own gain is computed.
type level struct {
	diff   float32
	centre float32
}

// levels keeps the newest ringSize levels by their number. What lies between
// two of them is missing.
type levels struct {
	at   [ringSize]level
	last int32 // number of the newest
	n    int32 // how many numbers up to last it covers
}

// 48 blocks are six days, 48 days seven weeks: long enough for the trend of a
// fast and of a slow drift, 384 bytes each.
const ringSize = 48

var missing = level{diff: float32(math.NaN())}

// put sets the level of number k, which is greater than any before.
func (r *levels) put(k int32, v level) {
	gap := k - r.last
	if r.n == 0 || gap >= ringSize {
		r.n, gap = 0, 1
	}
	for i := k - gap + 1; i < k; i++ {
		r.at[i%ringSize] = missing
	}
	r.at[k%ringSize] = v
	r.last, r.n = k, min(ringSize, r.n+gap)
}

// get returns the level of number k and whether it is known.
func (r *levels) get(k int32) (level, bool) {
	if k > r.last || k <= r.last-r.n {
		return level{}, false
	}
	v := r.at[k%ringSize]
	return v, v.diff == v.diff
}

// first returns the oldest number that the ring may know.
func (r *levels) first() int32 { return r.last - r.n + 1 }
