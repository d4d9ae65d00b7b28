package mqtt

import (
	"bytes"
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest/mqtt/packet"
)

// message is what subscribers are told. Its payload may lie in memory that is
// used again, see keep.
type message struct {
	topic      string
	key        devices.Key // of the device that it is about
	state      bool
	payload    []byte
	qos        byte
	retain     bool
	properties []byte // MQTT 5, those that are passed on
	expires    time.Time
	from       *session // for No Local
	owned      bool     // the payload is nobody else's
}

func (m *message) expired(now time.Time) bool { return !m.expires.IsZero() && !now.Before(m.expires) }

// keep prepares what subscribers are told of a PUBLISH once it is accepted, and
// reports whether there may be any: for states, if they are small, and for all
// that an application reads. [TP-4.8]
func (s *Server) keep(m *message, c *connection, p *packet.Publish, now time.Time) bool {
	state := strings.HasSuffix(c.topic, "/state") && len(p.Payload) <= s.limits.Retained
	if !state && s.directory.applications.Load() == 0 {
		return false
	}
	t, err := devices.ParseTopic(c.topic)
	if err != nil || t.Kind == devices.TopicCommand {
		return false
	}
	*m = message{
		topic: c.topic, key: t.Key, state: state && t.Kind == devices.TopicState, payload: p.Payload, qos: p.QoS, retain: p.Retain, from: c.session,
	}
	m.setProperties(&p.Properties, now)
	return true
}

// setProperties notes those that are passed on. [MQTT-3.3.2-4] [MQTT-3.3.2-15]
// [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-20]
func (m *message) setProperties(p *packet.Properties, now time.Time) {
	if seconds, ok := p.Number(packet.MessageExpiry); ok {
		m.expires = now.Add(time.Duration(seconds) * time.Second)
	}
	for _, own := range []packet.Property{packet.MessageExpiry, packet.TopicAlias, packet.WillDelay} {
		p.Remove(own)
	}
	m.properties = p.AppendBare(nil)
}

// copy returns a message that keeps nothing of the connection's memory.
func (m *message) copy() *message {
	out := *m
	out.payload, out.owned = bytes.Clone(m.payload), true
	return &out
}

// deliver encodes a PUBLISH to the client and reports whether it did: not if it
// is larger than the client takes [MQTT-3.1.2-25], and not if more than backlog
// bytes are waiting already (unless that is negative).
func (c *connection) deliver(o *outbound, backlog int) bool {
	m := o.message
	p := packet.Publish{Duplicate: o.sent && o.qos > 0, QoS: o.qos, Retain: o.retain, Topic: []byte(m.topic), ID: o.id, Payload: m.payload}
	if c.version == packet.V5 {
		if !m.expires.IsZero() { // [MQTT-3.3.2-6]
			left := max(0, time.Until(m.expires)+time.Second-1)
			p.SetNumber(packet.MessageExpiry, uint32(left/time.Second))
		}
		for _, id := range o.ids { // [MQTT-3.3.4-3]
			p.AddSubscription(id)
		}
		p.Encoded = m.properties
	}
	sent, reason := false, ""
	c.send(func(out []byte) []byte {
		before := len(out)
		if backlog >= 0 && before > 0 && before+len(m.payload) > backlog {
			reason = droppedSlow
			return out
		}
		if out = p.Append(out, c.version); len(out)-before > c.maxPacket {
			reason = droppedLarge
			return out[:before]
		}
		sent = true
		return out
	})
	if reason != "" {
		c.s.metrics.dropped.WithLabelValues(reason).Inc()
	}
	return sent
}

// backlog is how much is waiting to be written.
func (c *connection) backlog() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.out)
}
