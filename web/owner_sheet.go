package web

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-chi/chi/v5"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/web/chart"
)

// Phrases says things to owners as messages do, so that page and message never
// differ. Languages are those of the composer; days and clocks are in the
// time's zone.
type Phrases interface {
	Reason(f outreach.Facts) string
	Day(lang string, t time.Time) string       // "Thursday, 26 November"
	Clock(lang string, t time.Time) string     // "09:30"
	Zone(lang string, t time.Time) string      // "Berlin time"
	Takes(lang string, d time.Duration) string // "about 20 minutes"
}

// ownerSheet is what the owner's page shows.
type ownerSheet struct {
	Lang, Dir string
	T         ownerText
	Brand     string
	Token     string
	Said      string // what was just done, a key of T.Said
	Trouble   string

	Hello, Site  string
	State        string // key of T.Head
	Head         string
	Reason, Note string
	Remedy       string
	Work         []string // how it is done, how long it takes, in whose time
	Chosen, Days []ownerDay
	Booked       *ownerSlot
	Chart        template.HTML
	Limit        bool // the picture shows from where the owner would notice
	Felt         bool // they said that they feel it already
	CanFeel      bool
	CanCancel    bool
	Reach        []ownerChannel
	CanStop      bool
	PushKey      string
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
	device := v.Model.Words.In(lang, v.Model.Name)
	sheet := ownerSheet{
		Lang: lang, Dir: direction(lang), T: t, Brand: s.brand(c.Key.Tenant), Token: chi.URLParam(r, "token"),
		Site: v.Device.Site.Name, State: stateForOwner(c), PushKey: s.o.PushKey,
		CanFeel: c.State.Open() && c.State != outreach.Done && c.State != outreach.InProgress,
	}
	sheet.Felt = sheet.CanFeel && !c.Bothering.IsZero()
	if f := v.Finding; sheet.State == "offer" && f != nil && (f.Kind == anomaly.Silence || f.Kind == anomaly.Stuck) {
		sheet.State = "blind" // nobody can say that it works
	}
	if sheet.Felt && sheet.State != "booked" {
		sheet.State = "felt"
	}
	if v.Contact.Name != "" {
		sheet.Hello = fmt.Sprintf(t.Hello, apart(v.Contact.Name))
	}
	sheet.Head = fmt.Sprintf(t.Head[sheet.State], apart(cmp.Or(device, t.Device)))
	sheet.Note = t.Note[sheet.State]
	if sheet.Felt {
		sheet.Note = t.Felt
	}
	sheet.work(s.o.Phrases, v, zone)
	if c.Appointment != nil && c.State.Open() {
		slot := s.ownerSlot(lang, c.Appointment.Slot, zone, "")
		sheet.Booked, sheet.CanCancel = &slot, c.State == outreach.Scheduled
	}
	sheet.Chosen, sheet.Days = s.ownerDays(lang, v, zone)
	if f := v.Finding; f != nil {
		metric := ""
		if m, ok := v.Model.Metric(f.Metric); ok {
			metric = m.Words.In(lang, "")
		}
		// It says when they would notice: that must still be to come.
		if sheet.CanFeel && !sheet.Felt {
			sheet.Reason = s.o.Phrases.Reason(outreach.Facts{
				Purpose: outreach.Offer, Lang: lang, Zone: v.Device.Site.Zone, Device: device, Site: sheet.Site, Finding: *f,
				Metric: cmp.Or(metric, f.Metric), Window: c.Window, Remedy: sheet.Remedy,
			})
		}
		picture := chart.Chart{Evidence: f.Evidence, Name: cmp.Or(metric, t.Reading), Unit: f.Unit, Finding: f, Zone: zone, Words: t.Chart}
		sheet.Chart, sheet.Limit = picture.SVG(), f.Noticeable != 0 && c.State.Open()
	}
	for _, channel := range v.Reach {
		sheet.Reach = append(sheet.Reach, ownerChannel{
			Name: channel.Channel, Words: cmp.Or(t.Channels[channel.Channel], channel.Channel), Allowed: channel.Allowed,
		})
		sheet.CanStop = sheet.CanStop || channel.Allowed
	}
	sheet.say(r.URL.Query().Get("said"))
	return sheet
}

// OnlyChosen is the sheet with few times instead of all.
func (o ownerSheet) OnlyChosen() ownerSheet {
	o.Days = o.Chosen
	return o
}

// work says what would be done, and how.
func (o *ownerSheet) work(p Phrases, v *outreach.OwnerView, zone *time.Location) {
	o.Remedy = o.T.Remedy
	remote, takes := false, ""
	for i := range v.Model.Remedies {
		if m := &v.Model.Remedies[i]; m.ID == v.Case.Remedy {
			o.Remedy, remote, takes = m.Words.In(o.Lang, o.T.Remedy), m.Remote, p.Takes(o.Lang, m.Duration)
		}
	}
	if remote {
		o.Work = append(o.Work, o.T.RemoteWork)
	} else {
		o.Work = append(o.Work, o.T.VisitWork)
	}
	if takes != "" {
		o.Work = append(o.Work, fmt.Sprintf(o.T.Takes, takes))
	}
	if v.Contact.Zone != v.Device.Site.Zone {
		o.Work = append(o.Work, fmt.Sprintf(o.T.ZoneIs, p.Zone(o.Lang, v.Case.Updated.In(zone))))
	}
}

// say confirms what was just done, as long as it is still so: the address may
// be opened again much later.
func (o *ownerSheet) say(what string) {
	still := map[string]bool{
		"booked": o.CanCancel, "taken": len(o.Days) > 0, "canceled": o.CanFeel && o.Booked == nil, "heard": o.Felt,
		"stopped": true, "resumed": o.CanStop,
	}
	if still[what] {
		o.Said = what
	}
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

// apart keeps a word from outside from turning the direction of what is around
// it, and cannot be left by what is in it.
func apart(s string) string {
	return "\u2068" + strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) || unicode.IsControl(r) {
			return -1
		}
		return r
	}, s) + "\u2069"
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
