package mqtt

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/forecare/forecare/ingest/mqtt/packet"
)

// errGoodbye is a DISCONNECT of the client.
var errGoodbye = errors.New("the client has said goodbye")

// serve lives as long as the connection. A panic within ends this connection
// only.
func (s *Server) serve(c *connection) {
	defer s.directory.closed(c)
	defer c.linger()
	defer close(c.done)
	func() {
		defer func() {
			if r := recover(); r != nil {
				s.panicked(c, r)
				c.abort(EndedByFault)
			}
		}()
		c.converse()
	}()
	c.passed()
	if c.session != nil {
		c.leave()
	}
}

// converse is the whole of the protocol.
func (c *connection) converse() {
	_ = c.net.SetDeadline(time.Now().Add(c.s.limits.Handshake))
	c.failure = c.handshake()
	if c.failure == nil {
		c.failure = c.packets(c.handle)
		c.farewell(c.failure)
	} else {
		c.mu.Lock()
		c.conclude(EndedByProtocol, packet.Success, "")
		c.mu.Unlock()
		c.uncork() // CONNACK, if there is one
	}
	// Whoever writes the last word is done with it, or will be.
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.parted && !c.aborted {
		c.changed.Wait()
	}
}

// passed marks the handshake as over.
func (c *connection) passed() {
	if !c.handshaken {
		c.handshaken = true
		<-c.s.places
	}
}

// panicked logs a panic, but not each of a thousand.
func (s *Server) panicked(c *connection, value any) {
	if further, say := s.refusals.due(seenKey{"panic", fmt.Sprint(value)}, time.Now()); say {
		s.log.Error("a packet made the server fail; only its connection was ended",
			"device", c.who.String(), "remote", c.net.RemoteAddr().String(), "panic", fmt.Sprint(value), "further", further, "stack", string(debug.Stack()))
	}
}

// leave does what is due when a client's connection is over.
func (c *connection) leave() {
	s := c.s
	c.mu.Lock()
	e := c.ending
	c.mu.Unlock()
	expires := c.session.detach(c)
	c.sendWill(e)
	if c.announced {
		s.metrics.connections.Dec()
		s.metrics.ended.WithLabelValues(string(e)).Inc()
	}
	s.directory.leave(c, e, expires)
	s.log.Debug("connection ended", "device", c.who.String(), "reason", string(e), "error", c.failure)
}
