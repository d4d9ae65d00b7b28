package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/web/account"
	"github.com/forecare/forecare/web/chart"
)

type caseView struct {
	caseLine
	Finding *anomaly.Finding
	Peers   string
	Chart   *chart.Chart
	Story   []entry
	Owner   *devices.Contact
	Remedy  *devices.Remedy
	Actions []caseAction
	Newest  string // id of the newest message, which is shown open
}

// caseAction is something that an agent can do now. Says tells exactly what
// will happen.
type caseAction struct {
	Name, Label, Says string
	Text              string // label of the text that is asked for, "" for none
	Need              bool   // whether the text must be given
	Grave             bool
}

func (s *Server) casePage(w http.ResponseWriter, r *http.Request) error {
	id, _ := identityOf(r.Context())
	ctx, ref := r.Context(), chi.URLParam(r, "case")
	c, err := s.o.Care.Case(ctx, id.Tenant, ref)
	if err != nil {
		return err
	}
	events, err := s.o.Care.Timeline(ctx, id.Tenant, ref)
	if err != nil {
		return err
	}
	messages, err := s.o.Care.Messages(ctx, id.Tenant, ref)
	if err != nil {
		return err
	}
	v := &caseView{caseLine: s.caseLines(ctx, id, []*outreach.Case{c})[0], Finding: c.Finding()}
	v.Remedy = remedyOf(v.Model, c)
	v.Story = story(events, withoutLinks(messages), v.Model, v.Zone)
	slices.Reverse(v.Story) // newest first, as an agent reads
	for _, e := range v.Story {
		if e.Message != nil {
			v.Newest = e.Message.ID
			break
		}
	}
	if v.Finding != nil {
		v.Peers = peersWords(v.Finding)
		v.Chart = &chart.Chart{
			Evidence: v.Finding.Evidence, Name: metricWords(v.Model, v.Finding.Metric), Unit: v.Finding.Unit, Finding: v.Finding, Zone: v.Zone,
		}
	}
	if c.Owner != "" && id.Role.May(account.SeeContacts) {
		if owner, err := s.o.Fleet.Contact(ctx, id.Tenant, c.Owner); err == nil {
			v.Owner = &owner
		}
	}
	v.Actions = caseActions(v, id.Role)
	return s.render(w, r, http.StatusOK, "case", v.Who+": "+cmp.Or(v.What, c.ID), v)
}

// caseActions offers what the state and the role allow.
func caseActions(v *caseView, role account.Role) []caseAction {
	var out []caseAction
	st := v.Case.State
	command := v.Remedy != nil && v.Remedy.Command != ""
	if role.May(account.DoRemedies) {
		if st.Open() && st != outreach.InProgress && st != outreach.Done {
			says := "Says that the remedy has begun. Nobody is written to; what was booked stays booked."
			label := "Start the visit"
			if command {
				label = "Start the remedy"
				says = "Sends the command “" + v.Remedy.Command + "” to the device " + v.Case.Key.Device + " now, and again until it answers. The owner is not written to."
			}
			out = append(out, caseAction{Name: "start", Label: label, Says: says})
		}
		if st == outreach.InProgress && command && v.Case.Attention != "" {
			says := "Sends the command “" + v.Remedy.Command + "” to the device " + v.Case.Key.Device + " once more, and again until it answers. The owner is not written to."
			out = append(out, caseAction{Name: "start", Label: "Try the remedy again", Says: says})
		}
		if st == outreach.InProgress {
			out = append(out, caseAction{
				Name: "finish", Label: "Mark visit done", Text: "What was done (the team reads it)",
				Says: "Says that the remedy is done. Telemetry then has to prove it: the case closes by itself, or opens again.",
			})
		}
	}
	if role.May(account.WorkCases) {
		out = append(out, caseAction{Name: "note", Label: "Add note", Text: "Note for the team; the owner does not see it", Need: true})
		if st.Open() {
			says := "Closes the case: there is nothing to do. Offers that have not gone out are held back."
			if st == outreach.Scheduled {
				says += " The booked time is given back, and " + toldHow(v) + "."
			}
			out = append(out, caseAction{Name: "dismiss", Label: "Dismiss", Says: says, Text: "Reason", Need: true, Grave: true})
		}
	}
	return out
}

// toldHow says whom a message will go to, on which channels and in which
// language, as far as the reader may know it.
func toldHow(v *caseView) string {
	if v.Owner == nil {
		return v.Who + " is told, in their language, on the channels they allow"
	}
	var channels []string
	for _, a := range v.Owner.Addresses {
		if a.Allowed() && !slices.Contains(channels, a.Channel) {
			channels = append(channels, a.Channel)
		}
	}
	if len(channels) == 0 {
		return v.Who + " is not told, because they allow no channel"
	}
	return v.Who + " is told by " + strings.Join(channels, " or ") + ", in the language " + v.Owner.Locale
}

func (s *Server) noteCase(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, func(ctx context.Context, id account.Identity, ref string) error {
		return s.o.Care.Note(ctx, id.Tenant, ref, id.Actor(), r.PostFormValue("text"))
	}, 1)
}

func (s *Server) dismissCase(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, func(ctx context.Context, id account.Identity, ref string) error {
		return s.o.Care.Dismiss(ctx, id.Tenant, ref, id.Actor(), r.PostFormValue("text"))
	}, 1)
}

func (s *Server) startCase(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, func(ctx context.Context, id account.Identity, ref string) error {
		return s.o.Care.Start(ctx, id.Tenant, ref, id.Actor())
	}, 0)
}

func (s *Server) finishCase(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, func(ctx context.Context, id account.Identity, ref string) error {
		return s.o.Care.Finish(ctx, id.Tenant, ref, id.Actor(), r.PostFormValue("text"))
	}, 0)
}

// act does one thing to the case in the path and shows the case again. The
// text of the form must have at least that many letters.
func (s *Server) act(w http.ResponseWriter, r *http.Request, do func(ctx context.Context, id account.Identity, ref string) error, letters int) error {
	id, _ := identityOf(r.Context())
	text := strings.TrimSpace(r.PostFormValue("text"))
	if err := checkText(text, letters); err != nil {
		return err
	}
	ref := chi.URLParam(r, "case")
	if err := do(r.Context(), id, ref); err != nil {
		return err
	}
	http.Redirect(w, r, "/cases/"+pathEscape(ref), http.StatusSeeOther)
	return nil
}

const maxText = 4000

// checkText bounds what people write into a case, for pages and API.
func checkText(text string, letters int) error {
	switch n := len([]rune(text)); {
	case n < letters:
		return devices.Errorf(devices.Invalid, "Please write a few words.")
	case n > maxText:
		return devices.Errorf(devices.Invalid, "The text has %s characters; the most is %s.", thousands(n), thousands(maxText))
	}
	return nil
}
