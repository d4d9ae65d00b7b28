package anomaly

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// reason puts a finding into one sentence.
func (c *cohort) reason(f *Finding, s *track, g *gauge) string {
	against := fmt.Sprintf("its %d peers lead us to expect", f.Peers)
	if g.solo || f.Peers == 0 {
		against = "its own history leads us to expect"
	}
	if f.Status == Cleared {
		return fmt.Sprintf("%s is back: it differs by %s from what %s.", f.Metric, quantity(f.Size, f.Unit), against)
	}
	switch f.Kind {
	case Stuck:
		return fmt.Sprintf("%s has repeated %s since %s (%s) while its %d peers vary.",
			f.Metric, quantity(s.value, f.Unit), moment(f.Onset), span(f.At.Sub(f.Onset)), f.Peers)
	case Noise:
		return fmt.Sprintf("%s varies %.1f times as much as is usual for it among its %d peers since %s: by %s (one standard deviation) instead of %s.",
			f.Metric, s.noise.now, f.Peers, moment(f.Onset), quantity(float64(s.noise.size), f.Unit), quantity(float64(s.noise.was), f.Unit))
	}
	side := "above"
	if f.Size < 0 {
		side = "below"
	}
	text := fmt.Sprintf("%s is %s (%.1f sigma) %s what %s, ",
		f.Metric, quantity(math.Abs(f.Size), f.Unit), math.Abs(f.Sigmas), side, against)
	switch {
	case f.Kind == Step:
		text += "since a jump at " + moment(f.Onset)
	case f.Forecast != nil && f.Forecast.Slope != 0:
		text += fmt.Sprintf("drifting by %s a day since %s", quantity(math.Abs(f.Forecast.Slope), f.Unit), f.Onset.Format("2 January"))
	default:
		text += "drifting since " + f.Onset.Format("2 January")
	}
	if f.PeersMoved > 0 {
		text += fmt.Sprintf("; %d of the peers moved the same way", f.PeersMoved)
	}
	switch p := f.Forecast; {
	case p != nil && !p.P50.After(f.At):
		text += fmt.Sprintf("; the limit of %s that an owner notices is reached", quantity(f.Noticeable, f.Unit))
	case p != nil:
		text += fmt.Sprintf("; an owner would notice in about %s", span(p.P50.Sub(f.At)))
	}
	return text + "."
}

// quantity writes a value with three significant digits and its unit.
func quantity(v float64, unit string) string {
	digits := 2
	if a := math.Abs(v); a > 0 {
		digits = max(0, min(6, 2-int(math.Floor(math.Log10(a)))))
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if digits > 0 {
		for text[len(text)-1] == '0' {
			text = text[:len(text)-1]
		}
		if text[len(text)-1] == '.' {
			text = text[:len(text)-1]
		}
	}
	switch unit {
	case "":
		return text
	case "%":
		return text + unit
	}
	return text + " " + unit
}

func moment(t time.Time) string { return t.Format("2 January 15:04 UTC") }

// span writes a duration as a person would.
func span(d time.Duration) string {
	count := func(n float64, what string) string {
		if n = math.Round(n); n == 1 {
			return "1 " + what
		} else {
			return strconv.FormatFloat(n, 'f', 0, 64) + " " + what + "s"
		}
	}
	switch h := d.Hours(); {
	case h < 1.5:
		return count(d.Minutes(), "minute")
	case h < 36:
		return count(h, "hour")
	default:
		return count(h/24, "day")
	}
}
