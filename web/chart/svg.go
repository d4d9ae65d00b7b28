package chart

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/forecare/forecare/anomaly"
)

// The inner picture is drawn on a square of grid units and stretched to the
// room it gets; strokes do not stretch, as the style sheet says.
const grid = 1000.0

type pen struct {
	strings.Builder
	from, until time.Time
	low, high   float64
}

func (p *pen) f(format string, args ...any) { fmt.Fprintf(&p.Builder, format, args...) }

func (p *pen) x(t time.Time) float64 {
	return float64(t.Sub(p.from)) / float64(p.until.Sub(p.from)) * grid
}

func (p *pen) y(v float64) float64 { return (p.high - v) / (p.high - p.low) * grid }

// SVG returns the picture: an axis of values and the plot beside it.
func (c *Chart) SVG() template.HTML {
	if c.Empty() {
		return ""
	}
	zone := c.Zone
	if zone == nil {
		zone = time.UTC
	}
	p := &pen{}
	p.from, p.until = c.span()
	p.low, p.high = c.values()
	height, foot, rows, columns := 260.0, 22.0, 5, 5
	class := "chart"
	if c.Small {
		height, rows, columns, class = 130, 3, 3, "chart chart-small"
	}
	plot := height - foot
	p.f(`<div class="%s" role="img" aria-label="%s">`, class, html.EscapeString(c.describe()))
	p.axis(height, plot, rows)
	p.f(`<svg class="chart-plot" width="100%%" height="%g" aria-hidden="true">`, height)
	p.f(`<svg width="100%%" height="%g" viewBox="0 0 %g %g" preserveAspectRatio="none">`, plot, grid, grid)
	values, _ := ticks(p.low, p.high, rows)
	for _, v := range values {
		p.f(`<path class="chart-grid" d="M0 %.1fH%g"/>`, p.y(v), grid)
	}
	p.band(c.Evidence)
	if limit, ok := c.limit(); ok {
		p.f(`<path class="chart-limit" d="M0 %.1fH%g"/>`, p.y(limit), grid)
	}
	if f := c.Finding; f != nil && f.Onset.After(p.from) {
		p.f(`<path class="chart-onset" d="M%.1f 0V%g"/>`, p.x(f.Onset), grid)
	}
	if f, ok := c.fan(); ok {
		p.f(`<path class="chart-fan" d="M%.1f %.1fL%.1f %.1fL%.1f %.1fZ"/>`,
			p.x(f.from), p.y(f.level), p.x(f.p10), p.y(f.limit), p.x(f.p90), p.y(f.limit))
		p.f(`<path class="chart-forecast" d="M%.1f %.1fL%.1f %.1f"/>`, p.x(f.from), p.y(f.level), p.x(f.p50), p.y(f.limit))
	}
	p.f(`<path class="chart-own" d="%s"/></svg>`, p.line(c.Time, c.Value))
	p.f(`<path class="chart-base" d="M0 %g" />`, plot)
	for _, d := range dates(p.from, p.until, zone, columns, c.words()) {
		at := p.x(d.at) / grid * 100
		p.f(`<text class="chart-date" x="%.2f%%" y="%g" text-anchor="%s">%s</text>`, at, height-5, anchor(at), html.EscapeString(d.label))
	}
	c.labels(p, plot, zone)
	p.f(`</svg></div>`)
	return template.HTML(p.String()) //nolint:gosec // every string in it is escaped above
}

func (p *pen) axis(height, plot float64, rows int) {
	values, decimals := ticks(p.low, p.high, rows)
	p.f(`<svg class="chart-axis" width="52" height="%g" aria-hidden="true">`, height)
	for _, v := range values {
		p.f(`<text x="46" y="%.1f" text-anchor="end">%s</text>`, p.y(v)/grid*plot+4, number(v, decimals))
	}
	p.f(`</svg>`)
}

