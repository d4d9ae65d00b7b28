package picture

import (
	"image/color"
	"time"
	"unicode"
	"unicode/utf8"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/forecare/forecare/anomaly"
)

// labels writes the words beside what they name. The device's own stands on
// the side to which it moves, the peers' on the other.
type labels struct {
	f     *anomaly.Finding
	words language
	zone  *time.Location
}

// Plot implements plot.Plotter.
func (l labels) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	f, e := l.f, l.f.Evidence
	up := f.Size >= 0
	const near = vg.Length(4)
	limit, limited := limitOf(f)
	if i := newest(e.Value); i >= 0 {
		at := x(seconds(e.Time[i]))
		high, low := l.around(x, at-letters(9).Width(l.words.Own), i)
		above, edge := up, high
		if limited && up && y(limit)-y(high) > -16 && y(limit)-y(high) < 16 || !up && !(limited && y(low)-y(limit) < 16) {
			above, edge = false, low
		}
		l.write(c, l.words.Own, at, y(edge), accent, text.XRight, above, near)
	}
	if i := oldest(e.Lower); i >= 0 {
		edge := e.Lower
		if !up {
			edge = e.Upper
		}
		far := edge[i]
		for j := i; j < min(len(edge), i+len(edge)/8); j++ {
			if finite(edge[j]) && (edge[j] > far) != up {
				far = edge[j]
			}
			if v := e.Value[j]; finite(v) && (v > far) != up {
				far = v
			}
		}
		l.write(c, l.words.Peers, x(seconds(e.Time[i]))+2, y(far), quiet, text.XLeft, !up, near)
	}
	if f.Onset.After(e.Time[0]) {
		at := y(p.Y.Min)
		if !up {
			at = y(p.Y.Max)
		}
		l.write(c, l.words.Began, x(seconds(f.Onset))+3, at, quiet, text.XLeft, up, 2)
	}
	if !limited {
		return
	}
	l.write(c, l.words.Noticeable, x(p.X.Min)+2, y(limit), warmText, text.XLeft, up, 3)
	if at, ok := crossing(f); ok {
		date := l.words.date(f.Forecast.P50.In(l.zone))
		if l.words.Crosses != "" {
			date = l.words.Crosses + " " + date
		}
		align, place := text.XCenter, x(at)
		if place > c.Max.X-30 { // it lies beyond the edge or touches it
			align, place = text.XRight, c.Max.X
		}
		l.write(c, date, place, y(limit), warmText, align, up, 5)
	}
}

// around returns the highest and the lowest value of the device's line from
// place from up to value i: a label there stays clear of both.
func (l labels) around(x func(float64) vg.Length, from vg.Length, i int) (high, low float64) {
	e := l.f.Evidence
	high, low = e.Value[i], e.Value[i]
	for j := i; j >= 0 && x(seconds(e.Time[j])) >= from; j-- {
		if v := e.Value[j]; finite(v) {
			high, low = max(high, v), min(low, v)
		}
	}
	return high, low
}

// write puts a word above or below a point.
func (l labels) write(c draw.Canvas, word string, x, y vg.Length, ink color.Color, align text.XAlignment, above bool, gap vg.Length) {
	if word == "" {
		return
	}
	s := letters(9)
	s.Color, s.XAlign, s.YAlign = ink, align, text.YBottom
	if !above {
		s.YAlign, gap = text.YTop, -gap
	}
	c.FillText(s, vg.Point{X: x, Y: y + gap}, word)
}

// heading writes the title, and the unit above the value axis.
func heading(c draw.Canvas, title, unit string) {
	s := letters(11.5)
	s.Font.Weight = 3 // bold
	s.YAlign = text.YTop
	at := vg.Point{X: c.Min.X + 10, Y: c.Max.Y - 9}
	if title != "" {
		first, size := utf8.DecodeRuneInString(title)
		title = string(unicode.ToUpper(first)) + title[size:]
		c.FillText(s, at, title)
		at.X += s.Width(title) + 8
	}
	if unit == "" || !drawable(unit) {
		return
	}
	s = letters(9)
	s.Color, s.YAlign = quiet, text.YTop
	c.FillText(s, vg.Point{X: at.X, Y: at.Y - 2}, unit)
}

// style gives the plot its letters and axes.
func style(p *plot.Plot) {
	p.TextHandler = text.Plain{Fonts: font.DefaultCache}
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Color = color.Transparent
		a.LineStyle.Width = 0
		a.Tick.LineStyle.Width = 0
		a.Tick.Length = 0
		a.Tick.Label = letters(8.5)
		a.Tick.Label.Color = quiet
		a.Padding = vg.Points(4)
	}
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = text.XCenter, text.YTop
	p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = text.XRight, text.YCenter
	p.Y.Tick.Marker = few{}
}

func letters(points float64) text.Style {
	return text.Style{
		Color: ink, Handler: text.Plain{Fonts: font.DefaultCache},
		Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(points)},
	}
}
