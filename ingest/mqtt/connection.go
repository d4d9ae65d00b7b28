package mqtt

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/forecare/forecare/ingest/mqtt/packet"
)

// connection is one network connection, from the moment it is let in to its
// end. One goroutine reads and does what packets ask for. Who writes is decided
// from write to write, see flush and flusher.
type connection struct {
	s    *Server
	net  net.Conn
	raw  syscall.RawConn // for writes that do not wait; nil if there are none
	done chan struct{}   // closed when the connection is over and everyone was told

	// Set by the reader before the connection is known to others.
	who       identity
	session   *session
	version   packet.Version
	maxPacket int  // bytes that the client takes
	window    int  // messages of QoS 1 and 2 that it takes at once
	wordy     bool // it wants reasons in words
	will      *will
	keepalive time.Duration // one and a half times what was agreed; 0 for none

	// Used by the reader only.
	limit      int // bytes of one packet
	arrival    arrival
	chunk      *chunk
	lo, hi     int  // what of the chunk was read and not dealt with
	charged    bool // a message in it stands for its memory
	eager      bool // the client sends faster than we read
	need       int  // bytes of the packet that is not complete yet
	since      time.Time
	deadline   time.Time
	topic      string // the last, which mostly is the next
	aliases    []string
	publish    packet.Publish
	failure    error // why reading ended
	handshaken bool

	announced bool // its device has got a CONNACK; guarded by directory.telling

	writable time.Time // until when a write may take; used by the one who writes

	mu         sync.Mutex
	changed    sync.Cond
	head, tail *flight // messages on their way
	inflight   int
	bytes      int
	out        []byte // other packets to write
	corked     bool   // the reader will see to what is due
	writing    bool   // someone sees to it
	waiting    bool   // someone waits for acknowledgements
	greeted    bool   // CONNACK has said yes
	draining   bool
	parted     bool // the last word was written
	aborted    bool // without one
	closed     bool
	goodbye    bool // a DISCONNECT that takes the will back
	ending     Ending
	code       packet.Code
	words      string
}

func (s *Server) newConnection(nc net.Conn) *connection {
	c := &connection{s: s, net: nc, done: make(chan struct{}), limit: s.limits.Connect, maxPacket: packet.MaxLength}
	c.changed.L = &c.mu
	c.arrival.init(c)
	if tcp, ok := nc.(*net.TCPConn); ok && canTry {
		if raw, err := tcp.SyscallConn(); err == nil {
			c.raw = raw
		}
	}
	return c
}

// Errors that end the reading.
var (
	errTooLarge = errors.New("packet too large")
	errNoMemory = errors.New("too many large packets at once")
	errClosed   = errors.New("the connection was ended")
)

