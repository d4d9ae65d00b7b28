// Package picture draws what was found: the device's own line, the band in
// which its peers are, the value from which an owner notices, when it began,
// and the forecast as a fan to the crossing. Messages carry it as PNG; where
// size matters less than sharpness it is SVG.
//
// gonum/plot does not shape Arabic, so pictures in languages that run from
// right to left hold figures and no words; the text around them says the rest.
package picture

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
)

// Options say how to draw. Format is "png" or "svg". Width and Height are in
// pixels, at twice the density of a plain screen. Title stands above the
// picture, Unit at the axis. Lang decides whether there are words; Labels are
// the words, English if empty. Zone is the time axis's; nil means UTC.
type Options struct {
	Format        string
	Width, Height int
	Title, Unit   string
	Lang          string
	Labels        Labels
	Zone          *time.Location
}

// Labels stand in the picture beside what they name.
type Labels struct {
	Own, Peers, Noticeable, Began string
}

func (l Labels) orEnglish() Labels {
	if l.Own == "" {
		return Labels{Own: "this device", Peers: "its peers", Noticeable: "noticeable", Began: "began"}
	}
	return l
}

// The colors are those of the pages, on white: a mail is read anywhere.
var (
	ink      = color.NRGBA{0x1c, 0x22, 0x26, 0xff}
	quiet    = color.NRGBA{0x59, 0x63, 0x6b, 0xff}
	grid     = color.NRGBA{0xe6, 0xe7, 0xe2, 0xff}
	bandFill = color.NRGBA{0xd9, 0xe2, 0xe4, 0xff}
	accent   = color.NRGBA{0x0b, 0x6a, 0x6a, 0xff}
	warm     = color.NRGBA{0xb8, 0x74, 0x10, 0xff}
	warmText = color.NRGBA{0x8a, 0x51, 0x00, 0xff}
	warmFill = color.NRGBA{0xfd, 0xf0, 0xd9, 0xff}
)

// density is how many pixels there are per point of the layout: letters keep
// their size when a mail program shows a 1200 px picture 600 px wide.
const density = 144.0

// Draw writes the picture of f. The same arguments give the same bytes. A
// finding without evidence is devices.Invalid.
func Draw(w io.Writer, f anomaly.Finding, o Options) error {
	if len(f.Evidence.Time) < 2 {
		return devices.Errorf(devices.Invalid, "finding %s has no evidence to draw", f.ID)
	}
	if o.Width < 100 || o.Height < 100 || o.Width > 4000 || o.Height > 4000 {
		return devices.Errorf(devices.Invalid, "a picture of %d by %d pixels cannot be drawn", o.Width, o.Height)
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	p, err := compose(&f, o)
	if err != nil {
		return fmt.Errorf("drawing finding %s: %w", f.ID, err)
	}
	width, height := vg.Length(float64(o.Width)/density)*vg.Inch, vg.Length(float64(o.Height)/density)*vg.Inch
	var out io.WriterTo
	var canvas vg.CanvasSizer
	switch o.Format {
	case "png":
		c := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(int(density)))}
		out, canvas = c, c
	case "svg":
		c := vgsvg.New(width, height)
		out, canvas = c, c
	default:
		return devices.Errorf(devices.Invalid, "a picture can be png or svg, not %q", o.Format)
	}
	p.Draw(draw.Crop(draw.New(canvas), 8, -12, 6, -6))
	_, err = out.WriteTo(w)
	return err
}

