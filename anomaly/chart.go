package anomaly

import "math"

// chart is a two-sided CUSUM about a fixed reference. Each side remembers when
// it last left zero, which is the first guess of an onset.
type chart struct {
	up, down         float32
	upFrom, downFrom int32
}

// add takes the standardized deviation z of period at. One wild period must
// not decide: z is clipped. The sums are capped at twice the limit, so that a
// chart calms down in finite time after a long excursion.
func (c *chart) add(z, slack, limit float64, at int32) {
	z = clip(z, 5)
	side := func(sum *float32, from *int32, v float64) {
		if *sum <= 0 {
			*from = at
		}
		*sum = float32(math.Max(0, math.Min(2*limit, float64(*sum)+v-slack)))
	}
	side(&c.up, &c.upFrom, z)
	side(&c.down, &c.downFrom, -z)
}

// alarm returns +1 or -1 if a side is beyond the limit, with the period in
// which it left zero; else 0.
func (c *chart) alarm(limit float64) (sign int, from int32) {
	switch {
	case float64(c.up) > limit && c.up >= c.down:
		return 1, c.upFrom
	case float64(c.down) > limit:
		return -1, c.downFrom
	}
	return 0, 0
}
