package anomaly

import "unsafe"

// What only tests of this package need of its inside.

// Chart is a CUSUM about zero.
type Chart struct{ c chart }

// Add takes z and reports whether a side is beyond the limit.
func (c *Chart) Add(z, slack, limit float64) bool {
	c.c.add(z, slack, limit, 0)
	sign, _ := c.c.alarm(limit)
	return sign != 0
}

// TheilSen fits a robust line.
func TheilSen(t, y []float64, persist float64) (slope, lower, upper, now float64, ok bool) {
	l, ok := theilSen(t, y, persist)
	return l.slope, l.lower, l.upper, l.now, ok
}

var (
	KindOf      = kindOf
	DeviationOf = deviationOf
	Quantity    = quantity
	Span        = span
)

// Scale learns the values and returns their standard deviation and lag-1
// autocorrelation.
func Scale(x []float64) (sd, rho float64) {
	var s scale
	for _, v := range x {
		s.add(v, 60000)
	}
	return s.sd(), s.rho()
}

// SeriesBytes is the size of one series in memory, without its evidence ring,
// and of that.
func SeriesBytes() (series, evidence uintptr) {
	return unsafe.Sizeof(track{}), historySize * unsafe.Sizeof(float32(0))
}
