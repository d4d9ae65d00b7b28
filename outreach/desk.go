package outreach

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/anomaly"
)

// DeskOptions is what a Desk is made of. A zero Policy and Calendar mean the
// defaults; nil Brand, Notify, Now, Logger and Registerer mean "Forecare",
// nobody, time.Now, silence and none. A nil Commander means that no command
// leaves; they wait until they expire.
type DeskOptions struct {
	Store      Store
	Directory  Directory
	Composer   Composer
	Links      *Links
	Channels   []string // names of the channels that the dispatcher has
	Policy     Policy
	Calendar   Calendar
	Commander  Commander
	Brand      func(tenant string) string          // who writes to the tenant's owners
	Notify     func(kind, tenant, id, text string) // after commit: case, finding, message
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Desk takes findings and turns them into care. Its methods may be called
// concurrently, and from several processes on one store; each is safe to
// repeat after an error.
type Desk struct {
	o       DeskOptions
	metrics *deskMetrics
}

// NewDesk returns a Desk. It starts nothing: see Run.
func NewDesk(o DeskOptions) *Desk {
	if o.Policy.Version == "" {
		o.Policy = DefaultPolicy()
	}
	if len(o.Calendar.Technicians) == 0 {
		o.Calendar = DefaultCalendar()
	}
	if o.Brand == nil {
		o.Brand = func(string) string { return "Forecare" }
	}
	if o.Notify == nil {
		o.Notify = func(kind, tenant, id, text string) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Desk{o: o, metrics: newDeskMetrics(o.Registerer)}
}

// Cases returns a page of cases, most urgent first.
func (d *Desk) Cases(ctx context.Context, f CaseFilter) (CasePage, error) {
	return d.o.Store.Cases(ctx, f)
}

// Case returns a case with its findings, devices.NotFound if there is none.
func (d *Desk) Case(ctx context.Context, tenant, id string) (*Case, error) {
	return d.o.Store.Case(ctx, tenant, id)
}

// Timeline returns the case's history, oldest first.
func (d *Desk) Timeline(ctx context.Context, tenant, id string) ([]Event, error) {
	return d.o.Store.Timeline(ctx, tenant, id)
}

// Messages returns the case's messages, suppressed ones too, oldest first.
func (d *Desk) Messages(ctx context.Context, tenant, id string) ([]Message, error) {
	return d.o.Store.CaseMessages(ctx, tenant, id)
}

// Findings returns findings in their newest revision, newest first.
func (d *Desk) Findings(ctx context.Context, f FindingFilter) ([]anomaly.Finding, error) {
	return d.o.Store.Findings(ctx, f)
}
