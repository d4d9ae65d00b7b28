package mqtt

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

// Options are what a Server works with. Address, Registry and Accept must be
// given.
type Options struct {
	Address string      // host:port to listen on; port 0 takes a free one
	TLS     *tls.Config // nil means plain TCP
	// WebSocket lets clients also come with a WebSocket, on the same address: a
	// connection that begins with GET is one.
	WebSocket bool
	Registry  *devices.Registry
	// Applications, if given, knows who may read without being a device.
	Applications Applications
	// Accept takes a message and calls done exactly once; see
	// ingest.Acceptor.Accept.
	Accept func(m ingest.Message, done func(ingest.Outcome))
	// OnConnection, if given, hears that a device came or went, and then why,
	// as one of the words of Ending. Calls are in order and never two at once. A
	// device with several connections comes with its first and goes with its
	// last. It must return quickly.
	OnConnection func(key devices.Key, connected bool, reason string, at time.Time)
	Limits       Limits
	Logger       *slog.Logger          // nil discards
	Registerer   prometheus.Registerer // nil registers no metrics
}

// Applications are those who read what the devices of a tenant say: dashboards,
// exports, other platforms. They publish nothing.
type Applications interface {
	// Authorize returns the tenant whose messages the user may read; ok is false
	// if there is no such user or the password is not theirs. It is asked only
	// about names that no device has. It is called concurrently.
	Authorize(user, password string) (tenant string, ok bool)
}
