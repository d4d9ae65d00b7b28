package packet

// Connack is a CONNACK. Its code is a reason code or, in MQTT 3.1.1, a return
// code.
type Connack struct {
	SessionPresent bool
	Code           Code
	Properties
}

var (
	errConnackFlags   = malformed("MQTT-3.2.2-1", "the reserved flags of CONNACK are set")
	errConnackSession = violation("MQTT-3.2.2-6", "there is a session present and no success")
)

// Decode reads the body behind the header.
func (p *Connack) Decode(v Version, _ byte, body []byte) error {
	r := reader{b: body}
	flags := r.byte()
	p.SessionPresent = flags&1 != 0
	p.Code = Code(r.byte())
	p.Properties.Reset()
	if v == V5 {
		r.properties(&p.Properties, CONNACK)
	}
	switch {
	case r.err != nil:
	case flags > 1:
		r.fail(errConnackFlags)
	case p.SessionPresent && p.Code != Success:
		r.fail(errConnackSession)
	case v == V5 && !connackCode(p.Code), v == V311 && p.Code > Return3NotAllowed:
		r.fail(errReason)
	}
	return r.done()
}

func connackCode(c Code) bool {
	switch c {
	case Success, Unspecified, Malformed, ProtocolError, ImplementationError, UnsupportedVersion, BadClientID, BadUserOrPassword,
		NotAuthorized, ServerUnavailable, ServerBusy, Banned, BadAuthMethod, TopicInvalid, PacketTooLarge, QuotaExceeded,
		PayloadInvalid, RetainUnsupported, QoSUnsupported, UseAnotherServer, ServerMoved, ConnectionRate:
		return true
	}
	return false
}

// Append appends the whole packet. The code is taken as it is, see Code.Return3.
func (p *Connack) Append(dst []byte, v Version) []byte {
	dst, start := begin(dst, CONNACK.first())
	var flags byte
	if p.SessionPresent {
		flags = 1
	}
	dst = append(dst, flags, byte(p.Code))
	if v == V5 {
		dst = p.Properties.Append(dst)
	}
	return end(dst, start)
}
