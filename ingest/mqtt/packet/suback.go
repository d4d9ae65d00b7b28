package packet

import "encoding/binary"

// Suback is a SUBACK or an UNSUBACK: one code per filter. An UNSUBACK of MQTT
// 3.1.1 has none.
type Suback struct {
	Type  Type
	ID    uint16
	Codes []Code
	Properties
}

// Decode reads the body behind the header.
func (p *Suback) Decode(v Version, first byte, body []byte) error {
	p.Type = Type(first >> 4)
	r := reader{b: body}
	p.ID = r.id()
	p.Properties.Reset()
	p.Codes = p.Codes[:0]
	if v == V5 {
		r.properties(&p.Properties, p.Type)
	}
	if v == V5 || p.Type == SUBACK {
		for len(r.b) > 0 {
			c := Code(r.byte())
			if !p.allowed(v, c) {
				r.fail(errReason) // [MQTT-3.9.3-2]
			}
			p.Codes = append(p.Codes, c)
		}
		if r.err == nil && len(p.Codes) == 0 {
			r.fail(errShort)
		}
	}
	return r.done()
}

func (p *Suback) allowed(v Version, c Code) bool {
	if p.Type == UNSUBACK && c == NoSubscriptionExisted || p.Type == UNSUBACK && c == Success {
		return true
	}
	if p.Type == SUBACK && c <= 2 || c == Unspecified {
		return true
	}
	if v == V311 {
		return false
	}
	switch c {
	case ImplementationError, NotAuthorized, FilterInvalid, IDInUse:
		return true
	case QuotaExceeded, SharedUnsupported, SubIDsUnsupported, WildcardsUnsupported:
		return p.Type == SUBACK
	}
	return false
}

// Append appends the whole packet. In MQTT 3.1.1 every refusal is 0x80.
func (p *Suback) Append(dst []byte, v Version) []byte {
	dst, start := begin(dst, p.Type.first())
	dst = binary.BigEndian.AppendUint16(dst, p.ID)
	if v == V5 {
		dst = p.Properties.Append(dst)
	} else if p.Type == UNSUBACK {
		return end(dst, start)
	}
	for _, c := range p.Codes {
		if v != V5 && c > Unspecified {
			c = Unspecified
		}
		dst = append(dst, byte(c))
	}
	return end(dst, start)
}
