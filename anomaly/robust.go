package anomaly

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// sigmaOfMAD turns a median absolute deviation into the standard deviation of
// a normal distribution; sigmaOfMean does so for a mean absolute deviation.
const (
	sigmaOfMAD  = 1.4826
	sigmaOfMean = 1.2533
)

// median sorts x and returns its median, NaN if it is empty.
func median(x []float64) float64 {
	n := len(x)
	if n == 0 {
		return math.NaN()
	}
	slices.Sort(x)
	if n%2 == 1 {
		return x[n/2]
	}
	return (x[n/2-1] + x[n/2]) / 2
}

// quantile returns the p-quantile of the sorted, non-empty x.
func quantile(p float64, x []float64) float64 {
	return stat.Quantile(p, stat.LinInterp, x, nil)
}

// deviationOf returns the median absolute deviation of the sorted, non-empty x
// from centre. The deviations of a sorted list are two sorted lists, left and
// right of the centre, so merging them up to the middle needs neither memory
// nor another sort.
func deviationOf(x []float64, centre float64) float64 {
	right, _ := slices.BinarySearch(x, centre)
	left := right - 1
	next := func() float64 {
		if left >= 0 && (right >= len(x) || centre-x[left] <= x[right]-centre) {
			left--
			return centre - x[left+1]
		}
		right++
		return x[right-1] - centre
	}
	v, before := 0.0, 0.0
	for range len(x)/2 + 1 {
		before, v = v, next()
	}
	if len(x)%2 == 0 {
		return (before + v) / 2
	}
	return v
}

// clip bounds v to -limit..limit.
func clip(v, limit float64) float64 { return math.Max(-limit, math.Min(limit, v)) }

func square(v float64) float64 { return v * v }

// nearer returns the one of two values that is nearer to zero, and zero if
// they lie on different sides of it.
func nearer(a, b float64) float64 {
	if a*b <= 0 {
		return 0
	}
	if math.Abs(a) < math.Abs(b) {
		return a
	}
	return b
}
