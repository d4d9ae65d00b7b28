package broker

import (
	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// hook is where mochi-mqtt asks us. Clients without a connection are its own
// inline one, through which states of lost devices are published.
type hook struct {
	mqtt.HookBase
	b *Broker
}

// ID names the hook.
func (*hook) ID() string { return "forecare" }

// Provides lists the questions that are answered here.
func (*hook) Provides(question byte) bool {
	switch question {
	case mqtt.OnConnect, mqtt.OnConnectAuthenticate, mqtt.OnSessionEstablished, mqtt.OnACLCheck,
		mqtt.OnPacketRead, mqtt.OnPacketEncode, mqtt.OnSubscribe, mqtt.OnSubscribed, mqtt.OnPublish, mqtt.OnClientExpired:
		return true
	}
	return false
}

// OnConnect lets a device in or not.
func (h *hook) OnConnect(cl *mqtt.Client, pk packets.Packet) error {
	return h.b.connect(connectionOf(cl), cl, pk)
}

// OnConnectAuthenticate repeats what OnConnect has decided.
func (h *hook) OnConnectAuthenticate(cl *mqtt.Client, _ packets.Packet) bool {
	c := connectionOf(cl)
	return c != nil && c.cl == cl
}

// OnSessionEstablished comes behind CONNACK.
func (h *hook) OnSessionEstablished(cl *mqtt.Client, _ packets.Packet) {
	h.b.live.arrived(connectionOf(cl))
	h.b.metrics.connections.Inc()
}

// OnACLCheck leaves publishes to Accept, so that their reaction and their dead
// letter are one.
func (h *hook) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	c := connectionOf(cl)
	return write || c != nil && h.b.mayRead(c.key, topic)
}

// OnPacketRead sees a packet before mochi-mqtt does.
func (h *hook) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	return connectionOf(cl).read(pk), nil
}

// OnPublish decides about a message.
func (h *hook) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	c := connectionOf(cl)
	if c == nil {
		return pk, nil
	}
	return c.publish(pk)
}

// OnSubscribe bounds subscriptions.
func (h *hook) OnSubscribe(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	if c := connectionOf(cl); c != nil {
		return c.subscribe(pk)
	}
	return pk
}

// OnSubscribed counts filters that were refused.
func (h *hook) OnSubscribed(cl *mqtt.Client, pk packets.Packet, codes []byte) {
	for i, code := range codes {
		if code >= packets.ErrUnspecifiedError.Code {
			h.b.metrics.filters.Inc()
			h.b.log.Debug("subscription refused", "device", connectionOf(cl).key.String(), "filter", pk.Filters[i].Filter, "code", code)
		}
	}
}

// OnClientExpired hears that a session without a connection is over.
func (h *hook) OnClientExpired(cl *mqtt.Client) {
	if c := connectionOf(cl); c != nil {
		h.b.live.expired(c.key, c.id)
	}
}

// OnPacketEncode completes CONNACK.
func (h *hook) OnPacketEncode(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	if pk.FixedHeader.Type != packets.Connack {
		return pk
	}
	if cl.Properties.ProtocolVersion != 5 {
		pk.ReasonCode = code3(pk.ReasonCode)
		return pk
	}
	if pk.ReasonCode == packets.CodeSuccess.Code {
		p := &pk.Properties
		p.MaximumPacketSize = uint32(h.b.limits.Packet)
		p.TopicAliasMaximum = topicAliases
		p.SharedSubAvailable, p.SharedSubAvailableFlag = 0, true
	}
	return pk
}

// code3 translates a reason code into a CONNACK return code of MQTT 3.1.1.
func code3(code byte) byte {
	switch code {
	case packets.ErrUnsupportedProtocolVersion.Code, packets.ErrProtocolViolation.Code:
		return packets.Err3UnsupportedProtocolVersion.Code
	case packets.ErrClientIdentifierNotValid.Code, packets.ErrUnspecifiedError.Code:
		return packets.Err3ClientIdentifierNotValid.Code
	case packets.ErrBadUsernameOrPassword.Code:
		return packets.ErrMalformedUsernameOrPassword.Code
	case packets.ErrNotAuthorized.Code:
		return packets.Err3NotAuthorized.Code
	}
	if code >= packets.ErrUnspecifiedError.Code {
		return packets.Err3ServerUnavailable.Code
	}
	return code
}
