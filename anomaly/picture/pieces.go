package picture

import (
	"math"
	"strconv"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/forecare/forecare/anomaly"
)

// runs are the unbroken stretches of the device's line: a gap stays a gap.
func runs(e anomaly.Evidence) []plotter.XYs {
	var out []plotter.XYs
	var run plotter.XYs
	for i, v := range e.Value {
		if finite(v) {
			run = append(run, plotter.XY{X: seconds(e.Time[i]), Y: v})
			continue
		}
		out, run = keep(out, run), nil
	}
	return keep(out, run)
}

func keep(out []plotter.XYs, run plotter.XYs) []plotter.XYs {
	if len(run) > 0 {
		out = append(out, run)
	}
	return out
}

// bands are the unbroken stretches of the peers' band, each as a ring.
func bands(e anomaly.Evidence) []plotter.XYs {
	known := func(i int) bool { return finite(e.Lower[i]) && finite(e.Upper[i]) }
	var out []plotter.XYs
	for i := 0; i < len(e.Time); {
		if !known(i) {
			i++
			continue
		}
		j := i
		for j < len(e.Time) && known(j) {
			j++
		}
		if j-i > 1 {
			var ring plotter.XYs
			for k := i; k < j; k++ {
				ring = append(ring, plotter.XY{X: seconds(e.Time[k]), Y: e.Upper[k]})
			}
			for k := j - 1; k >= i; k-- {
				ring = append(ring, plotter.XY{X: seconds(e.Time[k]), Y: e.Lower[k]})
			}
			out = append(out, ring)
		}
		i = j
	}
	return out
}

func newest(s anomaly.Series) int {
	for i := len(s) - 1; i >= 0; i-- {
		if finite(s[i]) {
			return i
		}
	}
	return -1
}

func oldest(s anomaly.Series) int {
	for i := range s {
		if finite(s[i]) {
			return i
		}
	}
	return -1
}

// horizontals are the lines behind everything.
func horizontals() *plotter.Grid {
	g := plotter.NewGrid()
	g.Vertical.Width = 0
	g.Horizontal.Color, g.Horizontal.Width = grid, vg.Points(0.8)
	return g
}

// few are about five round marks of a value axis.
type few struct{}

// Ticks implements plot.Ticker.
func (few) Ticks(low, high float64) []plot.Tick {
	raw := (high - low) / 5
	if raw <= 0 || math.IsNaN(raw) || math.IsInf(raw, 0) {
		return nil
	}
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * power
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*power >= raw {
			step = m * power
			break
		}
	}
	decimals := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	if step == 2.5*power {
		decimals = max(decimals, 1-int(math.Floor(math.Log10(power)+1e-9)))
	}
	var out []plot.Tick
	for v := math.Ceil(low/step) * step; v <= high; v += step {
		out = append(out, plot.Tick{Value: v, Label: strconv.FormatFloat(v+0, 'f', decimals, 64)})
	}
	return out
}

// dates are marks at midnights, or at full hours if the picture is short.
type dates struct {
	zone *time.Location
	date func(time.Time) string
}

// Ticks implements plot.Ticker.
func (d dates) Ticks(low, high float64) []plot.Tick {
	from, until := time.Unix(int64(low), 0).In(d.zone), time.Unix(int64(high), 0).In(d.zone)
	span := until.Sub(from)
	if span < 40*time.Hour {
		hours := max(1, int(span.Hours()/6))
		return d.marks(from, until, func(t time.Time) string { return t.Format("15:04") }, func(i int) time.Time {
			return time.Date(from.Year(), from.Month(), from.Day(), i*hours, 0, 0, 0, d.zone)
		})
	}
	days := max(1, int(math.Ceil(span.Hours()/24/7)))
	return d.marks(from, until, d.date, func(i int) time.Time {
		return time.Date(from.Year(), from.Month(), from.Day()+i*days, 0, 0, 0, 0, d.zone)
	})
}

func (d dates) marks(from, until time.Time, label func(time.Time) string, at func(int) time.Time) []plot.Tick {
	var out []plot.Tick
	for i := 0; i < 400; i++ {
		t := at(i)
		if t.After(until) {
			break
		}
		if t.After(from) {
			out = append(out, plot.Tick{Value: seconds(t), Label: label(t)})
		}
	}
	return out
}
