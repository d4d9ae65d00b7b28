package mqtt

import (
	"os"
	"sync"
	"time"

	"github.com/forecare/forecare/ingest/mqtt/packet"
)

// due reports whether there is something to write. c.mu must be held.
func (c *connection) due() bool {
	return len(c.out) > 0 || c.head != nil && c.head.settled || c.ending != ""
}

// uncork lets acknowledgements go that were held back while the reader was at
// work, because it is cheaper to write them together.
func (c *connection) uncork() {
	c.mu.Lock()
	c.corked = false
	start := c.due() && !c.writing && !c.closed
	if start {
		c.writing = true
	}
	c.mu.Unlock()
	if start {
		c.flush()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// Someone else writes, and the client does not take it: nothing more is read
	// from one who asks faster than he listens.
	for !c.closed && len(c.out) > c.s.limits.QueueBytes {
		c.waiting = true
		c.changed.Wait()
		c.waiting = false
	}
}

// send queues bytes to be written. It never waits.
func (c *connection) send(encode func(out []byte) []byte) {
	c.mu.Lock()
	if c.closed || c.ending != "" {
		c.mu.Unlock()
		return
	}
	c.out = encode(c.out)
	start := !c.corked && !c.writing
	if start {
		c.writing = true
	}
	c.mu.Unlock()
	if start {
		c.s.flusher.add(c)
	}
}

// take returns what is to be written now. With the last word of the connection
// it is closed for everything else. Nothing to write ends the writing. c.mu
// must not be held.
func (c *connection) take(buf []byte) (out []byte, last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		c.writing = false
		return nil, false
	}
	out = append(buf, c.out...)
	if c.waiting {
		c.changed.Broadcast()
	}
	if cap(c.out) > 1<<10 {
		c.out = nil
	} else {
		c.out = c.out[:0]
	}
	out = c.takeAcks(out)
	if c.ending != "" {
		out = c.appendGoodbye(out)
		c.shutOff()
		return out, true
	}
	if len(out) == 0 {
		c.writing = false
		c.changed.Broadcast()
	}
	return out, false
}

// appendGoodbye encodes the DISCONNECT that MQTT 5 has.
func (c *connection) appendGoodbye(out []byte) []byte {
	if c.version != packet.V5 || c.code == packet.Success || !c.greeted {
		return out
	}
	d := packet.Disconnect{Type: packet.DISCONNECT, Code: c.code}
	before := len(out)
	if c.wordy && c.words != "" {
		d.SetBytes(packet.ReasonString, []byte(c.words))
		if out = d.Append(out, packet.V5); len(out)-before <= c.maxPacket {
			return out
		}
		d.Reset()
	}
	return d.Append(out[:before], packet.V5)
}

// conclude makes the next write the last one. The first reason wins. c.mu must
// be held.
func (c *connection) conclude(e Ending, code packet.Code, words string) {
	if c.ending == "" && !c.closed {
		c.ending, c.code, c.words = e, code, words
	}
}

// shutOff lets everyone go who waits, and forgets the messages on their way.
// c.mu must be held.
func (c *connection) shutOff() {
	c.closed = true
	c.head, c.tail, c.out = nil, nil, nil
	c.inflight, c.bytes = 0, 0
	c.changed.Broadcast()
}

// flush writes as long as there is something to write, and waits for the client
// to take it. Only the one who has set c.writing may call it.
func (c *connection) flush() {
	w := attempts.Get().(*attempt)
	defer attempts.Put(w)
	for !c.try(w) {
		rest, last := w.left()
		if !c.write(rest, last) {
			return
		}
	}
}

// attempts are for readers, which write too.
var attempts = sync.Pool{New: func() any { return newAttempt() }}

// maxScratch is how much memory an attempt keeps.
const maxScratch = 64 << 10

// write writes within the time that a client may need to take it. If it does
// not, the connection is over. more says that there may be more to write.
func (c *connection) write(out []byte, last bool) (more bool) {
	if len(out) > 0 && !c.push(out) {
		c.abort(EndedByNetwork)
		return false
	}
	if last {
		c.part()
	}
	return !last
}

func (c *connection) push(out []byte) bool {
	now := time.Now()
	if c.raw != nil { // else the deadline is in nobody's way
		_ = c.net.SetWriteDeadline(now.Add(c.s.limits.Write))
		defer func() { _ = c.net.SetWriteDeadline(time.Time{}) }()
	} else if left := c.writable.Sub(now); left < c.s.limits.Write*3/4 {
		c.writable = now.Add(c.s.limits.Write)
		_ = c.net.SetWriteDeadline(c.writable)
	}
	_, err := c.net.Write(out)
	return err == nil
}

