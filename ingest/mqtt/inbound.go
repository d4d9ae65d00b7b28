package mqtt

import (
	"time"

	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/ingest/mqtt/packet"
)

// handle does what a packet asks for, once the client is let in.
func (c *connection) handle(h packet.Header, body []byte) error {
	switch t := h.Type(); t {
	case packet.PUBLISH:
		return c.published(h, body)
	case packet.PUBACK, packet.PUBREC, packet.PUBREL, packet.PUBCOMP:
		var a packet.Ack
		if err := a.Decode(c.version, h.First, body); err != nil {
			return err
		}
		c.acknowledged(&a)
		return nil
	case packet.SUBSCRIBE:
		return c.subscribed(h, body)
	case packet.UNSUBSCRIBE:
		return c.unsubscribed(h, body)
	case packet.PINGREQ:
		if len(body) > 0 {
			return errBody
		}
		c.send(func(out []byte) []byte { return append(out, byte(packet.PINGRESP)<<4, 0) }) // [MQTT-3.12.4-1]
		return nil
	case packet.DISCONNECT:
		return c.disconnected(h, body)
	case packet.CONNECT:
		return errSecondConnect
	default: // of servers only, or AUTH, which nobody has asked for
		return errUnexpected
	}
}

var (
	errBody          = &packet.Error{Code: packet.Malformed, Text: "PINGREQ has a body"}
	errSecondConnect = &packet.Error{Code: packet.ProtocolError, Clause: "MQTT-3.1.0-2", Text: "a second CONNECT"}
	errUnexpected    = &packet.Error{Code: packet.ProtocolError, Text: "a packet that only servers send, or that nobody asked for"}
	errAlias         = &packet.Error{Code: packet.AliasInvalid, Clause: "MQTT-3.3.2-9", Text: "the topic alias is unknown, or larger than CONNACK allows"}
	errSubscription  = &packet.Error{Code: packet.ProtocolError, Clause: "MQTT-3.3.4-6", Text: "PUBLISH of a client with a subscription identifier"}
	errReceive       = &packet.Error{Code: packet.ReceiveExceeded, Clause: "MQTT-3.3.4-9", Text: "more messages of QoS 2 are open than CONNACK allows"}
	errExpiry        = &packet.Error{Code: packet.ProtocolError, Clause: "MQTT-3.14.2-2", Text: "DISCONNECT makes a session last that ends with its connection"}
)

// published hands a PUBLISH to Accept.
func (c *connection) published(h packet.Header, body []byte) error {
	p := &c.publish
	if err := p.Decode(c.version, h.First, body); err != nil {
		return err
	}
	if cap(p.Users) > 32 {
		defer func() { p.Users = nil }() // one message must not be paid for ever after
	}
	if p.Has(packet.SubscriptionID) {
		return errSubscription
	}
	if err := c.resolve(p); err != nil {
		return err
	}
	if c.who.user != "" {
		return c.forbid(p)
	}
	if p.QoS == 2 {
		fresh, err := c.session.receive(c, p.ID)
		if !fresh {
			return err
		}
	}
	f := newFlight()
	f.c, f.chunk, f.qos, f.id, f.size = c, c.chunk, p.QoS, p.ID, len(p.Payload)
	if !c.charged {
		c.charged = true
		f.size += len(c.chunk.buf) / 2
	}
	c.chunk.hold()
	m := ingest.Message{Publisher: c.who.key, Topic: c.topic, Payload: p.Payload, Received: time.Now()}
	f.routed = c.s.keep(&f.message, c, p, m.Received)
	if !c.enqueue(f) {
		f.chunk.release()
		f.free()
		return errClosed
	}
	c.s.options.Accept(m, f.done)
	return nil
}

// resolve finds the topic, which may be abbreviated, and makes it c.topic.
func (c *connection) resolve(p *packet.Publish) error {
	alias, aliased := p.Number(packet.TopicAlias)
	if aliased && alias > topicAliases {
		return errAlias
	}
	if len(p.Topic) == 0 {
		if int(alias) > len(c.aliases) || c.aliases[alias-1] == "" {
			return errAlias
		}
		c.topic = c.aliases[alias-1]
		return nil
	}
	if topic := p.Topic[:min(len(p.Topic), maxTopic)]; string(topic) != c.topic {
		c.topic = string(topic)
	}
	if aliased {
		if c.aliases == nil {
			c.aliases = make([]string, topicAliases)
		}
		c.aliases[alias-1] = c.topic
	}
	return nil
}

// forbid answers an application that publishes.
func (c *connection) forbid(p *packet.Publish) error {
	c.s.metrics.rejected.Inc()
	if c.version != packet.V5 || p.QoS == 0 {
		return &packet.Error{Code: packet.NotAuthorized, Text: "applications may not publish"} // [MQTT-3.3.5-2]
	}
	t := packet.PUBACK
	if p.QoS == 2 {
		t = packet.PUBREC
	}
	a := packet.Ack{Type: t, ID: p.ID, Code: packet.NotAuthorized}
	c.send(func(out []byte) []byte { return c.appendReason(out, a, "Applications read, they do not publish.") })
	return nil
}

// acknowledged takes the client's part of the exchange of a message.
func (c *connection) acknowledged(a *packet.Ack) {
	if a.Type == packet.PUBREL {
		known := c.session.release(a.ID)
		answer := packet.Ack{Type: packet.PUBCOMP, ID: a.ID}
		if !known {
			answer.Code = packet.IDNotFound
		}
		c.send(func(out []byte) []byte { return answer.Append(out, c.version) })
		return
	}
	c.session.answered(c, a)
}

// disconnected takes the client's goodbye.
func (c *connection) disconnected(h packet.Header, body []byte) error {
	var d packet.Disconnect
	if err := d.Decode(c.version, h.First, body); err != nil {
		return err
	}
	if expiry, ok := d.Number(packet.SessionExpiry); ok {
		if expiry > 0 && c.session.ends() {
			return errExpiry
		}
		c.session.last(min(time.Duration(expiry)*time.Second, c.s.limits.Session))
	}
	c.mu.Lock()
	c.goodbye = d.Code == packet.Success
	c.mu.Unlock()
	return errGoodbye
}
