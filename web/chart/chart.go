package chart

import (
	"math"
	"time"

	"github.com/forecare/forecare/anomaly"
)

// Chart is one metric of one device. Evidence holds the lines; its slices are
// of equal length, oldest first, NaN where there is a gap. Finding is nil for
// a healthy metric. Zone is the device's; nil is UTC. Until is the right edge
// of the past, Forecasts reach beyond it.
type Chart struct {
	anomaly.Evidence
	Name    string // of the metric, for people who hear the picture
	Unit    string
	Finding *anomaly.Finding
	Zone    *time.Location
	Small   bool  // a small multiple: fewer labels, lower
	Words   Words // the labels; zero means English
}

// Empty reports whether there is nothing to draw.
func (c *Chart) Empty() bool {
	if n := len(c.Time); len(c.Value) != n || len(c.Lower) != n || len(c.Upper) != n {
		return true
	}
	for _, v := range c.Value {
		if !math.IsNaN(v) {
			return false
		}
	}
	return true
}

// fan is the forecast as a triangle: from where the device is now to the limit
// that it reaches with probability 0.1 before p10 and 0.9 before p90.
type fan struct {
	from          time.Time
	level, limit  float64
	p10, p50, p90 time.Time
}

func (c *Chart) fan() (fan, bool) {
	f := c.Finding
	if f == nil || f.Forecast == nil || f.Status == anomaly.Cleared || math.IsNaN(f.Level) {
		return fan{}, false
	}
	limit, ok := c.limit()
	if !ok || f.Forecast.P50.IsZero() || !f.Forecast.P50.After(f.At) {
		return fan{}, false
	}
	p10, p90 := f.Forecast.P10, f.Forecast.P90
	if p10.Before(f.At) {
		p10 = f.At
	}
	if p90.Before(f.Forecast.P50) {
		p90 = f.Forecast.P50
	}
	return fan{from: f.At, level: f.Level, limit: limit, p10: p10, p50: f.Forecast.P50, p90: p90}, true
}

// limit is the value from which an owner notices, on the side to which the
// device moves.
func (c *Chart) limit() (float64, bool) {
	f := c.Finding
	if f == nil || f.Noticeable == 0 || f.Metric == "" {
		return 0, false
	}
	v := f.Expected + math.Copysign(f.Noticeable, f.Size)
	return v, !math.IsNaN(v) && !math.IsInf(v, 0)
}

// span is the time axis. The forecast may take as much room as the past until
// it crosses the limit, and half as much beyond that.
func (c *Chart) span() (from, until time.Time) {
	if len(c.Time) == 0 {
		return
	}
	from, until = c.Time[0], c.Time[len(c.Time)-1]
	if f, ok := c.fan(); ok {
		past := until.Sub(from)
		reach := min(f.p90.Sub(until), past/2)
		if crossing := f.p50.Sub(until) + past/20; crossing <= past {
			reach = max(reach, crossing)
		}
		until = until.Add(max(0, reach))
	}
	if !until.After(from) {
		until = from.Add(time.Hour)
	}
	return from, until
}

// values is the value axis: all that is drawn, with some air.
func (c *Chart) values() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	take := func(v float64) {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	for _, s := range []anomaly.Series{c.Value, c.Lower, c.Upper} {
		for _, v := range s {
			take(v)
		}
	}
	if limit, ok := c.limit(); ok {
		take(limit)
	}
	if f, ok := c.fan(); ok {
		take(f.level)
	}
	if low > high {
		return 0, 1
	}
	air := (high - low) * 0.08
	if air == 0 {
		air = max(math.Abs(high)*0.05, 0.5)
	}
	return low - air, high + air
}

// Windows makes one evidence of two lists of window means that leave gaps out:
// one entry per window between from and until, NaN where a list has none.
func Windows(from, until time.Time, every time.Duration, value, lower, upper map[time.Time]float64) anomaly.Evidence {
	var e anomaly.Evidence
	pick := func(m map[time.Time]float64, t time.Time) float64 {
		if v, ok := m[t]; ok {
			return v
		}
		return math.NaN()
	}
	for t := from.UTC().Truncate(every); !t.After(until); t = t.Add(every) {
		e.Time = append(e.Time, t)
		e.Value = append(e.Value, pick(value, t))
		e.Lower = append(e.Lower, pick(lower, t))
		e.Upper = append(e.Upper, pick(upper, t))
	}
	return e
}