func (c *connection) wrote(n int) {
	c.s.metrics.writes.Inc()
	c.s.metrics.sent.Add(float64(n))
}

// flusher writes for connections whose acknowledgements have become due, with a
// few goroutines for all: by the time one gets to a connection, more is often
// due there, which then goes in the same write. What a client does not take at
// once is left to a goroutine of its own, so that nobody waits for another.
type flusher struct {
	mu      sync.Mutex
	filled  sync.Cond
	queue   []*connection
	idle    int
	closed  bool
	patient sync.WaitGroup
}

func (f *flusher) init() { f.filled.L = &f.mu }

func (f *flusher) add(c *connection) {
	f.mu.Lock()
	f.queue = append(f.queue, c)
	if f.idle > 0 {
		f.filled.Signal()
	}
	f.mu.Unlock()
}

// batch is how many connections one goroutine takes at once.
const batch = 64

// run writes until the flusher is closed.
func (f *flusher) run() {
	var mine []*connection
	w := newAttempt()
	for {
		f.mu.Lock()
		for len(f.queue) == 0 && !f.closed {
			f.idle++
			f.filled.Wait()
			f.idle--
		}
		if len(f.queue) == 0 {
			f.mu.Unlock()
			return
		}
		n := min(batch, len(f.queue))
		mine = append(mine[:0], f.queue[:n]...)
		rest := copy(f.queue, f.queue[n:])
		clear(f.queue[rest:])
		f.queue = f.queue[:rest]
		f.mu.Unlock()
		for i, c := range mine {
			if !c.try(w) {
				rest, last := w.left()
				f.patient.Go(func() {
					if c.write(rest, last) {
						c.flush()
					}
				})
			}
			mine[i] = nil
		}
	}
}

func (f *flusher) close() {
	f.mu.Lock()
	f.closed = true
	f.filled.Broadcast()
	f.mu.Unlock()
}

// try writes what is due as far as that goes without waiting. false means that
// someone has to wait, with what is left.
func (c *connection) try(w *attempt) bool {
	for {
		out, last := c.take(w.buf[:0])
		if len(out) == 0 && !last {
			return true
		}
		w.hold(out, last)
		if len(out) > 0 {
			c.wrote(len(out))
		}
		if c.raw == nil {
			return false
		}
		if err := w.write(c.raw); err != nil {
			c.abort(EndedByNetwork)
			return true
		}
		if len(w.rest) > 0 {
			return false
		}
		if last {
			c.part()
			return true
		}
	}
}

// part closes the connection behind its last word: our side at once, so that
// the word arrives, and the other when the client has read it, see linger.
func (c *connection) part() {
	if half, ok := c.net.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parted = true
	c.changed.Broadcast()
	_ = c.net.SetReadDeadline(time.Now()) // wakes the reader
}

// abort closes the connection without a word.
func (c *connection) abort(e Ending) {
	c.mu.Lock()
	if c.ending == "" {
		c.ending = e
	}
	c.writing, c.aborted = false, true
	c.shutOff()
	nc := c.net
	c.mu.Unlock()
	nc.Close()
}

// end ends the connection for that reason, and says it to an MQTT 5 client. It
// never waits.
func (c *connection) end(e Ending) { c.endWith(e, e.code(), e.sentence()) }

func (c *connection) endWith(e Ending, code packet.Code, words string) {
	c.mu.Lock()
	if c.closed || c.ending != "" {
		c.mu.Unlock()
		return
	}
	c.conclude(e, code, words)
	start := !c.writing
	c.writing = true
	c.mu.Unlock()
	if start {
		c.s.flusher.add(c)
	}
}

// wait returns when everything is acknowledged, or after d.
func (c *connection) wait(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.corked = false
	if c.due() && !c.writing && !c.closed {
		c.writing = true
		c.s.flusher.add(c)
	}
	if c.closed || c.head == nil && !c.writing {
		return
	}
	late := false
	timer := time.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		late = true
		c.changed.Broadcast()
	})
	defer timer.Stop()
	c.waiting = true
	for !late && !c.closed && (c.head != nil || c.writing) {
		c.changed.Wait()
	}
	c.waiting = false
}

// timedOut reports whether an error is that of a deadline.
func timedOut(err error) bool { return os.IsTimeout(err) }
