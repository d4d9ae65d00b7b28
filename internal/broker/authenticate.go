package broker

import (
	"strings"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/forecare/forecare/devices"
)

// connect lets a device in or refuses it; the error is then the reason code
// that it was told. [TP-2.1] [TP-2.2]
func (b *Broker) connect(c *connection, cl *mqtt.Client, pk packets.Packet) error {
	c.version = pk.ProtocolVersion
	user, reason := b.authenticate(pk.Connect)
	if reason != "" {
		// One answer for every reason, so that names cannot be probed.
		return b.refuse(c, cl, refusal{reason: reason, user: user, remote: c.RemoteAddr()}, packets.ErrBadUsernameOrPassword)
	}
	c.cl, c.key = cl, user
	// A client identifier belongs to the device that uses it: sessions of
	// different devices never meet, whatever identifiers their firmware has.
	cl.ID = user.String() + "/" + cl.ID
	c.id = cl.ID
	c.keepWill(cl)
	if c.version == 5 && (cl.State.Keepalive == 0 || cl.State.Keepalive > uint16(b.limits.Keepalive.Seconds())) {
		cl.State.Keepalive, cl.State.ServerKeepalive = uint16(b.limits.Keepalive.Seconds()), true
	}
	if cl.State.Keepalive > maxKeepalive {
		cl.State.Keepalive = 0 // TCP's has to do
	}

	old, evicted, ok := b.live.enter(c, b.limits.Sessions)
	if !ok {
		c.cl = nil
		return b.refuse(c, cl, refusal{reason: refusedSessions, user: user, remote: c.RemoteAddr()}, packets.ErrQuotaExceeded)
	}
	c.enter()
	if gone, ok := b.server.Clients.Get(evicted); ok && evicted != "" {
		b.discard(gone)
		b.wills.resumed(evicted, true)
	}
	if old != nil {
		// Its last words come before the first of this connection.
		old.hurry()
		old.end(EndedByTakeover)
		<-old.done
	}
	b.wills.resumed(c.id, pk.Connect.Clean)
	// The registry may have changed between our question and our entry, when
	// Disconnect could not find us.
	if _, reason := b.authenticate(pk.Connect); reason != "" {
		return b.refuse(c, cl, refusal{reason: reason, user: user, remote: c.RemoteAddr()}, packets.ErrBadUsernameOrPassword)
	}
	return nil
}

// authenticate returns the device that a CONNECT is from, or why it is not let
// in. The device is named only if the user name has the form of one: firmware
// of other platforms sends its secret there.
func (b *Broker) authenticate(p packets.ConnectParams) (devices.Key, string) {
	if !p.UsernameFlag || !p.PasswordFlag {
		return devices.Key{}, refusedAnonymous
	}
	tenant, device, ok := strings.Cut(string(p.Username), "/")
	key := devices.Key{Tenant: tenant, Device: device}
	if !ok || !devices.ValidID(tenant) || !devices.ValidID(device) {
		return devices.Key{}, refusedUserName
	}
	if b.options.Registry.Authenticate(key, string(p.Password)) {
		return key, ""
	}
	switch d, _, known := b.options.Registry.Lookup(key); {
	case !known:
		return key, refusedUnknown
	case d.Disabled:
		return key, refusedDisabled
	default:
		return key, refusedToken
	}
}

// refuse answers CONNECT with the code and counts why.
func (b *Broker) refuse(c *connection, cl *mqtt.Client, r refusal, code packets.Code) error {
	c.refused = true
	b.refusals.add(r)
	_ = cl.WritePacket(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Connack},
		ReasonCode:  code.Code, // hook.OnPacketEncode translates it for MQTT 3
	})
	return code
}
