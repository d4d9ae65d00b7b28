package web

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/web/account"
)

var modelType = reflect.TypeFor[devices.Model]()

// Me is who the caller is.
type Me struct {
	Tenant string       `json:"tenant"`
	Email  string       `json:"email,omitempty"`
	Token  string       `json:"token,omitempty" doc:"Id of the API token."`
	Name   string       `json:"name,omitempty" doc:"Name of the API token."`
	Role   account.Role `json:"role" enum:"admin,agent,planner"`
}

// FleetSummary is how the whole fleet is.
type FleetSummary struct {
	Sentence   string     `json:"sentence" example:"57 of 60 devices well; 3 drifting, the first would be noticed in 4 days."`
	Devices    int        `json:"devices" doc:"Disabled ones left out."`
	Well       int        `json:"well"`
	Drifting   int        `json:"drifting"`
	Noticeable int        `json:"noticeable"`
	Silent     int        `json:"silent"`
	Disabled   int        `json:"disabled"`
	First      *time.Time `json:"first_noticed_from,omitempty" doc:"When the first owner may notice (P10)."`
}

func (a *api) self() {
	s := a.s
	operation(a, account.SeeSelf, huma.Operation{
		OperationID: "me", Method: "GET", Path: "/me", Summary: "Who am I", Tags: []string{"Access"},
	}, func(_ context.Context, id account.Identity, _ *struct{}) (*body[Me], error) {
		return &body[Me]{Body: Me{Tenant: id.Tenant, Email: id.Email, Token: id.Token, Name: id.Name, Role: id.Role}}, nil
	})
	operation(a, account.SeeFleet, huma.Operation{
		OperationID: "get-fleet", Method: "GET", Path: "/fleet", Summary: "How the fleet is, in one sentence and in numbers", Tags: []string{"Devices"},
	}, func(ctx context.Context, id account.Identity, _ *struct{}) (*body[FleetSummary], error) {
		o, err := s.overview.get(ctx, id.Tenant)
		if err != nil {
			return nil, err
		}
		head, tail := o.sentence()
		if tail != "" {
			head += "; " + tail
		}
		out := FleetSummary{
			Sentence: head, Devices: len(o.Rows) - o.Counts[off], Well: o.Counts[well], Drifting: o.Counts[drifting],
			Noticeable: o.Counts[noticed], Silent: o.Counts[silent], Disabled: o.Counts[off],
		}
		if !o.First.IsZero() {
			out.First = &o.First
		}
		return &body[FleetSummary]{Body: out}, nil
	})
	operation(a, account.SeeContacts, huma.Operation{
		OperationID: "list-contacts", Method: "GET", Path: "/contacts", Summary: "List device owners", Tags: []string{"Contacts"},
	}, func(ctx context.Context, id account.Identity, in *struct{ Paging }) (*body[list[devices.Contact]], error) {
		all, err := s.o.Fleet.ListContacts(ctx, id.Tenant)
		from := min(in.Offset, len(all))
		return listOf(all[from:min(from+in.Limit, len(all))], len(all)), err
	})
	operation(a, account.SeeContacts, huma.Operation{
		OperationID: "get-contact", Method: "GET", Path: "/contacts/{contact}", Summary: "One device owner", Tags: []string{"Contacts"}, Errors: []int{404},
	}, func(ctx context.Context, id account.Identity, in *struct {
		ID string `path:"contact" maxLength:"64"`
	},
	) (*body[devices.Contact], error) {
		c, err := s.o.Fleet.Contact(ctx, id.Tenant, in.ID)
		return &body[devices.Contact]{Body: c}, err
	})
	operation(a, account.SeeRefused, huma.Operation{
		OperationID: "list-dead-letters", Method: "GET", Path: "/dead-letters", Summary: "What was refused, newest first", Tags: []string{"Dead letters"},
	}, func(ctx context.Context, id account.Identity, in *struct {
		Before uint64 `query:"before" doc:"Only those before this sequence; pass the seq of the last item for the next page."`
		Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"500"`
		Reason string `query:"reason" maxLength:"64" doc:"Only this reason, among the newest limit ones."`
	},
	) (*body[struct {
		Items []ingest.DeadLetter `json:"items"`
	}], error,
	) {
		if s.o.DeadLetters == nil {
			return nil, devices.Errorf(devices.Unavailable, "This process does not read the log.")
		}
		found, err := s.o.DeadLetters.DeadLetters(ctx, DeadLetterQuery{Tenant: id.Tenant, Before: in.Before, Limit: in.Limit})
		out := &body[struct {
			Items []ingest.DeadLetter `json:"items"`
		}]{}
		out.Body.Items = []ingest.DeadLetter{}
		for _, d := range found {
			if in.Reason == "" || string(d.Reason) == in.Reason {
				out.Body.Items = append(out.Body.Items, d)
			}
		}
		return out, err
	})
}

// Series is one metric of one device over time, with its peers' band.
type Series struct {
	Device string         `json:"device"`
	Metric string         `json:"metric"`
	Unit   string         `json:"unit"`
	Every  string         `json:"every" doc:"Length of a window."`
	Time   []time.Time    `json:"time" doc:"Start of each window."`
	Value  anomaly.Series `json:"value" doc:"Mean of the window; null where there is no reading."`
	Lower  anomaly.Series `json:"lower" doc:"10 % quantile of all devices of the model."`
	Upper  anomaly.Series `json:"upper" doc:"90 % quantile of all devices of the model."`
}

const maxWindows = 2000

func (a *api) readings() {
	s := a.s
	operation(a, account.SeeFleet, huma.Operation{
		OperationID: "get-series", Method: "GET", Path: "/devices/{device}/series", Summary: "Readings of one metric, as means per window", Tags: []string{"Readings"}, Errors: []int{404},
	}, func(ctx context.Context, id account.Identity, in *struct {
		DeviceInput
		Metric string    `query:"metric" required:"true" maxLength:"64"`
		From   time.Time `query:"from" doc:"RFC 3339; a day before to, if left out."`
		To     time.Time `query:"to" doc:"RFC 3339; now, if left out."`
		Every  string    `query:"every" doc:"Length of a window, such as 10m; chosen to give about 240 windows, if left out." example:"10m"`
	},
	) (*body[Series], error) {
		d, m, err := s.device(id.Tenant, in.ID)
		if err != nil {
			return nil, err
		}
		out := Series{Device: in.ID, Metric: in.Metric}
		if m != nil {
			metric, ok := m.Metric(in.Metric)
			if !ok {
				return nil, devices.Errorf(devices.NotFound, "The model %s has no metric %q.", m.ID, in.Metric)
			}
			out.Unit = metric.Unit
		}
		from, to, every, err := seriesWindows(s.now(), in.From, in.To, in.Every)
		if err != nil {
			return nil, err
		}
		if s.o.Readings == nil {
			return nil, devices.Errorf(devices.Unavailable, "This process has no readings store.")
		}
		e, err := readEvidence(ctx, s.o.Readings, d.Key, d.Model, in.Metric, from, to, every)
		out.Every, out.Time, out.Value, out.Lower, out.Upper = every.String(), e.Time, e.Value, e.Lower, e.Upper
		return &body[Series]{Body: out}, err
	})
}

func seriesWindows(now, from, to time.Time, length string) (time.Time, time.Time, time.Duration, error) {
	if to.IsZero() {
		to = now
	}
	if from.IsZero() {
		from = to.Add(-24 * time.Hour)
	}
	if !from.Before(to) {
		return from, to, 0, devices.Errorf(devices.Invalid, "from must be before to.")
	}
	_, every := windowOf(to, to.Sub(from), 0)
	if length != "" {
		d, err := time.ParseDuration(length)
		if err != nil || d < time.Second || d%time.Second != 0 {
			return from, to, 0, devices.Errorf(devices.Invalid, "every must be a length in whole seconds, such as 30s, 10m or 6h; it is %q.", length)
		}
		every = d
	}
	if n := to.Sub(from) / every; n > maxWindows {
		return from, to, 0, devices.Errorf(devices.Invalid, "That is %s windows; the most is %s. Make every longer or the time shorter.", thousands(int64(n)), thousands(maxWindows))
	}
	return from, to, every, nil
}

// NewToken is what it takes to make an API token.
type NewToken struct {
	Name string       `json:"name" minLength:"1" maxLength:"60"`
	Role account.Role `json:"role" enum:"admin,agent,planner"`
}

type madeToken struct {
	account.Token
	Secret string `json:"secret" doc:"Shown once; Forecare keeps only its hash."`
}

func (a *api) access() {
	s := a.s
	tags := []string{"Access"}
	operation(a, account.ManageAccess, huma.Operation{
		OperationID: "list-tokens", Method: "GET", Path: "/tokens", Summary: "List API tokens", Tags: tags,
	}, func(ctx context.Context, id account.Identity, _ *struct{}) (*body[list[account.Token]], error) {
		tokens, err := s.o.Accounts.Tokens(ctx, id.Tenant)
		return listOf(tokens, len(tokens)), err
	})
	operation(a, account.ManageAccess, huma.Operation{
		OperationID: "add-token", Method: "POST", Path: "/tokens", Summary: "Make an API token; its secret is shown once", Tags: tags, DefaultStatus: http.StatusCreated,
	}, func(ctx context.Context, id account.Identity, in *struct{ Body NewToken }) (*body[madeToken], error) {
		secret, t, err := s.o.Accounts.NewToken(ctx, id.Tenant, in.Body.Name, in.Body.Role, id.Actor())
		return &body[madeToken]{Body: madeToken{t, secret}}, err
	})
	operation(a, account.ManageAccess, huma.Operation{
		OperationID: "revoke-token", Method: "DELETE", Path: "/tokens/{token}", Summary: "Revoke an API token at once", Tags: tags, Errors: []int{404}, DefaultStatus: http.StatusNoContent,
	}, func(ctx context.Context, id account.Identity, in *struct {
		ID string `path:"token" maxLength:"64"`
	},
	) (*struct{}, error) {
		return nil, s.o.Accounts.Revoke(ctx, id.Tenant, in.ID)
	})
}
