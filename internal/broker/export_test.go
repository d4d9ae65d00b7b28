package broker

import (
	"net"

	"github.com/forecare/forecare/devices"
)

// MayRead and Matches are what subscriptions are judged by.
func (b *Broker) MayRead(key devices.Key, filter string) bool { return b.mayRead(key, filter) }

// Serve serves a connection that did not come in over the listener. The channel
// is closed when it is over.
func (b *Broker) Serve(nc net.Conn) <-chan struct{} {
	b.handshakes.Add(1)
	c := newConnection(b, nc)
	b.live.opened(c)
	b.wg.Go(func() { b.serve(c) })
	return c.done
}

// Matches reports whether a filter covers a topic.
func Matches(filter, topic string) bool { return matches(filter, topic) }

// Framing scans a stream of packets.
type Framing struct{ f framing }

// NewFraming returns a Framing with that limit.
func NewFraming(limit int) *Framing { return &Framing{framing{limit: limit}} }

// Scan is framing.scan.
func (f *Framing) Scan(p []byte) (int, error) { return f.f.scan(p) }

// Errors of Scan.
var (
	ErrTooLarge = errTooLarge
	ErrLength   = errLength
)
