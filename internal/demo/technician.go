package demo

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/forecare/forecare/devices"
	sim "github.com/forecare/forecare/firmware-sim"
	"github.com/forecare/forecare/outreach"
)

// TechnicianOptions are what a Technician works with. Delay is how long after a
// booking they come (default 5 s), Visit how long a remedy by hand takes them
// (default 4 s), Look how often they look at the cases (default 1 s).
type TechnicianOptions struct {
	API    *sim.API // with a token that may do remedies
	Models []devices.Model
	// Service does a remedy of a device by hand; sim.Fleet has it.
	Service func(device, remedy string) error
	Delay   time.Duration
	Visit   time.Duration
	Look    time.Duration
	Logger  *slog.Logger
}

// Technician is who comes to the demo's owners. Nobody who watches wants to
// wait for tomorrow, so they come some seconds after a time was booked. They
// use the public API only.
type Technician struct {
	o    TechnicianOptions
	log  *slog.Logger
	todo map[string]errand // by case
}

// errand is what the technician has seen of a case, and since when.
type errand struct {
	state outreach.State
	slot  string // of the booking; another one is another errand
	since time.Time
	done  bool
}

// NewTechnician returns a technician who does nothing before Run.
func NewTechnician(o TechnicianOptions) *Technician {
	if o.Delay == 0 {
		o.Delay = 5 * time.Second
	}
	if o.Visit == 0 {
		o.Visit = 4 * time.Second
	}
	if o.Look == 0 {
		o.Look = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Technician{o: o, log: o.Logger.With("component", "technician"), todo: make(map[string]errand)}
}

// Run works until ctx ends.
func (t *Technician) Run(ctx context.Context) error {
	tick := time.NewTicker(t.o.Look)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := t.look(ctx); err != nil && ctx.Err() == nil {
			t.log.Debug("the cases cannot be seen; trying again", "error", err)
		}
	}
}

// look goes through the cases that a technician has to do with.
func (t *Technician) look(ctx context.Context) error {
	var page struct {
		Items []*outreach.Case `json:"items"`
	}
	states := url.Values{"state": {string(outreach.Scheduled) + "," + string(outreach.InProgress)}, "limit": {"200"}}
	if err := t.o.API.Call(ctx, http.MethodGet, "/cases?"+states.Encode(), nil, &page); err != nil {
		return err
	}
	seen := make(map[string]bool, len(page.Items))
	for _, c := range page.Items {
		seen[c.ID] = true
		e := t.todo[c.ID]
		slot := ""
		if c.Appointment != nil {
			slot = c.Appointment.ID
		}
		if e.state != c.State || e.slot != slot {
			e = errand{state: c.State, slot: slot, since: time.Now()}
		}
		if !e.done {
			e.done = t.work(ctx, c, time.Since(e.since))
		}
		t.todo[c.ID] = e
	}
	for id := range t.todo {
		if !seen[id] {
			delete(t.todo, id)
		}
	}
	return nil
}

// work does what a case asks of the technician once it is time, and reports
// whether there is nothing left to do in its state. What failed is tried again
// at the next look.
func (t *Technician) work(ctx context.Context, c *outreach.Case, waited time.Duration) bool {
	var err error
	switch {
	case c.State == outreach.Scheduled && waited >= t.o.Delay:
		err = t.act(ctx, c, "/start", nil)
	case c.State == outreach.InProgress && !t.byHand(c):
		return true // the device answers for itself
	case c.State == outreach.InProgress && waited >= t.o.Visit:
		if err = t.o.Service(c.Key.Device, c.Remedy); err == nil {
			err = t.act(ctx, c, "/finish", struct {
				Text string `json:"text"`
			}{"Done on site."})
		}
	default:
		return false
	}
	if devices.CodeOf(err) == devices.Conflict {
		return true // somebody else was faster
	}
	if err != nil {
		t.log.Warn("the technician could not do their work; they will try again", "case", c.ID, "error", err)
		return false
	}
	return true
}

func (t *Technician) act(ctx context.Context, c *outreach.Case, what string, in any) error {
	return t.o.API.Call(ctx, http.MethodPost, "/cases/"+url.PathEscape(c.ID)+what, in, nil)
}

// byHand reports whether the case's remedy needs hands.
func (t *Technician) byHand(c *outreach.Case) bool {
	for _, m := range t.o.Models {
		if m.ID != c.Model {
			continue
		}
		i := slices.IndexFunc(m.Remedies, func(r devices.Remedy) bool { return r.ID == c.Remedy })
		return i >= 0 && m.Remedies[i].Command == ""
	}
	return false
}
