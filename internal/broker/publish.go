package broker

import (
	"bytes"
	"strings"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

// hidden in front of a topic keeps mochi-mqtt from ignoring a PUBLISH in
// silence because its topic begins with a dollar sign. No topic of MQTT holds
// this character.
const hidden = "\x00"

// read prepares a packet before mochi-mqtt looks at it.
func (c *connection) read(pk packets.Packet) packets.Packet {
	switch pk.FixedHeader.Type {
	case packets.Publish:
		c.incoming = incoming{qos: pk.FixedHeader.Qos, id: pk.PacketID}
		if pk.FixedHeader.Qos == 1 && pk.PacketID != 0 {
			// mochi-mqtt would acknowledge it now; acks does it when it is stored.
			pk.FixedHeader.Qos, pk.PacketID = 0, 0
		}
		if strings.HasPrefix(pk.TopicName, "$") {
			pk.TopicName = hidden + pk.TopicName
		}
	case packets.Puback:
		c.mu.Lock()
		c.unacked = max(0, c.unacked-1)
		c.mu.Unlock()
	case packets.Disconnect:
		// The limit holds here too; mochi-mqtt applies it to CONNECT only.
		if most := uint32(c.b.limits.Session / time.Second); pk.Properties.SessionExpiryInterval > most {
			pk.Properties.SessionExpiryInterval = most
		}
		// mochi-mqtt does not read a reason code that has no properties behind it,
		// and nobody sends that for the code 0. Any other code leaves the will.
		silent := pk.FixedHeader.Remaining == 1
		c.mu.Lock()
		c.goodbye = pk.ReasonCode == packets.CodeDisconnect.Code && !silent
		c.mu.Unlock()
	}
	return pk
}

// publish hands a PUBLISH to Accept. The error tells mochi-mqtt what to do with
// it: CodeSuccessIgnore nothing that others would notice, nil to deliver it to
// subscribers, ErrRejectPacket nothing at all.
func (c *connection) publish(pk packets.Packet) (packets.Packet, error) {
	pk.TopicName = strings.TrimPrefix(pk.TopicName, hidden)
	m := ingest.Message{Publisher: c.key, Topic: pk.TopicName, Payload: pk.Payload, Received: time.Now()}
	if c.incoming.qos == 2 {
		return c.publishOnce(pk, m)
	}
	n, ok := c.acks.add(c.incoming, len(pk.Payload))
	if !ok {
		return pk, packets.CodeSuccessIgnore
	}
	if !c.b.forSubscribers(m) {
		c.b.options.Accept(m, func(o ingest.Outcome) { c.acks.settle(n, o) })
		return pk, packets.CodeSuccessIgnore
	}
	outcome := make(chan ingest.Outcome, 1)
	c.b.options.Accept(m, func(o ingest.Outcome) {
		c.acks.settle(n, o)
		outcome <- o
	})
	if o, ok := c.await(outcome); !ok || o.Err != nil || o.Rejected != nil {
		return pk, packets.CodeSuccessIgnore
	}
	return pk, nil
}

// publishOnce is publish for QoS 2, of which mochi-mqtt knows the handshake. It
// waits for the outcome, since only a stored message may get its PUBREC.
func (c *connection) publishOnce(pk packets.Packet, m ingest.Message) (packets.Packet, error) {
	outcome := make(chan ingest.Outcome, 1)
	c.b.options.Accept(m, func(o ingest.Outcome) { outcome <- o })
	o, ok := c.await(outcome)
	if !ok {
		return pk, packets.ErrRejectPacket
	}
	c.b.metrics.count(o)
	switch {
	case o.Err != nil:
		c.end(EndedByFault)
		return pk, packets.ErrRejectPacket
	case o.Rejected != nil && c.version == 5:
		// A PUBREC with an error ends the exchange; there is no PUBREL to wait for.
		var out bytes.Buffer
		c.encodeAck(&out, packets.Pubrec, c.incoming.id, o.Rejected)
		if _, err := c.Write(out.Bytes()); err != nil {
			c.end(EndedByNetwork)
		}
		return pk, packets.ErrRejectPacket
	case o.Rejected == nil && c.b.forSubscribers(m):
		return pk, nil
	default:
		return pk, packets.CodeSuccessIgnore
	}
}

// await returns the outcome; ok is false if the connection ends before.
func (c *connection) await(outcome <-chan ingest.Outcome) (o ingest.Outcome, ok bool) {
	select {
	case o = <-outcome:
		return o, true
	case <-c.gone:
		return o, false
	}
}

// forSubscribers reports whether a message goes to subscribers, and is retained
// for them, once it is accepted: the state of a device, if it is small. [TP-4.8]
func (b *Broker) forSubscribers(m ingest.Message) bool {
	if !strings.HasSuffix(m.Topic, "/state") || len(m.Payload) > b.limits.Retained {
		return false
	}
	t, err := devices.ParseTopic(m.Topic)
	return err == nil && t.Kind == devices.TopicState
}
