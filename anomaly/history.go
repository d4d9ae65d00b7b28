package anomaly

import (
	"math"
	"time"
)

// history keeps the device's mean value in the newest historySize slices of an
// hour (or a bucket, if longer): the device's line in a finding's evidence.
type history struct {
	at   []float32 // less base; circular by slice number, NaN where nothing is known
	base float64   // the first value: what float32 cannot hold beside the rest
	last int32     // the slice being filled
	sum  float64
	n    int32
}

// historySize is ten days of hours, and the most that Evidence may hold.
const historySize = 240

var unknown = float32(math.NaN())

// add takes the mean of one bucket in. It allocates once in a series' life.
func (h *history) add(slice int32, v float64) {
	if h.at == nil {
		h.base = v
		h.at = make([]float32, historySize)
		for i := range h.at {
			h.at[i] = unknown
		}
		h.last = slice
	}
	if slice > h.last {
		for i := max(h.last, slice-historySize) + 1; i <= slice; i++ {
			h.at[i%historySize] = unknown
		}
		h.last, h.sum, h.n = slice, 0, 0
	}
	h.sum += v - h.base
	h.n++
	h.at[slice%historySize] = float32(h.sum / float64(h.n))
}

// get returns the mean value in a slice, NaN if it is not known.
func (h *history) get(slice int32) float64 {
	if h.at == nil || slice > h.last || slice <= h.last-historySize {
		return math.NaN()
	}
	return h.base + float64(h.at[slice%historySize])
}

// evidence draws a series up to time t: its own line, and the band of its
// peers moved to where this device is when healthy.
func (c *cohort) evidence(s *track, g *gauge, t int64) Evidence {
	length := c.grid.slice()
	perSlice := int32(length / c.grid.width)
	newest := int32(t / length)
	first := int32(-1)
	for i := newest - historySize + 1; i <= newest; i++ {
		if v := s.history.get(i); v == v {
			first = i
			break
		}
	}
	if first < 0 {
		return Evidence{}
	}
	n := int(newest - first + 1)
	e := Evidence{Time: make([]time.Time, n), Value: make(Series, n), Lower: make(Series, n), Upper: make(Series, n)}
	for i := range n {
		slice := first + int32(i)
		e.Time[i] = instant(int64(slice) * length)
		e.Value[i], e.Lower[i], e.Upper[i] = s.history.get(slice), math.NaN(), math.NaN()
		if g.solo {
			continue
		}
		var centre, lower, upper, count float64
		for b := slice * perSlice; b < (slice+1)*perSlice; b++ {
			if p, ok := g.at(b); ok && p.lower == p.lower {
				count++
				centre += p.centre
				lower += float64(p.lower)
				upper += float64(p.upper)
			}
		}
		if count > 0 {
			centre /= count
			own := centre + s.healthy(c.grid, c.grid.block(slice*perSlice), centre)
			e.Lower[i], e.Upper[i] = own+lower/count, own+upper/count
		}
	}
	return e
}

// instant is the time of a Unix nanosecond count.
func instant(t int64) time.Time { return time.Unix(0, t).UTC() }
