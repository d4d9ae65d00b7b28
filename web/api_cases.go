package web

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/web/account"
)

// CaseInput names the case in the path.
type CaseInput struct {
	ID string `path:"case" maxLength:"128" doc:"The case's id."`
}

func (a *api) cases() {
	s := a.s
	tags := []string{"Cases"}
	operation(a, account.SeeCases, huma.Operation{
		OperationID: "list-cases", Method: "GET", Path: "/cases", Summary: "List cases, most urgent first", Tags: tags,
	}, func(ctx context.Context, id account.Identity, in *struct {
		Paging
		States []string `query:"state" doc:"Any of these states, separated by commas; none means all." enum:"opened,offered,scheduled,in_progress,done,verified,dismissed,withdrawn,reopened"`
		Open   bool     `query:"open" doc:"Only cases that are not closed."`
		Device string   `query:"device" maxLength:"64"`
		Text   string   `query:"q" maxLength:"200" doc:"Part of the id, device, model or owner."`
	},
	) (*body[list[*outreach.Case]], error) {
		f := outreach.CaseFilter{Tenant: id.Tenant, Device: in.Device, Text: in.Text, Limit: in.Limit, Offset: in.Offset}
		for _, st := range in.States {
			f.States = append(f.States, outreach.State(st))
		}
		if in.Open {
			f.States = openStates()
		}
		found, err := s.o.Care.Cases(ctx, f)
		if err != nil {
			return nil, err
		}
		return listOf(found.Cases, found.Total), nil
	})
	operation(a, account.SeeCases, huma.Operation{
		OperationID: "get-case", Method: "GET", Path: "/cases/{case}", Summary: "One case", Tags: tags, Errors: []int{404},
	}, func(ctx context.Context, id account.Identity, in *CaseInput) (*body[*outreach.Case], error) {
		c, err := s.o.Care.Case(ctx, id.Tenant, in.ID)
		return &body[*outreach.Case]{Body: c}, err
	})
	operation(a, account.SeeCases, huma.Operation{
		OperationID: "get-timeline", Method: "GET", Path: "/cases/{case}/timeline", Summary: "What happened to a case", Tags: tags, Errors: []int{404},
	}, func(ctx context.Context, id account.Identity, in *CaseInput) (*body[list[outreach.Event]], error) {
		if _, err := s.o.Care.Case(ctx, id.Tenant, in.ID); err != nil {
			return nil, err
		}
		events, err := s.o.Care.Timeline(ctx, id.Tenant, in.ID)
		return listOf(events, len(events)), err
	})
	operation(a, account.SeeCases, huma.Operation{
		OperationID: "get-messages", Method: "GET", Path: "/cases/{case}/messages", Summary: "What was written to the owner", Tags: tags, Errors: []int{404},
	}, func(ctx context.Context, id account.Identity, in *CaseInput) (*body[list[outreach.Message]], error) {
		if _, err := s.o.Care.Case(ctx, id.Tenant, in.ID); err != nil {
			return nil, err
		}
		messages, err := s.o.Care.Messages(ctx, id.Tenant, in.ID)
		return listOf(withoutLinks(messages), len(messages)), err
	})
	a.caseActions()
	operation(a, account.SeeFleet, huma.Operation{
		OperationID: "list-findings", Method: "GET", Path: "/findings", Summary: "List findings, newest first", Tags: []string{"Findings"},
	}, func(ctx context.Context, id account.Identity, in *struct {
		Device string `query:"device" maxLength:"64"`
		Open   bool   `query:"open" doc:"Only findings that are not cleared."`
		Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"500"`
	},
	) (*body[list[anomaly.Finding]], error) {
		found, err := s.o.Care.Findings(ctx, outreach.FindingFilter{Tenant: id.Tenant, Device: in.Device, Open: in.Open, Limit: in.Limit})
		return listOf(found, len(found)), err
	})
}

func (a *api) caseActions() {
	care := a.s.o.Care
	operation(a, account.WorkCases, caseAct("note", "Add a note"), func(ctx context.Context, id account.Identity, in *struct {
		CaseInput
		Body struct {
			Text string `json:"text" minLength:"1" maxLength:"4000" doc:"For the team; the owner does not see it."`
		}
	},
	) (*body[*outreach.Case], error) {
		return a.done(ctx, id, in.ID, in.Body.Text, 1, care.Note)
	})
	operation(a, account.WorkCases, caseAct("dismiss", "Close a case, because there is nothing to do"), func(ctx context.Context, id account.Identity, in *struct {
		CaseInput
		Body struct {
			Reason string `json:"reason" minLength:"1" maxLength:"4000"`
		}
	},
	) (*body[*outreach.Case], error) {
		return a.done(ctx, id, in.ID, in.Body.Reason, 1, care.Dismiss)
	})
	operation(a, account.DoRemedies, caseAct("start", "Begin the remedy; sends the command where the remedy has one"), func(ctx context.Context, id account.Identity, in *CaseInput) (*body[*outreach.Case], error) {
		return a.done(ctx, id, in.ID, "", 0, func(ctx context.Context, tenant, ref, actor, _ string) error {
			return care.Start(ctx, tenant, ref, actor)
		})
	})
	operation(a, account.DoRemedies, caseAct("finish", "Say that the remedy was done; telemetry then has to prove it"), func(ctx context.Context, id account.Identity, in *struct {
		CaseInput
		Body *struct {
			Note string `json:"note,omitempty" maxLength:"4000" doc:"What was done."`
		}
	},
	) (*body[*outreach.Case], error) {
		note := ""
		if in.Body != nil {
			note = in.Body.Note
		}
		return a.done(ctx, id, in.ID, note, 0, care.Finish)
	})
}

func caseAct(name, summary string) huma.Operation {
	return huma.Operation{
		OperationID: name + "-case", Method: "POST", Path: "/cases/{case}/" + name, Summary: summary, Tags: []string{"Cases"},
		Errors: []int{404, 409}, DefaultStatus: http.StatusOK,
	}
}

// done does one thing to a case and answers with the case as it is then.
func (a *api) done(ctx context.Context, id account.Identity, ref, text string, letters int, do func(ctx context.Context, tenant, ref, actor, text string) error) (*body[*outreach.Case], error) {
	text = strings.TrimSpace(text)
	if err := checkText(text, letters); err != nil {
		return nil, err
	}
	if err := do(ctx, id.Tenant, ref, id.Actor(), text); err != nil {
		return nil, err
	}
	c, err := a.s.o.Care.Case(ctx, id.Tenant, ref)
	return &body[*outreach.Case]{Body: c}, err
}

// ownerLink matches the links that let their holder act as an owner.
var ownerLink = regexp.MustCompile(`https?://[^\s"'<>]+/[ou]/[A-Za-z0-9._~=-]+`)

const hiddenLink = "[the owner's own link]"

// withoutLinks takes the owners' links out of messages: whoever holds one acts
// as the owner, and no role of ours is the owner.
func withoutLinks(messages []outreach.Message) []outreach.Message {
	out := make([]outreach.Message, len(messages))
	for i, m := range messages {
		for _, link := range []string{m.Content.OwnerURL, m.Content.Unsubscribe} {
			if link != "" {
				m.Content.Text = strings.ReplaceAll(m.Content.Text, link, hiddenLink)
				m.Content.HTML = strings.ReplaceAll(m.Content.HTML, link, hiddenLink)
			}
		}
		m.Content.OwnerURL, m.Content.Unsubscribe = "", ""
		m.Content.Text = ownerLink.ReplaceAllString(m.Content.Text, hiddenLink)
		m.Content.HTML = ownerLink.ReplaceAllString(m.Content.HTML, hiddenLink)
		out[i] = m
	}
	return out
}
