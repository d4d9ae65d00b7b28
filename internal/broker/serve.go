package broker

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// serve lives as long as the connection. A panic within ends this connection
// only: mochi-mqtt 2.7.9 has one at least, a SUBSCRIBE of MQTT 5 that ends
// before its options.
func (b *Broker) serve(c *connection) {
	defer close(c.done)
	defer b.live.closed(c)
	var err error
	func() {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("panic: %v", r)
				b.panicked(c, r)
				c.fail()
			}
		}()
		_ = c.Conn.SetDeadline(time.Now().Add(b.limits.Handshake)) // until mochi-mqtt sets the keep-alive's
		err = b.server.EstablishConnection("devices", c)
	}()
	if c.cl == nil {
		c.close()
		b.handshakes.Add(-1)
		b.turnedAway(c, err)
		return
	}
	c.leave(err)
}

// panicked logs a panic, but not each of a thousand.
func (b *Broker) panicked(c *connection, value any) {
	if further, say := b.refusals.due(seenKey{"panic", fmt.Sprint(value)}, time.Now()); say {
		b.log.Error("a packet made the broker fail; only its connection was ended",
			"device", c.key.String(), "remote", c.RemoteAddr().String(), "panic", fmt.Sprint(value), "further", further, "stack", string(debug.Stack()))
	}
}

// turnedAway counts a connection that ended before it was a device's.
func (b *Broker) turnedAway(c *connection, err error) {
	if c.refused {
		return // counted when it was
	}
	r := refusal{reason: refusedMalformed, remote: c.RemoteAddr()}
	switch {
	case b.stopping.Load():
		return
	case errors.Is(err, os.ErrDeadlineExceeded):
		r.reason = refusedTimeout
	case errors.Is(err, packets.ErrServerBusy):
		r.reason = refusedBusy
	}
	b.refusals.add(r)
}

// leave does what is due when a device's connection is over: mochi-mqtt has
// done its part unless it panicked.
func (c *connection) leave(err error) {
	b := c.b
	c.close()
	e := c.ended(err)
	if cl, ok := b.server.Clients.Get(c.cl.ID); ok && cl == c.cl && c.expires() {
		b.discard(cl)
	}
	if c.announced {
		c.sendWill(e)
	}
	b.live.leave(c, e, c.expires())
	if c.announced {
		b.metrics.connections.Dec()
		b.metrics.ended.WithLabelValues(string(e)).Inc()
	}
	b.log.Debug("connection ended", "device", c.key.String(), "reason", string(e), "error", err)
}

// fail makes the end, which mochi-mqtt has brought about while it panicked, one
// by protocol.
func (c *connection) fail() {
	c.mu.Lock()
	c.ending = EndedByProtocol
	c.mu.Unlock()
	c.close()
}

// ended is the reason why the connection ended, as far as anyone knows.
func (c *connection) ended(err error) Ending {
	c.mu.Lock()
	defer c.mu.Unlock()
	code, isCode := errors.AsType[packets.Code](err)
	switch {
	case c.goodbye && (c.ending == "" || c.ending == EndedByNetwork):
		return EndedByDevice
	case c.ending != "":
		return c.ending
	case isCode && code.Code >= packets.ErrUnspecifiedError.Code:
		return EndedByProtocol
	default:
		return EndedByNetwork
	}
}

// expires reports whether the session ends with its connection.
func (c *connection) expires() bool {
	if c.version < 5 {
		return c.cl.Properties.Clean
	}
	return c.cl.Properties.Props.SessionExpiryInterval == 0
}

// discard makes mochi-mqtt forget a session.
func (b *Broker) discard(cl *mqtt.Client) {
	b.server.UnsubscribeClient(cl)
	cl.ClearInflights()
	b.server.Clients.Delete(cl.ID)
}
