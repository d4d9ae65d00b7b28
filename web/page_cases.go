package web

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/web/account"
	"github.com/forecare/forecare/web/chart"
)

const casesPageSize = 50

// caseLine is a case in words: a row of the queue and the head of its page.
type caseLine struct {
	Case      *outreach.Case
	Device    *devices.Device // nil if it was removed
	Model     *devices.Model
	Who       string
	What      string
	Place     string
	Zone      *time.Location
	Left      left
	State     string
	Next      string // what happens next, or what an agent has to do
	Waiting   bool   // for an agent
	NextAt    time.Time
	Spark     template.HTML
	Bothering bool
}

type casesView struct {
	Lines  []caseLine
	Total  int
	Pager  pager
	Show   string
	Text   string
	Device string
	Tabs   []caseTab
}

type caseTab struct {
	Name, Label string
	States      []outreach.State
}

func openStates() []outreach.State {
	return []outreach.State{outreach.Opened, outreach.Offered, outreach.Scheduled, outreach.InProgress, outreach.Done, outreach.Reopened}
}

// caseTabs are the parts of the queue.
func caseTabs() []caseTab {
	return []caseTab{
		{"open", "Open", openStates()},
		{"offered", "With the owner", []outreach.State{outreach.Opened, outreach.Offered, outreach.Reopened}},
		{"scheduled", "Booked", []outreach.State{outreach.Scheduled, outreach.InProgress}},
		{"done", "Being proved", []outreach.State{outreach.Done}},
		{"closed", "Closed", []outreach.State{outreach.Verified, outreach.Dismissed, outreach.Withdrawn}},
		{"all", "All", nil},
	}
}

func (s *Server) casesPage(w http.ResponseWriter, r *http.Request) error {
	id, _ := identityOf(r.Context())
	q := r.URL.Query()
	v := casesView{Show: cmp.Or(q.Get("show"), "open"), Text: q.Get("q"), Device: q.Get("device"), Tabs: caseTabs()}
	at := slices.IndexFunc(v.Tabs, func(t caseTab) bool { return t.Name == v.Show })
	if at < 0 {
		return devices.Errorf(devices.NotFound, "There is no list of cases called %q.", v.Show)
	}
	offset := (pageOf(q) - 1) * casesPageSize
	found, err := s.o.Care.Cases(r.Context(), outreach.CaseFilter{
		Tenant: id.Tenant, States: v.Tabs[at].States, Text: v.Text, Device: v.Device, Limit: casesPageSize, Offset: offset,
	})
	if err != nil {
		return err
	}
	v.Lines, v.Total = s.caseLines(r.Context(), id, found.Cases), found.Total
	v.Pager = newPager(r.URL, offset, casesPageSize, found.Total)
	title := "Cases"
	if v.Show == "open" && v.Text == "" && found.Total > 0 {
		title = fmt.Sprintf("(%d) Cases", found.Total)
	}
	return s.render(w, r, http.StatusOK, "cases", title, v)
}

// caseLines puts cases into words. An owner whose name cannot be read is
// called by their id.
func (s *Server) caseLines(ctx context.Context, id account.Identity, cases []*outreach.Case) []caseLine {
	names := map[string]string{}
	out := make([]caseLine, 0, len(cases))
	for _, c := range cases {
		if c.Owner != "" && names[c.Owner] == "" {
			names[c.Owner] = c.Owner
			if contact, err := s.o.Fleet.Contact(ctx, id.Tenant, c.Owner); err == nil {
				names[c.Owner] = cmp.Or(contact.Name, c.Owner)
			}
		}
		out = append(out, s.caseLine(c, names[c.Owner]))
	}
	return out
}

func (s *Server) caseLine(c *outreach.Case, who string) caseLine {
	l := caseLine{Case: c, Who: cmp.Or(who, "nobody"), Zone: time.UTC, State: stateWords(c.State), Bothering: !c.Bothering.IsZero()}
	l.Place = "removed device"
	if d, m, ok := s.o.Registry.Lookup(c.Key); ok {
		l.Device, l.Zone = d, location(d.Site.Zone)
		l.Model, l.Place = m, cmp.Or(d.Site.Name, d.Site.ID)
	}
	if l.Model == nil {
		l.Model = s.o.Registry.Model(c.Key.Tenant, c.Model)
	}
	f := c.Finding()
	l.What = what(l.Model, f)
	if f != nil {
		l.Spark = chart.Spark(f.Evidence)
	}
	if c.State.Open() {
		l.Left = timeLeft(s.now(), f)
		if l.Bothering {
			l.Left = left{Words: "noticed by owner", Class: "noticed", At: c.Bothering}
		}
	} else {
		l.Left = left{Class: "none"}
	}
	s.next(&l)
	return l
}

// next says what happens next, and whether it waits for an agent.
func (s *Server) next(l *caseLine) {
	c := l.Case
	if c.State.Open() && c.Attention != "" {
		l.Next, l.Waiting = c.Attention, true
		return
	}
	switch c.State {
	case outreach.Opened:
		switch {
		case c.Owner == "":
			l.Next, l.Waiting = "Nobody to write to: give the device an owner", true
		case !c.Next.IsZero():
			l.Next, l.NextAt = "Forecare goes on", c.Next
		default:
			l.Next = "Forecare writes to the owner"
		}
	case outreach.Offered, outreach.Reopened:
		l.Next, l.NextAt = "Owner picks a time, until", c.Window.Until
		if c.State == outreach.Reopened {
			l.Next = "Did not hold; owner picks a new time, until"
		}
		if !l.NextAt.IsZero() && l.NextAt.Before(s.now()) {
			l.Next, l.NextAt, l.Waiting = "The offer has run out: call the owner", time.Time{}, true
		}
	case outreach.Scheduled:
		l.Next = "Remedy is booked"
		if a := c.Appointment; a != nil {
			l.Next, l.NextAt = "Booked for", a.Start
			if a.Technician != "" {
				l.Next = a.Technician + " comes"
			}
			if s.now().After(a.End) {
				l.Next, l.Waiting = "The booked time has passed: was it done?", true
			}
		}
	case outreach.InProgress:
		l.Next, l.Waiting = "Mark the visit done when it is", true
		if r := remedyOf(l.Model, c); r != nil && r.Command != "" {
			l.Next, l.Waiting = "The device answers the command", false
		}
	case outreach.Done:
		l.Next = "Telemetry proves it, or the case reopens"
	}
}

func remedyOf(m *devices.Model, c *outreach.Case) *devices.Remedy {
	if m == nil {
		return nil
	}
	for i := range m.Remedies {
		if m.Remedies[i].ID == c.Remedy {
			return &m.Remedies[i]
		}
	}
	return nil
}

func stateWords(st outreach.State) string {
	if words, ok := map[outreach.State]string{
		outreach.Opened: "opened", outreach.Offered: "offered", outreach.Scheduled: "booked", outreach.InProgress: "in progress",
		outreach.Done: "being proved", outreach.Verified: "verified", outreach.Dismissed: "dismissed",
		outreach.Withdrawn: "went away by itself", outreach.Reopened: "reopened",
	}[st]; ok {
		return words
	}
	return string(st)
}
