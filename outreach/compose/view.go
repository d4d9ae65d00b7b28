package compose

import (
	"math"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/outreach"
)

// view is what the sentences see. Strings from outside are isolated already;
// "" means that it is not known.
type view struct {
	Purpose string
	Name    string
	Brand   string
	Device  string
	Site    string
	Metric  string
	Remedy  string
	Remote  bool
	Self    bool   // it went away by itself
	Takes   string // "about 20 minutes"

	Kind   string
	Lower  bool   // else higher; meaningless without Moved
	Moved  bool   // the direction is known
	Amount string // "1.8 degrees"
	Lately string // how long it has been drifting: day, days, week, weeks, months
	Since  string // "Monday"
	On     string // "Monday"; for what happened at once

	Notice string // later, far, now, or "" if it cannot be said
	Before string // for later: "Thursday"
	Until  string // "Thursday evening, 26 November"
	Zone   string // "Berlin time"

	Moment  string // of the appointment, for a subject: "Thursday, 26 November, 14:00"
	Day     string // "Thursday, 26 November 2026"
	From    string
	To      string
	Offset  string // "Berlin time (UTC+1)"
	Changed bool   // the appointment replaces another

	Picture bool

	owner, unsubscribe string
}

func (l *language) view(f outreach.Facts, zone *time.Location) view {
	v := view{
		Purpose: string(f.Purpose), Remote: f.Remote, Self: f.ByItself,
		Name: isolated(words(f.Name, 60)), Brand: isolated(words(f.Brand, 60)), Site: isolated(words(f.Site, 60)),
		Device: isolated(words(f.Device, 50)), Takes: l.takes(f.Duration),
		owner: f.OwnerURL, unsubscribe: f.Unsubscribe,
	}
	if !identifier(f.Remedy) {
		v.Remedy = isolated(words(f.Remedy, 60))
	}
	if f.Metric != f.Finding.Metric { // else it is the name that the device uses
		v.Metric = isolated(words(f.Metric, 60))
	}
	// Nothing else is known of what time it is: the message may be read later,
	// and the finding's time is the device's.
	now := f.Finding.At
	if f.Window.From.After(now) {
		now = f.Window.From
	}
	l.seen(&v, f.Finding, now.In(zone))
	if end := f.Window.Until; !end.IsZero() {
		v.Zone = l.zone(end.In(zone), false)
		v.Until = l.grammar.until(end.In(zone))
		if p := f.Finding.Forecast; v.Notice == "later" && sameDay(p.P10, end.In(zone)) {
			// The offer runs until the very day: be as exact about both.
			v.Before = l.grammar.part(p.P10.In(zone))
		}
	}
	if a := f.Appointment; a != nil && !a.Start.IsZero() {
		l.booked(&v, a, zone)
	}
	v.Picture = pictured(f)
	return v
}

// pictured reports whether there is a curve to show: what was seen, or that it
// is over.
func pictured(f outreach.Facts) bool {
	switch f.Purpose {
	case outreach.Offer, outreach.Sorry, outreach.AllWell:
		return f.Finding.Kind != anomaly.Silence && len(f.Finding.Evidence.Time) > 1
	}
	return false
}

// seen says what was found, as an owner would.
func (l *language) seen(v *view, f anomaly.Finding, now time.Time) {
	v.Kind = string(f.Kind)
	if size := f.Size; size != 0 && !math.IsNaN(size) && !math.IsInf(size, 0) {
		v.Moved, v.Lower = true, size < 0
		v.Amount = l.grammar.amount(rounded(math.Abs(size)), f.Unit)
	}
	if !f.Onset.IsZero() {
		onset := f.Onset.In(now.Location())
		v.Lately = lately(f.At.Sub(f.Onset))
		v.Since = l.dayOf(onset, now)
		v.On = v.Since
	}
	moves := f.Kind == anomaly.Drift || f.Kind == anomaly.Step
	noticed := moves && f.Noticeable > 0 && math.Abs(f.Size) >= f.Noticeable
	switch p := f.Forecast; {
	case noticed, p != nil && !p.P10.After(now):
		v.Notice = "now"
	case p == nil:
	case p.P10.Sub(now) > 180*24*time.Hour:
		v.Notice = "far"
	case !sameDay(p.P10, now):
		v.Notice, v.Before = "later", l.dayOf(p.P10.In(now.Location()), now)
	default: // today: too close to promise anything
		v.Notice = "now"
	}
}

func (l *language) booked(v *view, a *outreach.Appointment, zone *time.Location) {
	start := a.Start.In(zone)
	v.Changed = a.Sequence > 0
	v.Day, v.From = l.grammar.dated(start, true), l.grammar.clock(start)
	if a.End.After(a.Start) {
		v.To = l.grammar.clock(a.End.In(zone))
	}
	v.Moment = l.grammar.dated(start, false)
	v.Offset = l.zone(start, true)
	if v.Zone == "" {
		v.Zone = l.zone(start, false)
	}
}
