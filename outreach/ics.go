package outreach

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// visit is an appointment as a calendar shows it.
type visit struct {
	uid         string
	appointment Appointment
	canceled    bool
	summary     string
	description string
	place       string
	url         string
	stamp       time.Time
}

// file returns the visit as an iCalendar object (RFC 5545) with the site's own
// VTIMEZONE, so that a calendar shows the clock time that was agreed even if it
// does not know the zone.
func (v visit) file() []byte {
	loc := location(v.appointment.Zone)
	status := "CONFIRMED"
	if v.canceled {
		status = "CANCELLED" //nolint:misspell // RFC 5545 spells it so
	}
	const local, utc = "20060102T150405", "20060102T150405Z"
	var f icsFile
	f.line("BEGIN:VCALENDAR")
	f.line("VERSION:2.0")
	f.line("PRODID:-//Forecare//Care//EN")
	f.line("CALSCALE:GREGORIAN")
	f.line("METHOD:PUBLISH")
	f.zone(loc, v.appointment.Start)
	f.line("BEGIN:VEVENT")
	f.line("UID:" + escapeText(v.uid))
	f.line(fmt.Sprintf("SEQUENCE:%d", v.appointment.Sequence))
	f.line("DTSTAMP:" + v.stamp.UTC().Format(utc))
	f.line("DTSTART;TZID=" + loc.String() + ":" + v.appointment.Start.In(loc).Format(local))
	f.line("DTEND;TZID=" + loc.String() + ":" + v.appointment.End.In(loc).Format(local))
	f.line("SUMMARY:" + escapeText(v.summary))
	f.line("STATUS:" + status)
	if v.description != "" {
		f.line("DESCRIPTION:" + escapeText(v.description))
	}
	if v.place != "" {
		f.line("LOCATION:" + escapeText(v.place))
	}
	if v.url != "" {
		f.line("URL:" + v.url)
	}
	f.line("END:VEVENT")
	f.line("END:VCALENDAR")
	return []byte(f.String())
}

type icsFile struct{ strings.Builder }

// line writes a content line, folded so that no line is longer than 75 octets
// and no character is cut in two.
func (f *icsFile) line(s string) {
	room := 75
	for len(s) > room {
		cut := room
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		f.WriteString(s[:cut] + "\r\n ")
		s, room = s[cut:], 74
	}
	f.WriteString(s + "\r\n")
}

// zone writes the rules of loc that hold within a year of t.
func (f *icsFile) zone(loc *time.Location, t time.Time) {
	f.line("BEGIN:VTIMEZONE")
	f.line("TZID:" + loc.String())
	begin := t.In(loc).AddDate(-1, 0, 0)
	_, before := begin.Zone()
	f.observance(begin, before)
	for at := begin; ; {
		_, change := at.ZoneBounds()
		if change.IsZero() || change.After(t.AddDate(1, 0, 0)) {
			break
		}
		_, before = at.Zone()
		at = change.In(loc)
		f.observance(at, before)
	}
	f.line("END:VTIMEZONE")
}

// observance writes what holds from t on. Its onset is in the clock time that
// held before.
func (f *icsFile) observance(t time.Time, before int) {
	kind := "STANDARD"
	if t.IsDST() {
		kind = "DAYLIGHT"
	}
	name, after := t.Zone()
	f.line("BEGIN:" + kind)
	f.line("DTSTART:" + t.UTC().Add(time.Duration(before)*time.Second).Format("20060102T150405"))
	f.line("TZOFFSETFROM:" + icsOffset(before))
	f.line("TZOFFSETTO:" + icsOffset(after))
	f.line("TZNAME:" + name)
	f.line("END:" + kind)
}

func icsOffset(seconds int) string {
	sign := '+'
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	s := fmt.Sprintf("%c%02d%02d", sign, seconds/3600, seconds/60%60)
	if seconds%60 != 0 {
		s += fmt.Sprintf("%02d", seconds%60)
	}
	return s
}

func escapeText(s string) string {
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", "").Replace(s)
}
