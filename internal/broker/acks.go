package broker

import (
	"bytes"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/forecare/forecare/ingest"
)

// acks are the messages of a connection that were handed to Accept and are not
// acknowledged yet, in the order in which they came. Their outcomes come in any
// order, from any goroutine; acknowledgements go out in that of the messages,
// and those that are due together in one write. [TP-4.1]
type acks struct {
	c *connection

	mu      sync.Mutex
	changed sync.Cond
	queue   []ack
	head    int    // of what is still due in queue
	first   uint64 // number of queue[head]
	bytes   int    // of all payloads in queue
	writing bool   // a goroutine is in write
	closed  bool
}

type ack struct {
	incoming
	size     int
	done     bool
	failed   bool              // a passing fault
	rejected *ingest.Rejection // nil if it was accepted
}

// keptAcks is for how many messages a queue keeps its room while it is empty.
const keptAcks = 64

func (a *acks) init(c *connection) {
	a.c = c
	a.changed.L = &a.mu
}

// add takes a message in and returns its number. It waits while too many are
// on their way, which stops the reading from the connection; ok is false if
// that ends meanwhile.
func (a *acks) add(in incoming, size int) (n uint64, ok bool) {
	l := &a.c.b.limits
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.closed && a.len() > 0 && (a.len() >= l.Inflight || a.bytes+size > l.InflightBytes) {
		a.changed.Wait()
	}
	if a.closed {
		return 0, false
	}
	if a.head > 0 && len(a.queue) == cap(a.queue) {
		a.queue = a.queue[:copy(a.queue, a.queue[a.head:])]
		a.head = 0
	}
	a.queue = append(a.queue, ack{incoming: in, size: size})
	a.bytes += size
	return a.first + uint64(a.len()) - 1, true
}

// len is how many messages are not acknowledged. a.mu must be held.
func (a *acks) len() int { return len(a.queue) - a.head }

// settle says what has become of a message. It never waits.
func (a *acks) settle(n uint64, o ingest.Outcome) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	e := &a.queue[a.head+int(n-a.first)]
	e.done, e.failed, e.rejected = true, o.Err != nil, o.Rejected
	if n == a.first && !a.writing {
		a.writing = true
		a.c.b.wg.Go(a.write) // ends when nothing more is due
	}
}

// write sends acknowledgements as long as any are due.
func (a *acks) write() {
	var out bytes.Buffer
	for {
		more, fault := a.due(&out)
		if out.Len() > 0 {
			if _, err := a.c.Write(out.Bytes()); err != nil {
				a.c.end(EndedByNetwork)
			}
			out.Reset()
		}
		if fault {
			a.c.end(EndedByFault)
		}
		if !more {
			return
		}
	}
}

// due encodes what can be acknowledged now and takes it off the queue. A
// passing fault ends it: neither that message nor any behind it is
// acknowledged, so that the device sends them again. [TP-4.3]
func (a *acks) due(out *bytes.Buffer) (more, fault bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.changed.Broadcast()
	i, rejected := 0, 0
	queue := a.queue[a.head:]
	for ; i < len(queue) && queue[i].done && !queue[i].failed; i++ {
		e := &queue[i]
		if e.rejected != nil {
			rejected++
		}
		if e.qos == 1 {
			a.c.encodeAck(out, packets.Puback, e.id, e.rejected)
		}
		a.bytes -= e.size
	}
	m := a.c.b.metrics
	m.accepted.Add(float64(i - rejected))
	m.rejected.Add(float64(rejected))
	if fault = i < len(queue) && queue[i].failed; fault {
		m.unavailable.Inc()
		a.closed = true
		a.queue, a.head = nil, 0
	}
	if i == 0 || fault {
		a.writing = false
		return false, fault
	}
	clear(queue[:i]) // lets go of rejections
	a.first += uint64(i)
	if a.head += i; a.len() == 0 {
		a.queue, a.head = a.queue[:0], 0
		if cap(a.queue) > keptAcks {
			a.queue = nil
		}
	}
	return true, false
}

// wait returns when everything is acknowledged, or after d.
func (a *acks) wait(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.len() == 0 && !a.writing {
		return
	}
	late := false
	timer := time.AfterFunc(d, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		late = true
		a.changed.Broadcast()
	})
	defer timer.Stop()
	for !late && !a.closed && (a.len() > 0 || a.writing) {
		a.changed.Wait()
	}
}

// close lets everyone go who waits.
func (a *acks) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.queue, a.head = nil, 0
	a.changed.Broadcast()
}

// encodeAck appends a PUBACK or PUBREC.
func (c *connection) encodeAck(out *bytes.Buffer, kind byte, id uint16, rejected *ingest.Rejection) {
	if rejected == nil || c.version < 5 {
		out.Write([]byte{kind << 4, 2, byte(id >> 8), byte(id)})
		return
	}
	pk := packets.Packet{
		ProtocolVersion: 5,
		FixedHeader:     packets.FixedHeader{Type: kind},
		PacketID:        id,
		ReasonCode:      rejected.Reason.MQTT(),
		Properties:      packets.Properties{ReasonString: short(rejected.Detail)},
		Mods: packets.Mods{
			MaxSize:             c.cl.Properties.Props.MaximumPacketSize,
			DisallowProblemInfo: c.cl.Properties.Props.RequestProblemInfoFlag && c.cl.Properties.Props.RequestProblemInfo == 0,
		},
	}
	_ = pk.PubackEncode(out) // writes to memory; the encoding is that of all four acknowledgements
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
