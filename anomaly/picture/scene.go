package picture

import (
	"image/color"
	"math"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/forecare/forecare/anomaly"
)

// compose puts everything in its place, what matters least first.
func compose(f *anomaly.Finding, o Options) (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = color.Transparent
	lang := languageOf(o)
	style(p)
	low, high := extent(f)
	p.Y.Min, p.Y.Max = low, high
	p.X.Min, p.X.Max = seconds(f.Evidence.Time[0]), seconds(rightEdge(f))
	p.X.Tick.Marker = dates{zone: o.Zone, date: lang.date}
	p.Add(horizontals())
	for _, ring := range bands(f.Evidence) {
		area, err := plotter.NewPolygon(ring)
		if err != nil {
			return nil, err
		}
		area.Color, area.LineStyle = bandFill, draw.LineStyle{Color: bandEdge, Width: vg.Points(0.5)}
		p.Add(area)
	}
	if f.Onset.After(f.Evidence.Time[0]) {
		mark := plotter.XYs{{X: seconds(f.Onset), Y: low}, {X: seconds(f.Onset), Y: high}}
		if err := addLine(p, mark, quiet, 0.8, 2, 3); err != nil {
			return nil, err
		}
	}
	limit, limited := limitOf(f)
	if limited {
		if err := addForecast(p, f, limit); err != nil {
			return nil, err
		}
		at := plotter.XYs{{X: p.X.Min, Y: limit}, {X: p.X.Max, Y: limit}}
		if err := addLine(p, at, warm, 1.2, 6, 4); err != nil {
			return nil, err
		}
	}
	for _, run := range runs(f.Evidence) {
		own, points, err := plotter.NewLinePoints(run)
		if err != nil {
			return nil, err
		}
		own.Color, own.Width = accent, vg.Points(1.6)
		p.Add(own)
		if len(run) == 1 { // a single value between two gaps
			points.GlyphStyle = draw.GlyphStyle{Color: accent, Radius: vg.Points(1.6), Shape: draw.CircleGlyph{}}
			p.Add(points)
		}
	}
	if c, ok := crossing(f); ok && limited && c <= p.X.Max {
		at, err := plotter.NewScatter(plotter.XYs{{X: c, Y: limit}})
		if err != nil {
			return nil, err
		}
		at.GlyphStyle = draw.GlyphStyle{Color: warm, Radius: vg.Points(3), Shape: draw.CircleGlyph{}}
		p.Add(at)
	}
	p.Add(labels{f: f, words: lang, zone: o.Zone})
	return p, nil
}

func addLine(p *plot.Plot, at plotter.XYs, c color.Color, width float64, dashes ...float64) error {
	l, err := plotter.NewLine(at)
	if err != nil {
		return err
	}
	l.Color, l.Width = c, vg.Points(width)
	for _, d := range dashes {
		l.Dashes = append(l.Dashes, vg.Points(d))
	}
	p.Add(l)
	return nil
}

// addForecast draws the fan from where the device is to where it crosses.
func addForecast(p *plot.Plot, f *anomaly.Finding, limit float64) error {
	middle, ok := crossing(f)
	if !ok {
		return nil
	}
	from := plotter.XY{X: seconds(f.At), Y: level(f)}
	edge := func(x float64) plotter.XY { // where the way to x leaves the picture
		if x <= p.X.Max {
			return plotter.XY{X: x, Y: limit}
		}
		share := (p.X.Max - from.X) / (x - from.X)
		return plotter.XY{X: p.X.Max, Y: from.Y + share*(limit-from.Y)}
	}
	early, late := seconds(f.Forecast.P10), seconds(f.Forecast.P90)
	ring := plotter.XYs{from, edge(early)}
	if late > p.X.Max && early <= p.X.Max {
		ring = append(ring, plotter.XY{X: p.X.Max, Y: limit})
	}
	fan, err := plotter.NewPolygon(append(ring, edge(late)))
	if err != nil {
		return err
	}
	fan.Color, fan.LineStyle.Width = warmFill, 0
	p.Add(fan)
	return addLine(p, plotter.XYs{from, edge(middle)}, warm, 1.2, 2, 3)
}

// crossing is when the owner would notice, in seconds, if that is to come.
func crossing(f *anomaly.Finding) (float64, bool) {
	if f.Forecast == nil || !f.Forecast.P50.After(f.At) {
		return 0, false
	}
	return seconds(f.Forecast.P50), true
}

// extent is the value axis: all that is drawn, with some air.
func extent(f *anomaly.Finding) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	take := func(v float64) {
		if finite(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	for _, s := range []anomaly.Series{f.Evidence.Value, f.Evidence.Lower, f.Evidence.Upper} {
		for _, v := range s {
			take(v)
		}
	}
	if limit, ok := limitOf(f); ok {
		take(limit)
	}
	if low > high {
		return 0, 1
	}
	air := max((high-low)*0.12, math.Abs(high)*1e-6, 1e-9)
	return low - air, high + air
}

// limitOf is the value from which the owner notices, on the side to which the
// device moves. Only what moves away can be noticed by its value.
func limitOf(f *anomaly.Finding) (float64, bool) {
	if f.Noticeable <= 0 || f.Kind != anomaly.Drift && f.Kind != anomaly.Step {
		return 0, false
	}
	v := healthy(f) + math.Copysign(f.Noticeable, f.Size)
	return v, finite(v)
}

// level is where the device is now, apart from what the time of day does.
func level(f *anomaly.Finding) float64 { return healthy(f) + f.Size }

// healthy is where the device would be if nothing were wrong, averaged over
// the last day, so that the limit does not depend on the hour.
func healthy(f *anomaly.Finding) float64 {
	e := f.Evidence
	end := e.Time[len(e.Time)-1]
	sum, n := 0.0, 0
	for i := len(e.Time) - 1; i >= 0 && end.Sub(e.Time[i]) < 24*time.Hour; i-- {
		if middle := (e.Lower[i] + e.Upper[i]) / 2; finite(middle) {
			sum += middle
			n++
		}
	}
	if n < 6 || end.Sub(e.Time[0]) < 24*time.Hour {
		return f.Expected
	}
	return sum / float64(n)
}

// rightEdge leaves room for the forecast: up to the crossing if that is not
// further away than the evidence is long, and never more than a little beyond.
func rightEdge(f *anomaly.Finding) time.Time {
	first, end := f.Evidence.Time[0], f.Evidence.Time[len(f.Evidence.Time)-1]
	past := end.Sub(first)
	if _, ok := crossing(f); ok {
		c := f.Forecast
		future := min(c.P90.Sub(end), past/2)
		if middle := c.P50.Sub(end); middle < past {
			future = max(future, middle+past/8)
		}
		end = end.Add(max(future, 0))
	}
	if !end.After(first) {
		end = first.Add(time.Hour)
	}
	return end
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
