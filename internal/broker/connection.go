package broker

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/forecare/forecare/devices"
)

// connection is one network connection, from the moment it is let in to its
// end. mochi-mqtt sees it as its net.Conn; there it is found again from hooks.
//
// One goroutine reads: it runs the whole of mochi-mqtt's protocol and calls the
// hooks. Acknowledgements are written by another one while there are any, see
// acks. Whole packets are handed to Write, and net.Conn does not mix two calls
// of it.
type connection struct {
	net.Conn
	b    *Broker
	acks acks
	gone chan struct{} // closed with the network connection
	done chan struct{} // closed when the connection is over and everyone was told

	// Set by the reading goroutine when the device is authenticated, and not
	// changed after it is registered in live.
	cl      *mqtt.Client
	key     devices.Key
	id      string // of the session: the device and its client identifier
	version byte
	will    *will

	// Used by the reading goroutine only.
	refused  bool // it was told so, and counted
	frames   framing
	held     []byte   // was read with CONNECT, but came behind it
	failed   error    // what Read returns next
	incoming incoming // the PUBLISH that is being processed

	announced bool // its device has got a CONNACK; guarded by live.mu

	mu       sync.Mutex
	entered  bool // past authentication: counts no longer as a handshake
	draining bool
	closed   bool
	ending   Ending    // the first reason wins
	goodbye  bool      // a DISCONNECT that takes the will back
	dated    bool      // deadline is set
	deadline time.Time // of the keep-alive; zero for none
	writable time.Time // until when a write may take
	packetID uint16    // of the last command
	unacked  int       // commands that the device has not acknowledged to us
}

// incoming is what a PUBLISH asks of its acknowledgement.
type incoming struct {
	qos byte
	id  uint16
}

func newConnection(b *Broker, nc net.Conn) *connection {
	c := &connection{Conn: nc, b: b, gone: make(chan struct{}), done: make(chan struct{}), frames: framing{limit: b.limits.Connect, pause: true}}
	c.acks.init(c)
	return c
}

// connectionOf returns the connection behind a client, nil for the broker's own.
func connectionOf(cl *mqtt.Client) *connection {
	c, _ := cl.Net.Conn.(*connection)
	return c
}

// Read hands mochi-mqtt only packets within the limit. Before it returns an
// error, which ends the connection, acknowledgements that are on their way are
// sent and an MQTT 5 device is told why.
func (c *connection) Read(p []byte) (int, error) {
	if c.failed == nil {
		n, err := c.take(p)
		whole, bad := c.frames.scan(p[:n])
		if bad == nil && whole < n {
			// Behind CONNECT other limits hold, if it is accepted.
			c.held = append([]byte(nil), p[whole:n]...)
		}
		switch {
		case bad != nil:
			c.failed = bad
		case len(c.held) == 0: // else it comes again, behind them
			c.failed = err
		}
		if whole > 0 {
			return whole, nil
		}
		if c.failed == nil {
			return 0, nil
		}
	}
	c.farewell(c.failed)
	return 0, c.failed
}

// take returns bytes that were held back, or else reads some.
func (c *connection) take(p []byte) (int, error) {
	if len(c.held) > 0 {
		n := copy(p, c.held)
		c.held = c.held[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p)
	c.b.metrics.received.Add(float64(n))
	return n, err
}

// farewell ends the connection because of what reading from it failed with.
func (c *connection) farewell(err error) {
	c.mu.Lock()
	draining := c.draining
	c.mu.Unlock()
	ending := EndedByNetwork
	switch {
	case draining:
		ending = EndedByStop
	case errors.Is(err, errTooLarge):
		ending = EndedByPacketSize
	case errors.Is(err, errLength):
		ending = EndedByProtocol
	case errors.Is(err, os.ErrDeadlineExceeded):
		ending = EndedByKeepalive
	case !errors.Is(err, io.EOF):
		c.end(ending)
		return
	}
	// The device may have closed its side only, and still read.
	c.acks.wait(c.b.limits.Write)
	c.end(ending)
}

// Write writes whole packets, within the time that a device may need to take
// them.
func (c *connection) Write(p []byte) (int, error) {
	if c.version < 5 && len(p) == 2 && p[0] == packets.Disconnect<<4 {
		return len(p), nil // a server of MQTT 3.1.1 has no DISCONNECT to send
	}
	now := time.Now()
	c.mu.Lock()
	if left := c.writable.Sub(now); left < c.b.limits.Write*3/4 && !c.closed {
		c.writable = now.Add(c.b.limits.Write)
		_ = c.Conn.SetWriteDeadline(c.writable)
	}
	c.mu.Unlock()
	n, err := c.Conn.Write(p)
	c.b.metrics.sent.Add(float64(n))
	return n, err
}

// SetDeadline is how mochi-mqtt sets the keep-alive, before every packet.
func (c *connection) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining {
		return nil // it has been set to now
	}
	// A sixteenth of the keep-alive more or less matters to nobody, but setting
	// the deadline for every packet costs.
	later := t.Sub(c.deadline)
	if c.dated && (later == 0 || 0 < later && later <= time.Until(t)/16) {
		return nil
	}
	c.dated, c.deadline = true, t
	return c.Conn.SetReadDeadline(t)
}

// Close is how mochi-mqtt ends the connection.
func (c *connection) Close() error {
	c.close()
	return nil
}

// close closes the connection; whoever waits for it goes on.
func (c *connection) close() {
	c.mu.Lock()
	was := c.closed
	c.closed = true
	c.mu.Unlock()
	if was {
		return
	}
	c.acks.close()
	close(c.gone)
	c.Conn.Close()
}

// end closes the connection for that reason, and says it to an MQTT 5 device.
func (c *connection) end(e Ending) {
	c.mu.Lock()
	if c.ending == "" && !c.closed { // whoever closed it had another reason
		c.ending = e
	}
	told := c.closed || !c.entered
	c.mu.Unlock()
	if !told {
		if code := e.code(); c.version == 5 && code != 0 {
			_ = c.cl.WritePacket(packets.Packet{
				FixedHeader: packets.FixedHeader{Type: packets.Disconnect},
				ReasonCode:  code,
				Properties:  packets.Properties{ReasonString: e.sentence()},
			})
		}
	}
	c.close()
}

// drain makes the reading goroutine end the connection at the next packet.
func (c *connection) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	_ = c.Conn.SetReadDeadline(time.Now())
}

// hurry gives a write that is stuck another moment.
func (c *connection) hurry() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writable = time.Now().Add(c.b.limits.Write) // Write leaves the deadline alone
	_ = c.Conn.SetWriteDeadline(time.Now().Add(time.Second))
}

// enter marks the handshake as over.
func (c *connection) enter() {
	c.frames.limit = c.b.limits.Packet
	c.mu.Lock()
	first := !c.entered
	c.entered = true
	c.mu.Unlock()
	if first {
		c.b.handshakes.Add(-1)
	}
}