// labels stand beside what they name; there is no legend.
func (c *Chart) labels(p *pen, plot float64, zone *time.Location) {
	if c.Small {
		return
	}
	// Towards the right side a label ends where it points to.
	text := func(class string, x, y float64, words string) {
		at, away := "start", 0.6
		if x > 60 {
			at, away = "end", -0.6
		}
		p.f(`<text class="%s" x="%.2f%%" y="%.1f" text-anchor="%s">%s</text>`, class, x+away, y, at, html.EscapeString(words))
	}
	limitY := -1.0
	if limit, ok := c.limit(); ok {
		limitY = p.y(limit) / grid * plot
		y := limitY - 7
		if y < 12 {
			y = limitY + 14
		}
		text("chart-word chart-word-limit", 0, y, fmt.Sprintf(c.words().Noticeable, Number(limit)+" "+c.Unit))
	}
	if f := c.Finding; f != nil && f.Onset.After(p.from) {
		text("chart-word chart-word-onset", p.x(f.Onset)/grid*100, plot-6, fmt.Sprintf(c.words().Began, c.words().day(f.Onset.In(zone))))
	}
	if i := lastOf(c.Upper); i >= 0 && c.Time[i].After(p.from) {
		// In the first third, where a drifting device is still among its peers.
		if j := firstOf(c.Lower, len(c.Lower)/12); j >= 0 {
			y := p.y(c.Lower[j])/grid*plot + 14
			if y < plot-18 {
				text("chart-word chart-word-band", p.x(c.Time[j])/grid*100, y, c.words().Peers)
			}
		}
	}
	if i := lastOf(c.Value); i >= 0 {
		y := min(max(p.y(c.Value[i])/grid*plot-8, 12), plot-6)
		if math.Abs(y-(limitY-7)) < 14 {
			y += 22
		}
		at := p.x(c.Time[i]) / grid * 100
		p.f(`<text class="chart-word chart-word-own" x="%.2f%%" y="%.1f" text-anchor="end">%s</text>`, at-0.5, y, html.EscapeString(c.words().Own))
	}
}

func (p *pen) band(e anomaly.Evidence) {
	// Each unbroken stretch is a shape of its own, so that a gap is a gap.
	for i := 0; i < len(e.Time); {
		if math.IsNaN(e.Lower[i]) || math.IsNaN(e.Upper[i]) {
			i++
			continue
		}
		j := i
		for j < len(e.Time) && !math.IsNaN(e.Lower[j]) && !math.IsNaN(e.Upper[j]) {
			j++
		}
		p.f(`<path class="chart-band" d="`)
		for k := i; k < j; k++ {
			p.f("%c%.1f %.1f", "ML"[min(k-i, 1)], p.x(e.Time[k]), p.y(e.Upper[k]))
		}
		for k := j - 1; k >= i; k-- {
			p.f("L%.1f %.1f", p.x(e.Time[k]), p.y(e.Lower[k]))
		}
		p.f(`Z"/>`)
		i = j
	}
}

func (p *pen) line(at []time.Time, values anomaly.Series) string {
	var b strings.Builder
	move := true
	for i, v := range values {
		if math.IsNaN(v) {
			move = true
			continue
		}
		if move {
			fmt.Fprintf(&b, "M%.1f %.1fh0", p.x(at[i]), p.y(v)) // h0: a lone point is a dot
		} else {
			fmt.Fprintf(&b, "L%.1f %.1f", p.x(at[i]), p.y(v))
		}
		move = false
	}
	return b.String()
}

func (c *Chart) describe() string {
	w := c.words()
	i := lastOf(c.Value)
	s := fmt.Sprintf(w.Describe, c.Name, Number(c.Value[i])+" "+c.Unit)
	if j := lastOf(c.Upper); j >= 0 && !math.IsNaN(c.Lower[j]) {
		s += fmt.Sprintf(w.DescribePeers, Number(c.Lower[j]), Number(c.Upper[j]))
	}
	if limit, ok := c.limit(); ok {
		s += fmt.Sprintf(w.DescribeLimit, Number(limit))
	}
	return s
}

func anchor(percent float64) string {
	switch {
	case percent < 6:
		return "start"
	case percent > 94:
		return "end"
	}
	return "middle"
}

func lastOf(s anomaly.Series) int {
	for i := len(s) - 1; i >= 0; i-- {
		if !math.IsNaN(s[i]) {
			return i
		}
	}
	return -1
}

func firstOf(s anomaly.Series, from int) int {
	for i := max(0, from); i < len(s); i++ {
		if !math.IsNaN(s[i]) {
			return i
		}
	}
	return -1
}
