package ingest

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/devices"
)

// AcceptorOptions are what an Acceptor works with. Registry, Commit and Log
// are required; Now defaults to time.Now, Logger to one that discards, and a
// nil Registerer registers no metrics.
type AcceptorOptions struct {
	Registry   *devices.Registry
	Commit     *Committer
	Log        Log
	Now        func() time.Time
	Limits     Limits
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Acceptor decides about every message that comes in at a door.
type Acceptor struct {
	options AcceptorOptions
}

// NewAcceptor returns an Acceptor. It starts nothing; Committer.Run must run
// for its messages to be answered.
func NewAcceptor(o AcceptorOptions) *Acceptor { return &Acceptor{options: o} }

// Accept takes one message and calls done exactly once, from any goroutine,
// when its fate is durable. It returns as soon as the message is handed over;
// it blocks only while the message's queue is full, which is the back-pressure
// that a door passes on to its connection. [TP-4.4]
func (a *Acceptor) Accept(m Message, done func(Outcome)) {
	done(Outcome{Err: devices.Errorf(devices.Unavailable, "The log is not ready yet.")})
}
