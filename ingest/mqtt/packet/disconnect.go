package packet

// Disconnect is a DISCONNECT or an AUTH: a reason code and properties.
type Disconnect struct {
	Type Type
	Code Code // MQTT 5
	Properties
}

// Decode reads the body behind the header.
func (p *Disconnect) Decode(v Version, first byte, body []byte) error {
	p.Type, p.Code = Type(first>>4), Success
	p.Properties.Reset()
	r := reader{b: body}
	if v != V5 {
		if p.Type == AUTH {
			return errAuth3
		}
		return r.done()
	}
	if len(r.b) > 0 {
		p.Code = Code(r.byte())
		if len(r.b) > 0 {
			r.properties(&p.Properties, p.Type)
		}
		if r.err == nil && !p.allowed() {
			r.fail(errReason) // [MQTT-3.14.2-1]
		}
	}
	if r.err == nil && p.Type == AUTH && p.Has(AuthData) && !p.Has(AuthMethod) {
		r.fail(errAuthData)
	}
	return r.done()
}

func (p *Disconnect) allowed() bool {
	c := p.Code
	if p.Type == AUTH {
		return c == Success || c == ContinueAuth || c == ReAuthenticate
	}
	switch c {
	case Success, DisconnectWithWill:
		return true
	case UnsupportedVersion, BadClientID, BadUserOrPassword, ServerUnavailable, Banned, BadAuthMethod, IDInUse, IDNotFound:
		return false
	}
	return c >= Unspecified && c <= WildcardsUnsupported
}

// Append appends the whole packet, as short as it may be.
func (p *Disconnect) Append(dst []byte, v Version) []byte {
	if v != V5 || p.Code == Success && p.has == 0 {
		return append(dst, p.Type.first(), 0)
	}
	dst, start := begin(dst, p.Type.first())
	dst = append(dst, byte(p.Code))
	if p.has != 0 {
		dst = p.Properties.Append(dst)
	}
	return end(dst, start)
}

// Ping is a PINGREQ or a PINGRESP.
type Ping struct{ Type Type }

// Decode checks that there is nothing behind the header.
func (p *Ping) Decode(_ Version, first byte, body []byte) error {
	p.Type = Type(first >> 4)
	if len(body) > 0 {
		return errSurplus
	}
	return nil
}

// Append appends the whole packet.
func (p *Ping) Append(dst []byte, _ Version) []byte { return append(dst, p.Type.first(), 0) }
