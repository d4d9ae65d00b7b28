package mqtt

import (
	"slices"
	"sync"
	"time"

	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/ingest/mqtt/packet"
)

// session is what a client and the server know of each other beyond one
// connection: subscriptions, and messages of QoS 1 and 2 in either direction.
// It has no memory for what it does not have.
type session struct {
	server *Server
	owner  identity
	client string

	// Guarded by directory.mu.
	holder *connection // whose it is, from CONNECT to the very end
	timer  *time.Timer // ends it while nobody is connected
	until  time.Time
	gone   bool

	mu     sync.Mutex
	conn   *connection // that messages go to; nil while there is none
	expiry time.Duration
	subs   []subscription
	// inbound are the messages of QoS 2 between PUBLISH and PUBREL.
	inbound map[uint16]*exchange
	// sent are messages to the client that it has not acknowledged, in their
	// order, and queue those that were not sent yet.
	sent   []*outbound
	queue  []*outbound
	queued int // bytes of payloads in queue
	lastID uint16
}

// exchange is a message of QoS 2 from the client.
type exchange struct {
	stored bool // a PUBREC is due, and was sent
	// wanted is a later connection on which it came again, before it was stored.
	wanted *connection
}

// sessionKey names a session among all.
type sessionKey struct {
	owner  identity
	client string
}

func (s *session) key() sessionKey { return sessionKey{s.owner, s.client} }

// resume notes what the client asks for now.
func (s *session) resume(expiry time.Duration) {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expiry = expiry
}

// ends reports whether the session ends with its connection.
func (s *session) ends() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.expiry == 0
}

// last sets for how long the session survives its connection.
func (s *session) last(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expiry = d
}

// attach begins to send to the connection: first what the one before was sent
// and has not acknowledged. [MQTT-4.4.0-1]
func (s *session) attach(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = c
	for _, o := range s.sent {
		o.onWire = false
	}
	s.pump()
}

// detach stops sending and returns for how long the session lives on.
func (s *session) detach(c *connection) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == c {
		s.conn = nil
	}
	return s.expiry
}

// receive begins the exchange of a message of QoS 2. fresh is false for one
// that came before, which is stored once. [MQTT-4.3.3-10]
func (s *session) receive(c *connection, id uint16) (fresh bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.inbound[id]; x != nil {
		if x.stored {
			c.send(func(out []byte) []byte { return packet.AppendAck(out, packet.PUBREC, id) })
		} else {
			x.wanted = c
		}
		return false, nil
	}
	if len(s.inbound) >= s.server.limits.Inflight {
		return false, errReceive
	}
	if s.inbound == nil {
		s.inbound = map[uint16]*exchange{}
	}
	s.inbound[id] = &exchange{}
	return true, nil
}

// settled notes what has become of a message of QoS 2. Its connection sends the
// PUBREC, unless the message has come again on another one since.
func (s *session) settled(c *connection, id uint16, o ingest.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.inbound[id]
	if x == nil {
		return
	}
	over := o.Err != nil || o.Rejected != nil && c.version == packet.V5
	if over { // [MQTT-4.3.3-9]: there is no PUBREL to wait for
		delete(s.inbound, id)
	}
	x.stored = true
	if w := x.wanted; w != nil && w != c {
		switch {
		case o.Err != nil:
			w.end(EndedByFault)
		case o.Rejected != nil:
			f := flight{id: id, rejected: o.Rejected}
			w.send(func(out []byte) []byte { return w.appendAck(out, packet.PUBREC, &f) })
		default:
			w.send(func(out []byte) []byte { return packet.AppendAck(out, packet.PUBREC, id) })
		}
	}
}

// release ends the exchange of a message of QoS 2.
func (s *session) release(id uint16) (known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.inbound[id]
	if x == nil || !x.stored {
		return false
	}
	delete(s.inbound, id)
	return true
}

// outbound is a message on its way to the client.
type outbound struct {
	message  *message
	qos      byte
	retain   bool
	ids      []uint32 // of the subscriptions
	id       uint16
	sent     bool // before: sent again, it is a duplicate
	onWire   bool // sent on the connection of now
	released bool // QoS 2: received, PUBCOMP is awaited
}

