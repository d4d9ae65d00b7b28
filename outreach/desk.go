package outreach

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
)

// DeskOptions is what a Desk is made of. Zero Policy and Calendar mean the
// defaults; nil Notify, Now, Logger and Registerer mean none, time.Now, silence
// and none.
type DeskOptions struct {
	Store      Store
	Directory  Directory
	Composer   Composer
	Links      *Links
	Channels   []string // names of the channels that the dispatcher has
	Policy     Policy
	Calendar   Calendar
	Commander  Commander
	Brand      func(tenant string) string // who writes; nil means "Forecare"
	Notify     func(kind, tenant, id, text string)
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Desk takes findings and turns them into care. Its methods may be called
// concurrently, and from several processes on one store.
type Desk struct {
	o DeskOptions
}

// NewDesk returns a Desk. It starts nothing: see Run.
func NewDesk(o DeskOptions) *Desk { return &Desk{o: o} }

// Run does what is due by the clock until ctx ends.
func (d *Desk) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// HandleFinding is idempotent.
func (d *Desk) HandleFinding(ctx context.Context, f anomaly.Finding) error { return nil }

// HandleEvent takes a device's acknowledgement of a command.
func (d *Desk) HandleEvent(ctx context.Context, e devices.Event) error { return nil }

// Cases returns a page of cases, most urgent first.
func (d *Desk) Cases(ctx context.Context, f CaseFilter) (CasePage, error) {
	return d.o.Store.Cases(ctx, f)
}

// Case returns one case.
func (d *Desk) Case(ctx context.Context, tenant, id string) (*Case, error) {
	return d.o.Store.Case(ctx, tenant, id)
}

// Timeline returns the case's history.
func (d *Desk) Timeline(ctx context.Context, tenant, id string) ([]Event, error) {
	return d.o.Store.Timeline(ctx, tenant, id)
}

// Messages returns the case's messages, oldest first.
func (d *Desk) Messages(ctx context.Context, tenant, id string) ([]Message, error) {
	return d.o.Store.CaseMessages(ctx, tenant, id)
}

// Findings returns findings, newest first.
func (d *Desk) Findings(ctx context.Context, f FindingFilter) ([]anomaly.Finding, error) {
	return d.o.Store.Findings(ctx, f)
}

// Note adds a note.
func (d *Desk) Note(ctx context.Context, tenant, id, actor, text string) error { return nil }

// Dismiss ends a case.
func (d *Desk) Dismiss(ctx context.Context, tenant, id, actor, reason string) error { return nil }

// Start begins the remedy.
func (d *Desk) Start(ctx context.Context, tenant, id, actor string) error { return nil }

// Finish says that the remedy was done.
func (d *Desk) Finish(ctx context.Context, tenant, id, actor, note string) error { return nil }

// OwnerView is all that the owner's page shows.
type OwnerView struct {
	Case    *Case            `json:"case"`
	Device  devices.Device   `json:"device"`
	Model   devices.Model    `json:"model"`
	Contact devices.Contact  `json:"contact"`
	Finding *anomaly.Finding `json:"finding"`
	Slots   []Slot           `json:"slots"`
	Reach   []ReachChannel   `json:"reach"`
	Lang    string           `json:"lang"` // one that the Composer has
}

// ReachChannel is a way to reach the owner, and whether they allow it.
type ReachChannel struct {
	Channel string `json:"channel"`
	Allowed bool   `json:"allowed"`
}

// Open reads a token.
func (d *Desk) Open(ctx context.Context, token string) (Grant, error) { return Grant{}, nil }

// OwnerView returns what the owner's page shows; it changes nothing.
func (d *Desk) OwnerView(ctx context.Context, g Grant) (*OwnerView, error) { return nil, nil }

// Book books a slot.
func (d *Desk) Book(ctx context.Context, g Grant, slotID string) (*Case, error) { return nil, nil }

// Unbook gives the booked time back.
func (d *Desk) Unbook(ctx context.Context, g Grant) error { return nil }

// Bothering notes that the owner feels the trouble already.
func (d *Desk) Bothering(ctx context.Context, g Grant, text string) error { return nil }

// OptOut withdraws consent for a channel, or for "all".
func (d *Desk) OptOut(ctx context.Context, g Grant, channel string) error { return nil }

// OptIn gives consent for a channel.
func (d *Desk) OptIn(ctx context.Context, g Grant, channel string) error { return nil }

// Subscribe adds a Web Push subscription.
func (d *Desk) Subscribe(ctx context.Context, g Grant, subscription []byte) error { return nil }

// Calendar returns the appointment as an iCalendar file.
func (d *Desk) Calendar(ctx context.Context, g Grant) ([]byte, error) { return nil, nil }
