package anomaly

import (
	"math"

	"gonum.org/v1/gonum/stat"
)

// moved counts the peers that deviate like the series: to the same side, by
// half of its size or more, in the same hours.
func (c *cohort) moved(u *unit, i int, k int32, size float64) int {
	n, _ := c.alike(u, i, k, size, func(*track) {})
	return n
}

// shared reports whether the deviation is not the device's alone: many peers
// deviate like it, or one does that has always moved with it. Such kin stand
// in the same weather, hang on the same pipe or go through the same week, and
// what befalls them together is no fault of one. Where there are too few
// devices to know, each is every other's kin.
func (c *cohort) shared(u *unit, s *track, i int, k int32, d deviation) bool {
	solo, kin := c.gauges[i].solo, false
	c.alike(u, i, k, d.size, func(other *track) {
		kin = kin || solo || c.kinship(s, other, d.from) >= closeKin
	})
	return kin || c.common(u, i, k, d.size)
}

// common reports whether a large part of the peers deviates like the series.
func (c *cohort) common(u *unit, i int, k int32, size float64) bool {
	moved, all := c.alike(u, i, k, size, func(*track) {})
	return float64(moved) > c.settings.CommonShare*float64(all)
}

// alike counts the peers that deviate by half of the size or more, to the same
// side and in the same hours, and visits them; and all that measured then.
func (c *cohort) alike(u *unit, i int, k int32, size float64, visit func(*track)) (moved, all int) {
	for _, other := range c.units {
		t := other.track(i)
		if other == u || t == nil {
			continue
		}
		y, ok := t.residual(c.grid, k)
		if !ok {
			k := k - 1 // not quite as far yet
			if y, ok = t.residual(c.grid, k); !ok {
				continue
			}
		}
		if before, ok := t.residual(c.grid, k-1); ok {
			y = nearer(y, before)
		}
		all++
		if y*size > 0 && math.Abs(y) >= math.Abs(size)/2 {
			moved++
			visit(t)
		}
	}
	return moved, all
}

const (
	closeKin = 0.6 // nobody is that by chance over ten days or blocks, and deviates too
	leastKin = 10  // values that make a correlation
)

// kinship returns how two series' residuals were correlated before block from:
// by days if there are enough of them, else by blocks, else 0.
func (c *cohort) kinship(a, b *track, from int32) float64 {
	x, y := c.scratch.other[:0], c.scratch.all[:0]
	for day := a.byDay.first(); day < c.grid.day(from); day++ {
		u, okU := a.dayResidual(day)
		v, okV := b.dayResidual(day)
		if okU && okV {
			x, y = append(x, u), append(y, v)
		}
	}
	if len(x) < leastKin {
		x, y = x[:0], y[:0]
		for k := a.byBlock.first(); k < from; k++ {
			u, okU := a.residual(c.grid, k)
			v, okV := b.residual(c.grid, k)
			if okU && okV {
				x, y = append(x, u), append(y, v)
			}
		}
	}
	c.scratch.other, c.scratch.all = x, y
	if len(x) < leastKin {
		return 0
	}
	return stat.Correlation(x, y, nil) // NaN for constant residuals is no kin
}
