package chart_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/web/chart"
)

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// week is a line with peers around it, with a gap, and a finding on it.
func week() *chart.Chart {
	c := &chart.Chart{Name: "brewing temperature", Unit: "°C"}
	for i := range 168 {
		v := 92 + math.Max(0, float64(i-100))*0.02
		if i > 40 && i < 50 {
			v = math.NaN()
		}
		c.Time = append(c.Time, start.Add(time.Duration(i)*time.Hour))
		c.Value, c.Lower, c.Upper = append(c.Value, v), append(c.Lower, 91.5), append(c.Upper, 92.5)
	}
	c.Finding = &anomaly.Finding{
		Metric: "t", Status: anomaly.Opened, Onset: start.Add(100 * time.Hour), At: start.Add(167 * time.Hour), Size: 1.3, Level: 93.3, Expected: 92, Noticeable: 2.5,
		Forecast: &anomaly.Forecast{P10: start.Add(200 * time.Hour), P50: start.Add(220 * time.Hour), P90: start.Add(300 * time.Hour)},
	}
	return c
}

// wellFormed fails the test if the markup is not XML.
func wellFormed(t *testing.T, markup string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(markup)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in %s", err, markup)
		}
	}
}

func TestPictureTellsTheWholeStory(t *testing.T) {
	svg := string(week().SVG())
	wellFormed(t, svg)
	for _, want := range []string{"chart-own", "chart-band", "chart-limit", "chart-onset", "chart-fan", "chart-forecast", "noticeable from 94.5 °C", "began about 5 Mar", "this device", `role="img"`, "brewing temperature of this device, last 93.34 °C; its peers lie between 91.5 and 92.5; noticeable from 94.5"} {
		if !strings.Contains(svg, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") || strings.Contains(svg, "style=") {
		t.Error("it holds what a browser will not draw")
	}
	_, line, _ := strings.Cut(svg, `class="chart-own" d="`)
	line, _, _ = strings.Cut(line, `"`)
	if moves := strings.Count(line, "M"); moves != 2 {
		t.Errorf("the line has %d stretches, want two with the gap between them", moves)
	}
}

func TestPictureOfOddData(t *testing.T) {
	nan := math.NaN()
	long := week()
	long.Finding.Forecast.P90 = start.AddDate(20, 0, 0)
	long.Finding.Forecast.P50 = start.AddDate(9, 0, 0)
	for name, test := range map[string]struct {
		c     *chart.Chart
		empty bool
	}{
		"nothing":          {&chart.Chart{}, true},
		"only gaps":        {&chart.Chart{Evidence: anomaly.Evidence{Time: []time.Time{start}, Value: anomaly.Series{nan}, Lower: anomaly.Series{nan}, Upper: anomaly.Series{nan}}}, true},
		"uneven columns":   {&chart.Chart{Evidence: anomaly.Evidence{Time: []time.Time{start}, Value: anomaly.Series{1, 2}}}, true},
		"one point":        {&chart.Chart{Evidence: anomaly.Evidence{Time: []time.Time{start}, Value: anomaly.Series{3}, Lower: anomaly.Series{nan}, Upper: anomaly.Series{nan}}}, false},
		"flat at zero":     {&chart.Chart{Evidence: anomaly.Evidence{Time: []time.Time{start, start.Add(time.Hour)}, Value: anomaly.Series{0, 0}, Lower: anomaly.Series{0, 0}, Upper: anomaly.Series{0, 0}}}, false},
		"huge values":      {&chart.Chart{Evidence: anomaly.Evidence{Time: []time.Time{start, start.Add(time.Hour)}, Value: anomaly.Series{-1e15, 1e15}, Lower: anomaly.Series{nan, nan}, Upper: anomaly.Series{nan, nan}}}, false},
		"unit with markup": {&chart.Chart{Unit: `<b>"`, Name: `<script>`, Evidence: week().Evidence, Finding: week().Finding}, false},
		"far forecast":     {long, false},
	} {
		t.Run(name, func(t *testing.T) {
			svg := string(test.c.SVG())
			if (svg == "") != test.empty || test.c.Empty() != test.empty {
				t.Fatalf("empty: %v", svg == "")
			}
			wellFormed(t, svg)
			if strings.Contains(svg, "NaN") || strings.Contains(svg, "<script>") || strings.Contains(svg, "<b>") {
				t.Errorf("got %s", svg)
			}
			if b, err := json.Marshal(test.c.Data()); err != nil || strings.Contains(string(b), "NaN") {
				t.Errorf("data: %v %s", err, b)
			}
			wellFormed(t, string(chart.Spark(test.c.Evidence)))
		})
	}
}

func TestForecastGetsItsRoom(t *testing.T) {
	c := week()
	d := c.Data()
	if d.Fan == nil || d.Until < d.Fan.P50 {
		t.Errorf("the crossing is outside: until %d, %+v", d.Until, d.Fan)
	}
	c.Finding.Forecast.P50, c.Finding.Forecast.P90 = start.AddDate(1, 0, 0), start.AddDate(3, 0, 0)
	d = c.Data()
	past := int64(167 * 3600)
	if room := d.Until - (d.From + past); room > past/2 {
		t.Errorf("a forecast far away takes %d s beside %d s of past", room, past)
	}
	c.Finding.Status = anomaly.Cleared
	if c.Data().Fan != nil {
		t.Error("a cleared finding has a forecast")
	}
}

func TestDatesAreLocal(t *testing.T) {
	c := week()
	c.Finding = nil
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	c.Zone = tokyo
	// The first midnight in Tokyo is 15:00 UTC, 15 of 167 hours from the left.
	if svg := string(c.SVG()); !strings.Contains(svg, `x="8.98%"`) || !strings.Contains(svg, ">2 Mar</text>") {
		t.Errorf("no mark at local midnight: %s", svg)
	}
}

func TestWindowsKeepGaps(t *testing.T) {
	at := func(h int) time.Time { return start.Add(time.Duration(h) * time.Hour) }
	e := chart.Windows(at(0).Add(20*time.Minute), at(3), time.Hour, map[time.Time]float64{at(0): 1, at(2): 3}, map[time.Time]float64{at(1): 5}, nil)
	if len(e.Time) != 4 || !e.Time[0].Equal(at(0)) || e.Value[0] != 1 || !math.IsNaN(e.Value[1]) || e.Value[2] != 3 || e.Lower[1] != 5 || !math.IsNaN(e.Upper[1]) {
		t.Errorf("got %+v", e)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1.5: "1.5", -4.6: "−4.6", 92.344: "92.34", 140: "140", 101.32: "101.3", 12345.6: "12346", 0.7: "0.7", 0.0123: "0.012", 1e-12: "0", math.Inf(1): "–", math.NaN(): "–", 9: "9", 100: "100",
	} {
		if got := chart.Number(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}
