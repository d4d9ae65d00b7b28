package packet

import "encoding/binary"

// Ack is a PUBACK, PUBREC, PUBREL or PUBCOMP.
type Ack struct {
	Type Type
	ID   uint16
	Code Code // MQTT 5
	Properties
}

// Decode reads the body behind the header. It does not allocate, apart from
// growing the list of user properties.
func (p *Ack) Decode(v Version, first byte, body []byte) error {
	p.Type, p.Code = Type(first>>4), Success
	r := reader{b: body}
	p.ID = r.id()
	p.Properties.Reset()
	if v == V5 && len(r.b) > 0 {
		p.Code = Code(r.byte())
		if len(r.b) > 0 {
			r.properties(&p.Properties, p.Type)
		}
		if r.err == nil && !p.allowed() {
			r.fail(errReason)
		}
	}
	return r.done()
}

func (p *Ack) allowed() bool {
	switch p.Code {
	case Success:
		return true
	case IDNotFound:
		return p.Type == PUBREL || p.Type == PUBCOMP
	case NoMatchingSubscribers, Unspecified, ImplementationError, NotAuthorized, TopicInvalid, IDInUse, QuotaExceeded, PayloadInvalid:
		return p.Type == PUBACK || p.Type == PUBREC
	}
	return false
}

// Append appends the whole packet, as short as it may be.
func (p *Ack) Append(dst []byte, v Version) []byte {
	if v != V5 || p.Code == Success && p.has == 0 {
		return AppendAck(dst, p.Type, p.ID)
	}
	dst, start := begin(dst, p.Type.first())
	dst = append(binary.BigEndian.AppendUint16(dst, p.ID), byte(p.Code))
	if p.has != 0 {
		dst = p.Properties.Append(dst)
	}
	return end(dst, start)
}

// AppendAck appends an acknowledgement of success, which is the same in both
// versions.
func AppendAck(dst []byte, t Type, id uint16) []byte {
	return append(dst, t.first(), 2, byte(id>>8), byte(id))
}
