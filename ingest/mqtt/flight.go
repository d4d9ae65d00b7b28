package mqtt

import (
	"sync"

	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/ingest/mqtt/packet"
)

// flight is a message between its arrival and its acknowledgement. Those of a
// connection form a list in the order in which they came; their outcomes come
// in any order, from any goroutine. It is reused.
type flight struct {
	c     *connection
	next  *flight
	chunk *chunk // in which the payload lies
	size  int
	qos   byte
	id    uint16

	settled  bool
	failed   bool              // a passing fault
	rejected *ingest.Rejection // nil if it was accepted

	// What subscribers are told, if anything, once it is accepted.
	routed  bool
	message message

	done func(ingest.Outcome) // f.settle, bound once so that a message costs no closure
}

var flights sync.Pool

func newFlight() *flight {
	f, ok := flights.Get().(*flight)
	if !ok {
		f = &flight{}
		f.done = f.settle
	}
	return f
}

func (f *flight) free() {
	*f = flight{done: f.done}
	flights.Put(f)
}

// settle hears what has become of the message. It never waits.
func (f *flight) settle(o ingest.Outcome) {
	c := f.c
	if f.routed && o.Err == nil && o.Rejected == nil {
		c.s.route(&f.message)
	}
	f.chunk.release()
	if f.qos == 2 {
		c.session.settled(c, f.id, o)
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		f.free()
		c.s.metrics.count(o)
		return
	}
	f.settled, f.failed, f.rejected = true, o.Err != nil, o.Rejected
	start := f == c.head && !c.corked && !c.writing
	if start {
		c.writing = true
	}
	c.mu.Unlock()
	if start {
		c.s.flusher.add(c)
	}
}

// enqueue makes the message the last of its connection. It waits while too many
// are on their way, which stops the reading from the connection; false means
// that the connection has ended meanwhile.
func (c *connection) enqueue(f *flight) bool {
	l := &c.s.limits
	c.mu.Lock()
	for !c.closed && c.inflight > 0 && (c.inflight >= l.Inflight || c.bytes+f.size > l.InflightBytes) {
		c.corked = false
		if c.due() && !c.writing {
			c.writing = true
			c.mu.Unlock()
			c.flush()
			c.mu.Lock()
			continue
		}
		c.waiting = true
		c.changed.Wait()
		c.waiting = false
	}
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.corked = true
	if c.tail == nil {
		c.head = f
	} else {
		c.tail.next = f
	}
	c.tail = f
	c.inflight++
	c.bytes += f.size
	return true
}

// takeAcks encodes what can be acknowledged now and takes it off the list. A
// passing fault ends that: neither that message nor any behind it is
// acknowledged, so that the device sends them again. [TP-4.3] c.mu must be
// held.
func (c *connection) takeAcks(out []byte) []byte {
	accepted, rejected := 0, 0
	for c.head != nil && c.head.settled && !c.head.failed {
		f := c.head
		if c.head = f.next; c.head == nil {
			c.tail = nil
		}
		c.inflight--
		c.bytes -= f.size
		if f.rejected != nil {
			rejected++
		} else {
			accepted++
		}
		switch f.qos {
		case 1:
			out = c.appendAck(out, packet.PUBACK, f)
		case 2:
			out = c.appendAck(out, packet.PUBREC, f)
		}
		f.free()
	}
	if accepted > 0 {
		c.s.metrics.accepted.Add(float64(accepted))
	}
	if rejected > 0 {
		c.s.metrics.rejected.Add(float64(rejected))
	}
	if accepted+rejected > 0 && c.waiting {
		c.changed.Broadcast()
	}
	if c.head != nil && c.head.settled {
		c.s.metrics.unavailable.Inc()
		c.conclude(EndedByFault, EndedByFault.code(), EndedByFault.sentence())
	}
	return out
}

// appendAck encodes a PUBACK or PUBREC.
func (c *connection) appendAck(out []byte, t packet.Type, f *flight) []byte {
	if f.rejected == nil || c.version != packet.V5 {
		return packet.AppendAck(out, t, f.id)
	}
	return c.appendReason(out, packet.Ack{Type: t, ID: f.id, Code: packet.Code(f.rejected.Reason.MQTT())}, f.rejected.Detail)
}

// appendReason encodes an MQTT 5 acknowledgement with a reason in words, unless
// the client does not want those or its packets are too small for them.
// [MQTT-3.1.2-29] [MQTT-3.4.2-2]
func (c *connection) appendReason(out []byte, a packet.Ack, reason string) []byte {
	before := len(out)
	if c.wordy {
		a.SetBytes(packet.ReasonString, []byte(short(reason)))
		if out = a.Append(out, packet.V5); len(out)-before <= c.maxPacket {
			return out
		}
		a.Remove(packet.ReasonString)
	}
	return a.Append(out[:before], packet.V5)
}

// short cuts a sentence to what fits a small device's buffer.
func short(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && s[cut]&0xc0 == 0x80 { // not within a character
		cut--
	}
	return s[:cut] + "..."
}

// count counts a message that is not acknowledged, since nobody is there.
func (m *metrics) count(o ingest.Outcome) {
	switch {
	case o.Err != nil:
		m.unavailable.Inc()
	case o.Rejected != nil:
		m.rejected.Inc()
	default:
		m.accepted.Inc()
	}
}
