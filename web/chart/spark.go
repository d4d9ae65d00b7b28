package chart

import (
	"html/template"
	"math"
	"time"

	"github.com/forecare/forecare/anomaly"
)

// Spark returns the evidence as a line the height of a word, for lists. It is
// decoration: what it shows stands in words beside it.
func Spark(e anomaly.Evidence) template.HTML {
	c := Chart{Evidence: thin(e, 60)}
	if c.Empty() {
		return ""
	}
	p := &pen{}
	p.from, p.until = c.span()
	p.low, p.high = c.values()
	p.f(`<svg class="spark" viewBox="0 0 %g %g" preserveAspectRatio="none" aria-hidden="true">`, grid, grid)
	p.band(c.Evidence)
	p.f(`<path class="chart-own" d="%s"/></svg>`, p.line(c.Time, c.Value))
	return template.HTML(p.String()) //nolint:gosec // numbers only
}

// thin keeps about n entries, the mean of each stretch.
func thin(e anomaly.Evidence, n int) anomaly.Evidence {
	if len(e.Time) <= n {
		return e
	}
	width := (len(e.Time) + n - 1) / n
	mean := func(s anomaly.Series, i int) float64 {
		sum, count := 0.0, 0.0
		for _, v := range s[i:min(i+width, len(s))] {
			if !math.IsNaN(v) {
				sum, count = sum+v, count+1
			}
		}
		return sum / count // 0/0 is NaN, a gap
	}
	var out anomaly.Evidence
	for i := 0; i < len(e.Time); i += width {
		out.Time = append(out.Time, e.Time[i])
		out.Value = append(out.Value, mean(e.Value, i))
		out.Lower = append(out.Lower, mean(e.Lower, i))
		out.Upper = append(out.Upper, mean(e.Upper, i))
	}
	return out
}

// Data is the picture as numbers: parallel columns as a plotting library wants
// them, times in Unix seconds, null for gaps.
type Data struct {
	Name  string         `json:"name"`
	Unit  string         `json:"unit"`
	Zone  string         `json:"zone"`
	Time  []int64        `json:"time"`
	Value anomaly.Series `json:"value"`
	Lower anomaly.Series `json:"lower"`
	Upper anomaly.Series `json:"upper"`
	Low   float64        `json:"low"` // of the value axis
	High  float64        `json:"high"`
	From  int64          `json:"from"` // of the time axis
	Until int64          `json:"until"`
	Limit *float64       `json:"limit,omitempty"`
	Onset int64          `json:"onset,omitempty"`
	Fan   *DataFan       `json:"fan,omitempty"`
	Small bool           `json:"small,omitempty"`
}

// DataFan is the forecast: from where the device is to where it crosses Limit.
type DataFan struct {
	From  int64   `json:"from"`
	Level float64 `json:"level"`
	P10   int64   `json:"p10"`
	P50   int64   `json:"p50"`
	P90   int64   `json:"p90"`
}

// Data returns the picture as numbers.
func (c *Chart) Data() Data {
	d := Data{
		Name: c.Name, Unit: c.Unit, Zone: "UTC", Time: make([]int64, len(c.Time)),
		Value: c.Value, Lower: c.Lower, Upper: c.Upper, Small: c.Small,
	}
	if c.Zone != nil && c.Zone != time.Local {
		d.Zone = c.Zone.String()
	}
	for i, t := range c.Time {
		d.Time[i] = t.Unix()
	}
	from, until := c.span()
	d.From, d.Until = from.Unix(), until.Unix()
	d.Low, d.High = c.values()
	if limit, ok := c.limit(); ok {
		d.Limit = &limit
	}
	if f := c.Finding; f != nil && f.Onset.After(from) {
		d.Onset = f.Onset.Unix()
	}
	if f, ok := c.fan(); ok {
		d.Fan = &DataFan{From: f.from.Unix(), Level: f.level, P10: f.p10.Unix(), P50: f.p50.Unix(), P90: f.p90.Unix()}
	}
	return d
}
