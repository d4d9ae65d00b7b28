package compose

import (
	"time"

	"github.com/forecare/forecare/outreach"
)

// Reason says what was seen in the words that the offer has for it, "" if they
// fail. The owner's page shows it, so that page and message never differ.
func (c *Composer) Reason(f outreach.Facts) string {
	l := c.language(f.Lang)
	s, err := l.sentence(string(outreach.Offer)+".reason", l.view(f, c.location(f.Zone)))
	if err != nil {
		return ""
	}
	return s.plain(l.dir)
}

// Day writes the day of t, in the zone of t: "Thursday, 26 November".
func (c *Composer) Day(lang string, t time.Time) string {
	l := c.language(lang)
	return rich(l.grammar.dated(t, false)).plain(l.dir)
}

// Clock writes the time of day of t, in the zone of t: "14:00".
func (c *Composer) Clock(lang string, t time.Time) string {
	l := c.language(lang)
	return rich(l.grammar.clock(t)).plain(l.dir)
}

// Zone names the zone of t as people do: "Berlin time".
func (c *Composer) Zone(lang string, t time.Time) string {
	l := c.language(lang)
	return rich(l.zone(t, false)).plain(l.dir)
}

// Takes says how long something lasts, rounded up: "about 20 minutes". It is
// "" for what is not between a minute and a day.
func (c *Composer) Takes(lang string, d time.Duration) string {
	l := c.language(lang)
	return rich(l.takes(d)).plain(l.dir)
}
