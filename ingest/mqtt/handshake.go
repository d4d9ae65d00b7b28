package mqtt

import (
	"crypto/rand"
	"errors"
	"io"
	"time"

	"github.com/forecare/forecare/ingest/mqtt/packet"
)

// errRefused is a connection that was answered and counted.
var errRefused = errors.New("the connection was refused")

// handshake waits for CONNECT and lets the client in or not. Whatever has come
// behind CONNECT already stays to be read.
func (c *connection) handshake() error {
	var answer error
	connect := func(h packet.Header, body []byte) error {
		if answer = c.connect(h, body); answer == nil {
			return errDone
		}
		return answer
	}
	err := c.packets(connect)
	if errors.Is(err, errUpgrade) {
		if err = c.upgrade(); err == nil {
			err = c.packets(connect)
		}
	}
	switch {
	case errors.Is(err, errDone):
		return nil
	case errors.Is(err, errRefused), c.s.stopping.Load():
	case timedOut(err):
		c.refused(refusedTimeout, "")
	case errors.Is(err, io.EOF) && c.lo == c.hi:
		// A port scan, or a load balancer that asks whether we are there.
	default:
		c.refused(refusedMalformed, "")
	}
	return err
}

// errDone ends a reading that has found what it was for.
var errDone = errors.New("done")

func (c *connection) refused(reason, user string) {
	c.s.refusals.add(refusal{reason: reason, user: user, remote: c.net.RemoteAddr()})
}

// refuse answers CONNECT with the code, counts why, and returns errRefused.
func (c *connection) refuse(reason, user string, code packet.Code) error {
	c.refused(reason, user)
	c.connack(&packet.Connack{Code: code})
	return errRefused
}

func (c *connection) connack(a *packet.Connack) {
	if c.version != packet.V5 {
		a.Code = a.Code.Return3()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = a.Append(c.out, c.version)
	c.greeted = a.Code == packet.Success
}

// connect answers CONNECT. [TP-2.1] [TP-2.2]
func (c *connection) connect(h packet.Header, body []byte) error {
	s := c.s
	c.mu.Lock()
	c.corked = true
	c.mu.Unlock()
	if h.Type() != packet.CONNECT { // [MQTT-3.1.0-1]
		return errUnexpected
	}
	var p packet.Connect
	err := p.Decode(body)
	if c.version = p.Version; c.version > packet.V5 {
		c.version = packet.V5
	}
	if errors.Is(err, packet.ErrVersion) { // [MQTT-3.1.2-2]
		return c.refuse(refusedVersion, "", packet.UnsupportedVersion)
	}
	if e, ok := errors.AsType[*packet.Error](err); ok && c.version == packet.V5 && e.Code != packet.UnsupportedVersion {
		return c.refuse(refusedMalformed, "", e.Code)
	}
	if err == nil {
		err = h.Check(c.version)
	}
	if err != nil {
		return err
	}
	c.requests(&p)
	remote := c.net.RemoteAddr().String()
	if !s.throttle.open(remote, time.Now()) {
		return c.refuse(refusedThrottled, "", packet.ConnectionRate)
	}
	who, reason := s.authenticate(&p)
	if reason != "" {
		s.throttle.failed(remote, time.Now())
		return c.refuse(reason, who.name(), packet.BadUserOrPassword)
	}
	if p.Has(packet.AuthMethod) { // [MQTT-4.12.0-1]
		return c.refuse(refusedMethod, who.name(), packet.BadAuthMethod)
	}
	c.who = who
	client := string(p.ClientID)
	switch {
	case len(client) > maxClientID, client == "" && c.version == packet.V311 && !p.CleanStart: // [MQTT-3.1.3-8]
		return c.refuse(refusedClientID, who.name(), packet.BadClientID)
	case client == "": // [MQTT-3.1.3-6]
		client = rand.Text()
	}
	return c.admit(&p, client)
}

// name is how a refusal names a device, and "" for who has no name of that form.
func (i identity) name() string {
	if i.user == "" && i.key.Tenant == "" {
		return ""
	}
	return i.String()
}

// requests notes what the client asks for.
func (c *connection) requests(p *packet.Connect) {
	c.window = c.s.limits.Unanswered
	if n, ok := p.Number(packet.ReceiveMaximum); ok {
		c.window = min(c.window, int(n))
	}
	if n, ok := p.Number(packet.MaximumPacketSize); ok {
		c.maxPacket = int(min(n, packet.MaxLength))
	}
	n, ok := p.Number(packet.RequestProblemInfo)
	c.wordy = !ok || n == 1
}

// admit gives an authenticated client its session, taking over from an older
// connection.
func (c *connection) admit(p *packet.Connect, client string) error {
	s := c.s
	if int(s.directory.admitted.Add(1)) > s.limits.Clients {
		s.directory.admitted.Add(-1)
		return c.refuse(refusedBusy, c.who.name(), packet.ServerBusy)
	}
	expiry := s.limits.Session
	if c.version == packet.V5 {
		n, _ := p.Number(packet.SessionExpiry)
		expiry = min(time.Duration(n)*time.Second, expiry)
	} else if p.CleanStart {
		expiry = 0
	}
	// A client identifier belongs to the device that uses it: sessions of
	// different devices never meet, whatever identifiers their firmware has.
	session, present, reason := s.directory.enter(c, client, p.CleanStart, expiry, s.limits)
	if reason != "" {
		s.directory.admitted.Add(-1)
		code := packet.QuotaExceeded
		if reason == refusedTakeover {
			code = packet.ServerUnavailable
		}
		return c.refuse(reason, c.who.name(), code)
	}
	c.session = session
	c.keepWill(p)
	s.wills.resumed(session.key(), p.CleanStart)
	// The registry may have changed between our question and our entry, when
	// Disconnect could not find us.
	if _, reason := s.authenticate(p); reason != "" {
		c.will = nil
		return c.refuse(reason, c.who.name(), packet.BadUserOrPassword)
	}
	c.agree(p, client, present, expiry)
	c.limit = s.limits.Packet
	c.passed()
	session.attach(c)
	s.metrics.connections.Inc()
	s.directory.arrived(c)
	return nil
}

// agree answers CONNECT with yes and tells what holds.
func (c *connection) agree(p *packet.Connect, client string, present bool, expiry time.Duration) {
	l := &c.s.limits
	a := packet.Connack{SessionPresent: present}
	seconds := int(p.KeepAlive)
	if c.version == packet.V5 {
		if most := int(l.Keepalive / time.Second); seconds == 0 || seconds > most { // [MQTT-3.1.2-21]
			seconds = most
			a.SetNumber(packet.ServerKeepAlive, uint32(seconds))
		}
		if n, _ := p.Number(packet.SessionExpiry); time.Duration(n)*time.Second > expiry {
			a.SetNumber(packet.SessionExpiry, uint32(expiry/time.Second))
		}
		if len(p.ClientID) == 0 { // [MQTT-3.1.3-7]
			a.SetBytes(packet.AssignedClientID, []byte(client))
		}
		a.SetNumber(packet.ReceiveMaximum, uint32(l.Inflight))
		a.SetNumber(packet.MaximumPacketSize, uint32(l.Packet))
		a.SetNumber(packet.TopicAliasMaximum, topicAliases)
		if c.who.user == "" {
			a.SetNumber(packet.SharedAvailable, 0)
		}
	}
	c.keepalive = time.Duration(seconds) * 1500 * time.Millisecond // [MQTT-3.1.2-22]
	_ = c.net.SetDeadline(time.Time{})
	c.connack(&a)
}
