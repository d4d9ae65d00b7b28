package web

import (
	"context"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/outreach"
)

// Care is what agents work on; *outreach.Desk is one. What does not exist for
// the tenant is devices.NotFound, what cannot be done any more is
// devices.Conflict.
type Care interface {
	Cases(ctx context.Context, f outreach.CaseFilter) (outreach.CasePage, error)
	Case(ctx context.Context, tenant, id string) (*outreach.Case, error)
	Timeline(ctx context.Context, tenant, id string) ([]outreach.Event, error)
	Messages(ctx context.Context, tenant, id string) ([]outreach.Message, error)
	Findings(ctx context.Context, f outreach.FindingFilter) ([]anomaly.Finding, error)
	Note(ctx context.Context, tenant, id, actor, text string) error
	Dismiss(ctx context.Context, tenant, id, actor, reason string) error
	Start(ctx context.Context, tenant, id, actor string) error
	Finish(ctx context.Context, tenant, id, actor, note string) error
}

// Registry answers from memory which devices there are; *devices.Registry is
// one. What it returns must not be changed.
type Registry interface {
	Devices(tenant string) []*devices.Device
	Lookup(k devices.Key) (*devices.Device, *devices.Model, bool)
	Model(tenant, id string) *devices.Model
}

// Fleet keeps devices, models and contacts durably; *sqlstore.DB is one.
type Fleet interface {
	AddDevice(ctx context.Context, d devices.Device, tokenHash string) error
	SetDeviceDisabled(ctx context.Context, key devices.Key, disabled bool) error
	RotateCredential(ctx context.Context, key devices.Key, newHash string, keepOld bool) error
	PutModel(ctx context.Context, m devices.Model) error
	ListModels(ctx context.Context, tenant string) ([]devices.Model, error)
	Contact(ctx context.Context, tenant, id string) (devices.Contact, error)
	ListContacts(ctx context.Context, tenant string) ([]devices.Contact, error)
}

// Point is the mean of one window; Time is the window's start.
type Point struct {
	Time  time.Time
	Value float64
}

// BandPoint holds the 10, 50 and 90 % quantiles of the devices' means in one
// window.
type BandPoint struct {
	Time                 time.Time
	Lower, Middle, Upper float64
}

// Readings answers from the readings store. Windows without data are left out.
type Readings interface {
	Series(ctx context.Context, key devices.Key, metric string, from, to time.Time, every time.Duration) ([]Point, error)
	Band(ctx context.Context, tenant, model, metric string, from, to time.Time, every time.Duration) ([]BandPoint, error)
	// Latest returns the device's newest value of each metric by event time,
	// an empty map if it never sent any.
	Latest(ctx context.Context, key devices.Key) (map[string]Point, error)
}

// DeadLetterQuery selects refused input, newest first, from before that
// sequence (0: from the newest).
type DeadLetterQuery struct {
	Tenant string
	Before uint64
	Limit  int
}

// DeadLetters reads what was refused.
type DeadLetters interface {
	DeadLetters(ctx context.Context, q DeadLetterQuery) ([]ingest.DeadLetter, error)
}

// Notice says that something changed. Kind is registry, case, finding,
// device, message or stats.
type Notice struct {
	Kind, Tenant, ID, Text string
}

// Live tells what changes while ctx lives, best effort.
type Live interface {
	Notices(ctx context.Context, handle func(Notice)) error
}

// Part is the health of one part of this process; Err is nil if it works.
type Part struct {
	Name, Detail string
	Err          error
}

// Stream is the size of one stream of the log.
type Stream struct {
	Name            string
	Messages, Bytes uint64
	MaxBytes        int64  // 0: unbounded
	Discarded       uint64 // by the stream's own limits, ever
}

// Consumer is how far a reader of the log has come.
type Consumer struct {
	Stream, Name string
	Lag          uint64 // messages still to do
}

// LogStatus is a snapshot of the log.
type LogStatus struct {
	Durability string
	Streams    []Stream
	Consumers  []Consumer
}
