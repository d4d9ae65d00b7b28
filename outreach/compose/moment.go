package compose

import (
	"fmt"
	"math"
	"path"
	"strings"
	"time"
)

// dayOf names a day close to now by its weekday and another by its date.
func (l *language) dayOf(t, now time.Time) string {
	if away := t.Sub(now).Abs(); away < 6*24*time.Hour {
		return l.grammar.day(t)
	}
	return l.grammar.date(t, t.Year() != now.Year())
}

func sameDay(a, b time.Time) bool {
	a = a.In(b.Location())
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

// lately says in a word how long something has been going on. The onset of a
// drift is an estimate, so nothing more exact would be true.
func lately(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 36*time.Hour:
		return "day"
	case d < 10*day:
		return "days"
	case d < 18*day:
		return "week"
	case d < 60*day:
		return "weeks"
	default:
		return "months"
	}
}

// part is a part of the day.
type part int

const (
	morning part = iota
	midday
	afternoon
	evening
)

// partOf returns the day and the part of it to name for an end at t: one that
// is well under way by then, so that "until Thursday evening" leaves some of
// the evening. An end in the small hours belongs to the evening before.
func partOf(t time.Time) (time.Time, part) {
	switch h := t.Hour(); {
	case h < 9:
		return t.AddDate(0, 0, -1), evening
	case h < 12:
		return t, morning
	case h < 15:
		return t, midday
	case h < 18:
		return t, afternoon
	default:
		return t, evening
	}
}

// zone names the zone of a moment by its city, with the distance from UTC
// where that is wanted. A zone without a city is its distance: "Etc/GMT+3", for
// one, lies three hours behind.
func (l *language) zone(t time.Time, exact bool) string {
	name := t.Location().String()
	city := ""
	if strings.Contains(name, "/") && !strings.HasPrefix(name, "Etc/") {
		city = path.Base(name)
	}
	away := ""
	if exact || city == "" {
		away = offset(t)
	}
	return l.grammar.zone(city, away)
}

// offset writes how far a moment's zone is from UTC.
func offset(t time.Time) string {
	_, seconds := t.Zone()
	if seconds == 0 {
		return "UTC"
	}
	sign := "+"
	if seconds < 0 {
		sign, seconds = "−", -seconds
	}
	text := fmt.Sprintf("UTC%s%d", sign, seconds/3600)
	if minutes := seconds / 60 % 60; minutes != 0 {
		text += fmt.Sprintf(":%02d", minutes)
	}
	return text
}

// takes says how long a remedy takes, rounded up as one would in conversation.
func (l *language) takes(d time.Duration) string {
	minutes := int(math.Ceil(d.Minutes()))
	switch {
	case minutes <= 0 || minutes > 24*60:
		return ""
	case minutes < 60:
		minutes = (minutes + 4) / 5 * 5
	default:
		minutes = (minutes + 29) / 30 * 30
	}
	return l.grammar.duration(minutes)
}

// rounded keeps what a person feels of a positive amount: two digits, below
// one a single digit.
func rounded(v float64) float64 {
	digits := 1.0
	if v >= 1 {
		digits = 2
	}
	scale := math.Pow(10, math.Floor(math.Log10(v))+1-digits)
	if r := math.Round(v/scale) * scale; !math.IsNaN(r) && !math.IsInf(r, 0) && r > 0 {
		return r
	}
	return v
}