func compose(f *anomaly.Finding, o Options) (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = color.White
	style(p, o)
	low, high := extent(f)
	p.Y.Min, p.Y.Max = low, high
	p.X.Min, p.X.Max = seconds(f.Evidence.Time[0]), seconds(last(f))
	p.X.Tick.Marker = dates{zone: o.Zone}
	p.Add(lines(p))

	for _, ring := range bands(f.Evidence) {
		area, err := plotter.NewPolygon(ring)
		if err != nil {
			return nil, err
		}
		area.Color, area.LineStyle.Width = bandFill, 0
		p.Add(area)
	}
	if err := addForecast(p, f); err != nil {
		return nil, err
	}
	for _, run := range runs(f.Evidence) {
		own, err := plotter.NewLine(run)
		if err != nil {
			return nil, err
		}
		own.Color, own.Width = accent, vg.Points(1.6)
		p.Add(own)
	}
	if f.Onset.After(f.Evidence.Time[0]) {
		mark := plotter.XYs{{X: seconds(f.Onset), Y: low}, {X: seconds(f.Onset), Y: high}}
		if err := addLine(p, mark, quiet, 0.8, 2, 3); err != nil {
			return nil, err
		}
	}
	if limit, ok := limitOf(f); ok {
		if err := addLine(p, plotter.XYs{{X: p.X.Min, Y: limit}, {X: p.X.Max, Y: limit}}, warm, 1.2, 6, 4); err != nil {
			return nil, err
		}
	}
	return p, addLabels(p, f, o)
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
func addForecast(p *plot.Plot, f *anomaly.Finding) error {
	limit, ok := limitOf(f)
	c := f.Forecast
	if !ok || c == nil || !c.P50.After(f.At) {
		return nil
	}
	from := plotter.XY{X: seconds(f.At), Y: f.Level}
	edge := func(t time.Time) plotter.XY { // where the way to t leaves the picture
		x := seconds(t)
		if x <= p.X.Max {
			return plotter.XY{X: x, Y: limit}
		}
		share := (p.X.Max - from.X) / (x - from.X)
		return plotter.XY{X: p.X.Max, Y: from.Y + share*(limit-from.Y)}
	}
	ring := plotter.XYs{from, edge(c.P10)}
	if seconds(c.P90) > p.X.Max && seconds(c.P10) <= p.X.Max {
		ring = append(ring, plotter.XY{X: p.X.Max, Y: limit})
	}
	fan, err := plotter.NewPolygon(append(ring, edge(c.P90)))
	if err != nil {
		return err
	}
	fan.Color, fan.LineStyle.Width = warmFill, 0
	p.Add(fan)
	return addLine(p, plotter.XYs{from, edge(c.P50)}, warm, 1.2, 2, 3)
}

func addLabels(p *plot.Plot, f *anomaly.Finding, o Options) error {
	if o.Lang == "ar" || o.Lang == "he" || o.Lang == "fa" || o.Lang == "ur" {
		return nil
	}
	words := o.Labels.orEnglish()
	height := p.Y.Max - p.Y.Min
	type label struct {
		at    plotter.XY
		text  string
		color color.Color
		right bool
		below bool
	}
	var labels []label
	e := f.Evidence
	if i := newest(e.Value); i >= 0 {
		labels = append(labels, label{plotter.XY{X: seconds(e.Time[i]), Y: e.Value[i] + 0.045*height}, words.Own, accent, true, false})
	}
	if i := oldest(e.Lower); i >= 0 {
		labels = append(labels, label{plotter.XY{X: seconds(e.Time[i]), Y: e.Lower[i] - 0.02*height}, words.Peers, quiet, false, true})
	}
	if limit, ok := limitOf(f); ok {
		labels = append(labels, label{plotter.XY{X: p.X.Min, Y: limit + 0.02*height}, words.Noticeable, warmText, false, false})
	}
	if f.Onset.After(e.Time[0]) {
		labels = append(labels, label{plotter.XY{X: seconds(f.Onset), Y: p.Y.Min + 0.02*height}, " " + words.Began, quiet, false, false})
	}
	for _, l := range labels {
		drawn, err := plotter.NewLabels(plotter.XYLabels{XYs: plotter.XYs{l.at}, Labels: []string{l.text}})
		if err != nil {
			return err
		}
		s := &drawn.TextStyle[0]
		*s = letters(p, 9)
		s.Color = l.color
		if l.right {
			s.XAlign = text.XRight
		}
		if l.below {
			s.YAlign = text.YTop
		}
		p.Add(drawn)
	}
	return nil
}

// style gives the plot its letters and axes.
func style(p *plot.Plot, o Options) {
	title := o.Title
	if o.Lang == "ar" || o.Lang == "he" || o.Lang == "fa" || o.Lang == "ur" {
		title = ""
	}
	p.Title.Text = title
	p.Title.TextStyle.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(11), Weight: 2}
	p.Title.TextStyle.Color = ink
	p.Title.Padding = vg.Points(6)
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Color = color.Transparent
		a.LineStyle.Width = 0
		a.Tick.LineStyle.Width = 0
		a.Tick.Length = 0
		a.Tick.Label = letters(p, 8.5)
		a.Tick.Label.Color = quiet
		a.Padding = vg.Points(4)
	}
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = text.XCenter, text.YTop
	p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = text.XRight, text.YCenter
	p.Y.Label.Text = o.Unit
	p.Y.Label.TextStyle.Font = letters(p, 8.5).Font
	p.Y.Label.TextStyle.Color = quiet
	p.Y.Tick.Marker = few{}
}

func letters(p *plot.Plot, points float64) text.Style {
	return text.Style{
		Color: ink, Handler: p.TextHandler,
		Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(points)},
	}
}

// extent is the value axis: all that is drawn, with some air.
func extent(f *anomaly.Finding) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	take := func(v float64) {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
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
	air := max((high-low)*0.1, math.Abs(high)*1e-6, 1e-9)
	return low - air, high + air
}

// limitOf is the value from which the owner notices, on the side to which the
// device moves.
func limitOf(f *anomaly.Finding) (float64, bool) {
	if f.Noticeable <= 0 || f.Metric == "" {
		return 0, false
	}
	v := f.Expected + math.Copysign(f.Noticeable, f.Size)
	return v, !math.IsNaN(v) && !math.IsInf(v, 0)
}

// last is the right edge: the forecast may take as much room as half the past.
func last(f *anomaly.Finding) time.Time {
	first, end := f.Evidence.Time[0], f.Evidence.Time[len(f.Evidence.Time)-1]
	if c := f.Forecast; c != nil && c.P90.After(end) {
		end = end.Add(min(c.P90.Sub(end), end.Sub(first)/2))
	}
	if !end.After(first) {
		end = first.Add(time.Hour)
	}
	return end
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