// Reasons why a message does not reach its subscriber.
const (
	droppedFull    = "queue_full"
	droppedSlow    = "not_reading"
	droppedLarge   = "too_large"
	droppedExpired = "expired"
)

// deliver sends a message to the client or queues it, and reports whether it
// did. It never waits. A message of a session without a connection is queued
// only if it may be kept.
func (s *session) deliver(o *outbound, keep bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &s.server.limits
	size := len(o.message.payload)
	switch {
	case o.qos == 0 && s.conn == nil:
		return false
	case o.qos == 0:
		return s.conn.deliver(o, l.QueueBytes)
	case s.conn == nil && (!keep || s.expiry == 0):
		return false
	case !keep && (len(s.sent)+len(s.queue) >= s.conn.window || s.conn.backlog() > l.QueueBytes):
		return s.drop(droppedSlow)
	case len(s.queue) > 0 && (len(s.queue) >= l.Queue || s.queued+size > l.QueueBytes):
		return s.drop(droppedFull)
	}
	s.queue = append(s.queue, o)
	s.queued += size
	return s.pump()
}

func (s *session) drop(reason string) bool {
	s.server.metrics.dropped.WithLabelValues(reason).Inc()
	return false
}

// pump sends what the client has room for; false means that something had to be
// dropped. s.mu must be held.
func (s *session) pump() bool {
	if s.conn == nil {
		return true
	}
	busy := s.repeat()
	good := true
	for len(s.queue) > 0 && busy < s.conn.window {
		o := s.queue[0]
		s.queue[0] = nil
		s.queue = s.queue[1:]
		s.queued -= len(o.message.payload)
		if o.message.expired(time.Now()) {
			good = s.drop(droppedExpired)
			continue
		}
		o.id = s.freeID()
		if !s.conn.deliver(o, -1) {
			good = false
			continue
		}
		busy++
		o.sent, o.onWire = true, true
		s.sent = append(s.sent, o)
	}
	if len(s.queue) == 0 {
		s.queue = nil
	}
	return good
}

// repeat sends again what the connection before was sent, as far as the client
// has room for it, and returns how many messages it has not acknowledged. s.mu
// must be held.
func (s *session) repeat() (busy int) {
	for _, o := range s.sent {
		if o.onWire {
			busy++
		}
	}
	s.sent = slices.DeleteFunc(s.sent, func(o *outbound) bool {
		switch {
		case o.onWire:
		case o.released:
			o.onWire = true
			s.conn.send(func(out []byte) []byte { return packet.AppendAck(out, packet.PUBREL, o.id) })
		case busy < s.conn.window:
			o.onWire = true
			busy++
			return !s.conn.deliver(o, -1) // it is larger than the client takes now
		}
		return false
	})
	return max(busy, len(s.sent))
}

// freeID returns a packet identifier that is not in use: 1 to 65535 and from
// the beginning. s.mu must be held.
func (s *session) freeID() uint16 {
	for {
		if s.lastID++; s.lastID == 0 {
			s.lastID = 1
		}
		if !slices.ContainsFunc(s.sent, func(o *outbound) bool { return o.id == s.lastID }) {
			return s.lastID
		}
	}
}

// answered takes a PUBACK, PUBREC or PUBCOMP.
func (s *session) answered(c *connection, a *packet.Ack) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.sent, func(o *outbound) bool { return o.id == a.ID })
	if i < 0 {
		if a.Type == packet.PUBREC && a.Code < packet.Unspecified {
			answer := packet.Ack{Type: packet.PUBREL, ID: a.ID, Code: packet.IDNotFound}
			c.send(func(out []byte) []byte { return answer.Append(out, c.version) })
		}
		return
	}
	o := s.sent[i]
	switch {
	case a.Type == packet.PUBREC && o.qos == 2 && a.Code < packet.Unspecified:
		o.released = true
		c.send(func(out []byte) []byte { return packet.AppendAck(out, packet.PUBREL, a.ID) })
		return
	case a.Type == packet.PUBACK && o.qos == 1, a.Type == packet.PUBREC && o.qos == 2, a.Type == packet.PUBCOMP && o.released:
		s.sent = slices.Delete(s.sent, i, i+1)
		if len(s.sent) == 0 {
			s.sent = nil
		}
		s.pump()
	}
}
