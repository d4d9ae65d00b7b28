package web

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/web/chart"
)

// Phrases says things to owners as messages do, so that page and message never
// differ. Languages are those of the composer; dates are in the time's zone.
type Phrases interface {
	Reason(f outreach.Facts) string
	Day(lang string, t time.Time) string   // "Thursday, 26 November"
	Clock(lang string, t time.Time) string // "09:30"
}

// ownerSheet is what the owner's page shows.
type ownerSheet struct {
	Lang, Dir string
	T         ownerText
	Brand     string
	Token     string
	Said      string // what was just done, a key of T.Said
	Trouble   string

	Name, Device, Site string
	State              string // key of T.Head
	Head, Reason       string
	Remedy             string
	Minutes            int
	Remote             bool
	Zone               string // named if it is not where the owner is
	Days               []ownerDay
	Booked             *ownerSlot
	Chart              template.HTML
	Felt               bool // they said that they feel it already
	CanFeel            bool
	Reach              []ownerChannel
	PushKey            string
}

type ownerDay struct {
	Name  string
	Slots []ownerSlot
}

type ownerSlot struct {
	ID               string
	Day, From, Until string
	Current          bool
}

type ownerChannel struct {
	Name, Words string
	Allowed     bool
}

// ownerSheet makes the page's view of a case.
func (s *Server) ownerSheet(r *http.Request, v *outreach.OwnerView) ownerSheet {
	lang := v.Lang
	t := ownerWords(lang)
	zone := zoneOf(v.Device.Site.Zone)
	c := v.Case
	sheet := ownerSheet{
		Lang: lang, Dir: direction(lang), T: t, Brand: s.brand(c.Key.Tenant), Token: chi.URLParam(r, "token"),
		Name: v.Contact.Name, Device: v.Model.Words.In(lang, t.Device), Site: v.Device.Site.Name,
		Felt: !c.Bothering.IsZero(), PushKey: s.o.PushKey,
	}
	if said := r.URL.Query().Get("said"); t.Said[said] != "" {
		sheet.Said = said
	}
	for i := range v.Model.Remedies {
		if m := &v.Model.Remedies[i]; m.ID == c.Remedy {
			sheet.Remedy, sheet.Minutes, sheet.Remote = m.Words.In(lang, t.Remedy), int(m.Duration.Minutes()), m.Remote
		}
	}
	if v.Contact.Zone != v.Device.Site.Zone {
		sheet.Zone = v.Device.Site.Zone
	}
	sheet.State = stateForOwner(c)
	sheet.Head = fmt.Sprintf(t.Head[sheet.State], sheet.Device)
	sheet.CanFeel = c.State.Open() && c.State != outreach.Done && c.State != outreach.InProgress
	if c.Appointment != nil && c.State.Open() {
		slot := s.ownerSlot(lang, c.Appointment.Slot, zone, "")
		sheet.Booked = &slot
	}
	sheet.Days = s.ownerDays(lang, v, zone)
	if f := v.Finding; f != nil {
		facts := outreach.Facts{
			Purpose: outreach.Offer, Lang: lang, Zone: v.Device.Site.Zone, Device: sheet.Device, Site: sheet.Site, Finding: *f,
			Window: c.Window, Remedy: sheet.Remedy, Remote: sheet.Remote,
		}
		if m, ok := v.Model.Metric(f.Metric); ok {
			facts.Metric = m.Words.In(lang, t.Reading)
		}
		if c.State.Open() {
			sheet.Reason = s.o.Phrases.Reason(facts)
		}
		picture := chart.Chart{Evidence: f.Evidence, Name: facts.Metric, Unit: f.Unit, Finding: f, Zone: zone, Words: t.Chart}
		sheet.Chart = picture.SVG()
	}
	for _, channel := range v.Reach {
		words, ok := t.Channels[channel.Channel]
		if !ok {
			words = channel.Channel
		}
		sheet.Reach = append(sheet.Reach, ownerChannel{Name: channel.Channel, Words: words, Allowed: channel.Allowed})
	}
	return sheet
}

// stateForOwner names the state in the owner's terms: our inner ones are no
// business of theirs.
func stateForOwner(c *outreach.Case) string {
	switch c.State {
	case outreach.Scheduled:
		return "booked"
	case outreach.InProgress:
		return "working"
	case outreach.Done:
		return "checking"
	case outreach.Verified:
		return "well"
	case outreach.Dismissed, outreach.Withdrawn:
		return "over"
	case outreach.Reopened:
		return "again"
	}
	return "offer"
}

// ownerDays groups the free slots by the site's days.
func (s *Server) ownerDays(lang string, v *outreach.OwnerView, zone *time.Location) []ownerDay {
	current := ""
	if v.Case.Appointment != nil {
		current = v.Case.Appointment.Slot.ID
	}
	slots := slices.SortedFunc(slices.Values(v.Slots), func(a, b outreach.Slot) int { return a.Start.Compare(b.Start) })
	var days []ownerDay
	seen := map[string]bool{}
	for _, slot := range slots {
		o := s.ownerSlot(lang, slot, zone, current)
		if at := o.Day + o.From; seen[at] {
			continue // another technician at the same time is no other choice
		} else {
			seen[at] = true
		}
		if n := len(days); n == 0 || days[n-1].Name != o.Day {
			days = append(days, ownerDay{Name: o.Day})
		}
		last := &days[len(days)-1]
		last.Slots = append(last.Slots, o)
	}
	return days
}

func (s *Server) ownerSlot(lang string, slot outreach.Slot, zone *time.Location, current string) ownerSlot {
	from, until := slot.Start.In(zone), slot.End.In(zone)
	return ownerSlot{
		ID: slot.ID, Day: s.o.Phrases.Day(lang, from), From: s.o.Phrases.Clock(lang, from), Until: s.o.Phrases.Clock(lang, until),
		Current: slot.ID == current,
	}
}

func zoneOf(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" {
		return time.UTC
	}
	return zone
}

func direction(lang string) string {
	if lang == "ar" {
		return "rtl"
	}
	return "ltr"
}

func (s *Server) brand(tenant string) string {
	if s.o.Brand == nil {
		return "Forecare"
	}
	return s.o.Brand(tenant)
}

// renderOwner answers with one of the owner's templates, which share nothing
// with the agents' pages but the tokens.
func (s *Server) renderOwner(w http.ResponseWriter, status int, name string, sheet ownerSheet) error {
	var b bytes.Buffer
	if err := s.pages["owner"].ExecuteTemplate(&b, name, sheet); err != nil {
		return fmt.Errorf("rendering %s: %w", name, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", sheet.Lang)
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	w.Write(b.Bytes()) //nolint:errcheck // the reader has gone
	return nil
}
