package compose

import (
	"fmt"
	"strings"
	"time"
)

// english is the grammar of international English: day before month, and the
// clock of 24 hours, which cannot be misread.
type english struct{}

func (english) day(t time.Time) string { return t.Weekday().String() }

func (english) date(t time.Time, year bool) string {
	if year {
		return t.Format("2" + nbsp + "January 2006")
	}
	return t.Format("2" + nbsp + "January")
}

func (e english) dated(t time.Time, year bool) string { return e.day(t) + ", " + e.date(t, year) }

func (e english) part(t time.Time) string {
	day, p := partOf(t)
	return e.day(day) + " " + map[part]string{morning: "morning", midday: "noon", afternoon: "afternoon", evening: "evening"}[p]
}

func (e english) until(t time.Time) string {
	day, _ := partOf(t)
	return e.part(t) + ", " + e.date(day, false)
}

func (english) clock(t time.Time) string { return t.Format("15:04") }

func (english) zone(city, offset string) string {
	if city == "" {
		return offset
	}
	name := strings.ReplaceAll(city, "_", " ") + " time"
	if offset != "" {
		name += " (" + offset + ")"
	}
	return name
}

func (english) amount(v float64, unit string) string {
	n, many := figure(v), "s"
	if n == "1" {
		many = ""
	}
	switch namedUnit(unit) {
	case degree:
		return n + nbsp + "degree" + many
	case percent:
		return n + nbsp + "percentage point" + many
	case second:
		return n + nbsp + "second" + many
	}
	s := symbol(unit)
	if s == "" || s == "1" {
		return "" // a bare number says nothing
	}
	return n + nbsp + isolated(s)
}

func (english) duration(minutes int) string {
	hours, half := minutes/60, minutes%60 != 0
	switch {
	case hours == 0:
		return fmt.Sprintf("about %d%sminutes", minutes, nbsp)
	case hours == 1 && half:
		return "about an hour and a half"
	case hours == 1:
		return "about an hour"
	case half:
		return fmt.Sprintf("about %d and a half hours", hours)
	default:
		return fmt.Sprintf("about %d%shours", hours, nbsp)
	}
}