// packets reads and hands each packet to handle, until that or the network
// returns an error.
func (c *connection) packets(handle func(h packet.Header, body []byte) error) error {
	for {
		for c.lo < c.hi {
			h, body, err := c.next()
			if err != nil {
				return err
			}
			if body == nil {
				break
			}
			if err := h.Check(c.version); err != nil {
				return err
			}
			if err := handle(h, body); err != nil {
				return err
			}
		}
		c.uncork()
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// next returns the next whole packet, nil if it has not come yet. Whether it is
// too large is known by its header, before anyone makes room for it. [TP-7.2]
func (c *connection) next() (packet.Header, []byte, error) {
	b := c.chunk.buf[c.lo:c.hi]
	if c.version == 0 && b[0] == 'G' && c.s.options.WebSocket {
		if _, already := c.net.(*webSocket); !already {
			return packet.Header{}, nil, errUpgrade
		}
	}
	h, n, err := packet.ReadHeader(b)
	if err != nil {
		return h, nil, err
	}
	total := n + h.Length
	switch {
	case total > c.limit, h.Type() != packet.PUBLISH && total > c.s.limits.Connect:
		return h, nil, errTooLarge
	case n == 0 || len(b) < total:
		if c.need = total; n == 0 {
			c.need = 0
		}
		if len(b) > 0 && c.since.IsZero() {
			c.since = time.Now()
		}
		return h, nil, nil
	}
	c.lo += total
	c.need, c.since = 0, time.Time{}
	if h.Length == 0 {
		return h, empty, nil
	}
	return h, b[n:total:total], nil
}

var empty = []byte{}

// fill reads from the network. While nothing comes, a connection holds no
// memory to read into.
func (c *connection) fill() error {
	if c.lo == c.hi {
		c.drop()
	} else if err := c.room(); err != nil {
		return err
	}
	c.touch()
	n, err := c.receive()
	if n > 0 {
		space := len(c.chunk.buf) - c.hi
		c.hi += n
		c.eager = n == space && space >= smallChunk/2 || c.eager && n >= smallChunk
		c.s.metrics.received.Add(float64(n))
		if c.over() {
			return errClosed
		}
		return nil // an error will be there again
	}
	if err == nil {
		err = io.EOF
	}
	return err
}

// receive waits for bytes.
func (c *connection) receive() (int, error) {
	if c.raw != nil {
		return c.arrival.read(c)
	}
	c.provide()
	return c.net.Read(c.chunk.buf[c.hi:])
}

// provide gets memory to read into, more for a client that sends faster than we
// read.
func (c *connection) provide() {
	if c.chunk != nil {
		return
	}
	size := smallChunk
	if c.eager {
		size = largeChunk
	}
	c.chunk = c.s.chunks.get(size, 0)
	c.charged = false
}

// drop leaves the memory to the messages in it.
func (c *connection) drop() {
	if c.chunk != nil {
		c.chunk.release()
	}
	c.chunk, c.lo, c.hi = nil, 0, 0
}

// room makes room for the rest of a packet that has begun to come. Memory that
// messages lie in is left to them, and the packet is moved.
func (c *connection) room() error {
	want := c.need
	if want == 0 { // its length is not known yet
		want = 8
	}
	if c.lo+want <= len(c.chunk.buf) {
		return nil
	}
	have := c.chunk.buf[c.lo:c.hi]
	if want <= len(c.chunk.buf) && !c.chunk.shared() {
		c.lo, c.hi = 0, copy(c.chunk.buf, have)
		return nil
	}
	size := max(want, smallChunk)
	if c.eager {
		size = max(size, largeChunk)
	}
	fresh := c.s.chunks.get(size, c.s.limits.Write)
	if fresh == nil {
		return errNoMemory
	}
	n := copy(fresh.buf, have)
	c.drop()
	c.chunk, c.hi, c.charged = fresh, n, false
	return nil
}

// touch sets the time until which the client must be heard. A second more or
// less matters to nobody, but setting it costs.
func (c *connection) touch() {
	if c.session == nil {
		return // the handshake has a deadline of its own
	}
	var t time.Time
	if c.keepalive > 0 {
		t = time.Now().Add(c.keepalive)
	}
	if !c.since.IsZero() {
		if whole := c.since.Add(c.s.limits.Transfer); t.IsZero() || whole.Before(t) {
			t = whole
		}
	}
	if later := t.Sub(c.deadline); t.Equal(c.deadline) || !t.IsZero() && !c.deadline.IsZero() && 0 <= later && later < time.Second {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining || c.parted {
		return // it has been set to now
	}
	c.deadline = t
	_ = c.net.SetReadDeadline(t)
}

func (c *connection) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed || c.ending != "" || c.draining
}

// farewell ends the connection because of what reading from it ended with.
func (c *connection) farewell(err error) {
	c.mu.Lock()
	draining := c.draining
	c.corked = false
	c.mu.Unlock()
	e, isPacket := errors.AsType[*packet.Error](err)
	switch {
	case isPacket:
		c.endWith(EndedByProtocol, e.Code, "The packet is malformed: "+e.Error()+".")
	case errors.Is(err, errGoodbye):
		c.endWith(EndedByDevice, packet.Success, "")
	case errors.Is(err, errTooLarge):
		c.end(EndedByPacketSize)
	case errors.Is(err, errNoMemory):
		c.end(EndedByFault)
	case draining:
		c.wait(c.s.limits.Stop)
		c.end(EndedByStop)
	case errors.Is(err, io.EOF):
		// The client may have closed its side only, and still read.
		c.wait(c.s.limits.Write)
		c.abort(EndedByNetwork)
	case timedOut(err):
		c.wait(c.s.limits.Write)
		c.end(EndedByKeepalive)
	case errors.Is(err, errClosed):
		c.end(EndedByNetwork) // unless there was a reason before
	default:
		c.abort(EndedByNetwork)
	}
	c.uncork()
}

// drain makes the reader end the connection at the next packet.
func (c *connection) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	_ = c.net.SetReadDeadline(time.Now())
}

// hurry gives a write that is stuck another moment.
func (c *connection) hurry() {
	_ = c.net.SetWriteDeadline(time.Now().Add(time.Second))
}

// linger reads what the client had sent already, so that the network does not
// take our last word back, and then closes the connection.
func (c *connection) linger() {
	defer c.net.Close()
	c.mu.Lock()
	parted := c.parted
	c.mu.Unlock()
	if !parted {
		return
	}
	patience := time.Second
	if c.s.stopping.Load() {
		patience = 200 * time.Millisecond
	}
	_ = c.net.SetReadDeadline(time.Now().Add(patience))
	buf := c.s.chunks.get(smallChunk, 0)
	defer buf.release()
	for left := c.s.limits.Packet; left > 0; {
		n, err := c.net.Read(buf.buf)
		if err != nil {
			return
		}
		left -= n
	}
}
