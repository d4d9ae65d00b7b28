package chart

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// ticks returns round values between low and high, at most n+1 of them, and
// the decimals they need.
func ticks(low, high float64, n int) (at []float64, decimals int) {
	raw := (high - low) / float64(n)
	if raw <= 0 || math.IsNaN(raw) || math.IsInf(raw, 0) {
		return nil, 0
	}
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * power
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*power >= raw {
			step = m * power
			break
		}
	}
	decimals = max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	if s := step * math.Pow(10, float64(decimals)); math.Abs(s-math.Round(s)) > 1e-6 {
		decimals++
	}
	first := math.Ceil(low/step - 1e-9)
	for i := 0.0; (first+i)*step <= high+step*1e-9; i++ {
		at = append(at, (first+i)*step)
	}
	return at, decimals
}

// Number writes a value with the decimals that its size deserves, and without
// zeros behind.
func Number(v float64) string {
	a := math.Abs(v)
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case a >= 1000:
		return number(v, 0)
	case a >= 100:
		return trimmed(number(v, 1))
	case a >= 1 || a == 0:
		return trimmed(number(v, 2))
	}
	return trimmed(number(v, min(8, 1-int(math.Floor(math.Log10(a))))))
}

func trimmed(s string) string { return strings.TrimRight(strings.TrimRight(s, "0"), ".") }

func number(v float64, decimals int) string {
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if len(s) > 1 && s[0] == '-' {
		return "−" + s[1:] // a minus as wide as a figure
	}
	return s
}

type dateTick struct {
	at    time.Time
	label string
}

// dates returns at most n marks at round local times.
func dates(from, until time.Time, zone *time.Location, n int, w Words) []dateTick {
	span := until.Sub(from)
	for _, hours := range []int{1, 2, 3, 6, 12} {
		if step := time.Duration(hours) * time.Hour; span/step <= time.Duration(n) {
			return hourly(from, until, zone, hours, w)
		}
	}
	days := 1
	for _, d := range []int{1, 2, 3, 7, 14, 30, 60, 90, 180, 365, 3650} {
		days = d
		if span/(time.Duration(d)*24*time.Hour) <= time.Duration(n) {
			break
		}
	}
	var out []dateTick
	l := from.In(zone)
	label := w.day
	if days >= 180 {
		label = w.month
	}
	for t := time.Date(l.Year(), l.Month(), l.Day()+1, 0, 0, 0, 0, zone); !t.After(until); t = t.AddDate(0, 0, days) {
		out = append(out, dateTick{t, label(t)})
	}
	return out
}

func hourly(from, until time.Time, zone *time.Location, hours int, w Words) []dateTick {
	var out []dateTick
	l := from.In(zone)
	for h := 0; ; h += hours {
		t := time.Date(l.Year(), l.Month(), l.Day(), h, 0, 0, 0, zone)
		if t.After(until) {
			return out
		}
		if t.Before(from) {
			continue
		}
		label := t.Format("15:04")
		if label == "00:00" {
			label = w.day(t)
		}
		out = append(out, dateTick{t, label})
	}
}
