// Package loadgen publishes over MQTT 3.1.1 at QoS 1 as fast, or as steadily,
// as asked, from many connections at little cost, and knows of every message
// whether it was acknowledged. Benchmarks and loss tests stand on it; it is no
// general client (no QoS 2, no incoming messages).
package loadgen

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Conn is one connection. One goroutine publishes; acknowledgements come in on
// another, in which acked is called with the number of the message (counted
// from 0 on this connection) and the time since it was written.
type Conn struct {
	net    net.Conn
	w      *bufio.Writer
	window chan struct{}
	acked  func(n uint64, after time.Duration)
	done   chan struct{}

	mu      sync.Mutex
	pending map[uint16]sent
	sent    uint64
	err     error
}

type sent struct {
	n  uint64
	at time.Time
}

// ErrRefused is a CONNACK that says no.
var ErrRefused = errors.New("the broker refused the connection")

// Dial connects with a clean session and a window of at most that many
// unacknowledged messages.
func Dial(ctx context.Context, address, clientID, user, password string, window int, acked func(n uint64, after time.Duration)) (*Conn, error) {
	if window < 1 || window > 60_000 {
		return nil, fmt.Errorf("a window of %d messages does not fit the packet identifiers", window)
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = nc.SetDeadline(deadline)
	}
	body := append([]byte{0, 4, 'M', 'Q', 'T', 'T', 4, 0xC2, 0, 60}, field(clientID)...)
	body = append(append(body, field(user)...), field(password)...)
	if _, err := nc.Write(append(header(0x10, len(body)), body...)); err != nil {
		nc.Close()
		return nil, err
	}
	var ack [4]byte
	if _, err := io.ReadFull(nc, ack[:]); err != nil {
		nc.Close()
		return nil, fmt.Errorf("waiting for CONNACK: %w", err)
	}
	if ack[0] != 0x20 || ack[3] != 0 {
		nc.Close()
		return nil, fmt.Errorf("%w: code %d", ErrRefused, ack[3])
	}
	_ = nc.SetDeadline(time.Time{})
	c := &Conn{
		net: nc, w: bufio.NewWriterSize(nc, 4096), acked: acked,
		window: make(chan struct{}, window), done: make(chan struct{}), pending: make(map[uint16]sent, window),
	}
	go c.read() // ends with the connection; Close waits for it
	return c, nil
}

// Publish writes one message and waits while the window is full. Its number is
// how many were published before it. After an error the connection is of no
// more use.
func (c *Conn) Publish(ctx context.Context, topic string, payload []byte) error {
	select {
	case c.window <- struct{}{}:
	default:
		// Nothing more will be written until an acknowledgement comes.
		if err := c.w.Flush(); err != nil {
			return c.fail(err)
		}
		select {
		case c.window <- struct{}{}:
		case <-c.done:
			return c.fail(io.ErrUnexpectedEOF)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c.mu.Lock()
	n := c.sent
	c.sent++
	id := uint16(n%65_535) + 1
	c.pending[id] = sent{n, time.Now()}
	c.mu.Unlock()

	size := 2 + len(topic) + 2 + len(payload)
	c.w.Write(header(0x32, size)) // bufio keeps the first error for Flush
	c.w.Write(field(topic))
	c.w.Write([]byte{byte(id >> 8), byte(id)})
	if _, err := c.w.Write(payload); err != nil {
		return c.fail(err)
	}
	return nil
}

// Flush writes what is buffered.
func (c *Conn) Flush() error {
	if err := c.w.Flush(); err != nil {
		return c.fail(err)
	}
	return nil
}

// Outstanding is how many messages are not acknowledged.
func (c *Conn) Outstanding() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pending)
}

// Done is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Close ends the connection without a DISCONNECT, as a device in the field
// mostly does.
func (c *Conn) Close() error {
	err := c.net.Close()
	<-c.done
	return err
}

func (c *Conn) read() {
	defer close(c.done)
	r := bufio.NewReaderSize(c.net, 4096)
	for {
		kind, err := r.ReadByte()
		if err != nil {
			_ = c.fail(err)
			return
		}
		size, err := binary.ReadUvarint(r)
		if err != nil || size > 1<<20 {
			_ = c.fail(errors.Join(err, errors.New("unreadable packet")))
			return
		}
		if kind != 0x40 || size != 2 {
			if _, err := r.Discard(int(size)); err != nil {
				_ = c.fail(err)
				return
			}
			continue
		}
		var b [2]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			_ = c.fail(err)
			return
		}
		id := binary.BigEndian.Uint16(b[:])
		c.mu.Lock()
		s, known := c.pending[id]
		delete(c.pending, id)
		c.mu.Unlock()
		if known {
			<-c.window
			c.acked(s.n, time.Since(s.at))
		}
	}
}

func (c *Conn) fail(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		c.net.Close()
	}
	return c.err
}

func header(kind byte, size int) []byte {
	return binary.AppendUvarint([]byte{kind}, uint64(size))
}

func field(s string) []byte {
	return append([]byte{byte(len(s) >> 8), byte(len(s))}, s...)
}
