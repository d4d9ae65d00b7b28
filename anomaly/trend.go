package anomaly

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// trend is a robust straight line through values over time.
type trend struct {
	slope        float64 // per unit of time
	lower, upper float64 // 10 % and 90 % bounds of the slope
	now          float64 // the line at the last time
}

const (
	// leastTrend is how few values make a trend worth telling.
	leastTrend = 5
	// mostTrend bounds the work: 64 values have 2016 slopes.
	mostTrend = 64
)

// theilSen fits a line by the median of all slopes between two values (Theil
// 1950, Sen 1968). The bounds come from the order statistics that correspond
// to the variance of Mann and Kendall's S, which grows by the factor persist if
// values are not independent. ok is false for fewer than leastTrend values. t
// ascends.
func theilSen(t, y []float64, persist float64) (trend, bool) {
	n := len(t)
	if n < leastTrend || n > mostTrend {
		return trend{}, false
	}
	slopes := make([]float64, 0, n*(n-1)/2)
	for i := range n {
		for j := i + 1; j < n; j++ {
			slopes = append(slopes, (y[j]-y[i])/(t[j]-t[i]))
		}
	}
	slices.Sort(slopes)
	variance := float64(n*(n-1)*(2*n+5)) / 18 * persist
	c := distuv.UnitNormal.Quantile(0.9) * math.Sqrt(variance)
	count := float64(len(slopes))
	at := func(rank float64) float64 {
		return slopes[max(0, min(len(slopes)-1, int(math.Round(rank))))]
	}
	out := trend{slope: quantile(0.5, slopes), lower: at((count-c)/2 - 1), upper: at((count + c) / 2)}
	rest := make([]float64, n)
	for i := range n {
		rest[i] = y[i] - out.slope*(t[i]-t[n-1])
	}
	out.now = median(rest)
	return out, true
}
