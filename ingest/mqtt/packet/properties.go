package packet

import "encoding/binary"

// Properties are those of one packet. Their texts share memory with it. A
// Properties may be used again for the next packet; its lists then keep their
// memory. The zero value has none.
type Properties struct {
	has     uint64
	numbers [numbers]uint32
	texts   [texts][]byte
	// Users are the user properties, in their order. [MQTT-3.3.2-18]
	Users []User
	// Subscriptions are the subscription identifiers, in their order.
	Subscriptions []uint32
	// Encoded are further ones to send, as AppendBare wrote them. Decoding leaves
	// it alone.
	Encoded []byte
}

// User is one user property.
type User struct{ Name, Value []byte }

// Has reports whether there is such a property.
func (p *Properties) Has(id Property) bool { return p.has&(1<<id) != 0 }

// Number returns the value of a number, ok is false without it.
func (p *Properties) Number(id Property) (v uint32, ok bool) {
	if !p.Has(id) {
		return 0, false
	}
	return p.numbers[shapes[id].slot], true
}

// Bytes returns the value of a text or of data, nil without it.
func (p *Properties) Bytes(id Property) []byte {
	if !p.Has(id) {
		return nil
	}
	return p.texts[shapes[id].slot]
}

// SetNumber sets a number.
func (p *Properties) SetNumber(id Property, v uint32) {
	p.has |= 1 << id
	p.numbers[shapes[id].slot] = v
}

// SetBytes sets a text or data of up to 65,535 bytes. It keeps v.
func (p *Properties) SetBytes(id Property, v []byte) {
	p.has |= 1 << id
	p.texts[shapes[id].slot] = v
}

// AddUser adds a user property. It keeps its arguments.
func (p *Properties) AddUser(name, value []byte) {
	p.has |= 1 << UserProperty
	p.Users = append(p.Users, User{name, value})
}

// AddSubscription adds a subscription identifier.
func (p *Properties) AddSubscription(id uint32) {
	p.has |= 1 << SubscriptionID
	p.Subscriptions = append(p.Subscriptions, id)
}

// Remove takes a property out.
func (p *Properties) Remove(id Property) {
	p.has &^= 1 << id
	switch id {
	case UserProperty:
		p.Users = p.Users[:0]
	case SubscriptionID:
		p.Subscriptions = p.Subscriptions[:0]
	}
}

// Reset takes all properties out.
func (p *Properties) Reset() {
	p.has = 0
	p.Users = p.Users[:0]
	p.Subscriptions = p.Subscriptions[:0]
}

var (
	errProperty = malformed("", "the packet may not have a property of this kind")
	errTwice    = violation("", "a property that may be there once is there twice")
	errFlag     = violation("", "the value of a property is neither 0 nor 1")
	errZero     = violation("", "the value of a property is 0, which it must not be")
)

// maxProperties bounds the properties of one packet, in bytes, because taking
// them apart needs several times as much memory.
const maxProperties = 64 << 10

var errProperties = &Error{ImplementationError, "", "the packet has more than 64 KiB of properties"}

// properties reads those of a packet of type t. They are counted in bytes.
func (r *reader) properties(p *Properties, t Type) {
	p.Reset()
	size := int(r.varint())
	if size > maxProperties {
		r.fail(errProperties)
	}
	inner := reader{b: r.take(size)}
	for len(inner.b) > 0 && inner.err == nil {
		inner.property(p, t)
	}
	if inner.err != nil {
		r.fail(inner.err)
	}
}

func (r *reader) property(p *Properties, t Type) {
	id := Property(r.varint())
	if id >= properties || allowed[t]&(1<<id) == 0 {
		r.fail(errProperty)
		return
	}
	s := shapes[id]
	switch s.form {
	case pair:
		name := r.text()
		if value := r.text(); r.err == nil {
			p.AddUser(name, value)
		}
		return
	case varint:
		v := r.varint()
		if v == 0 {
			r.fail(errZero)
		}
		if t != PUBLISH && p.Has(id) {
			r.fail(errTwice)
		}
		if r.err == nil {
			p.AddSubscription(v)
		}
		return
	}
	if p.Has(id) {
		r.fail(errTwice)
		return
	}
	p.has |= 1 << id
	switch s.form {
	case text:
		p.texts[s.slot] = r.text()
	case data:
		p.texts[s.slot] = r.binary()
	default:
		p.numbers[s.slot] = r.number(s)
	}
}

func (r *reader) number(s shape) uint32 {
	var v uint32
	switch s.form {
	case twoBytes:
		v = uint32(r.uint16())
	case fourBytes:
		v = r.uint32()
	default:
		v = uint32(r.byte())
		if s.form == flag && v > 1 {
			r.fail(errFlag)
		}
	}
	if s.positive && v == 0 {
		r.fail(errZero)
	}
	return v
}

// Append appends the properties with their length in front.
func (p *Properties) Append(dst []byte) []byte {
	place := len(dst)
	dst = p.AppendBare(append(dst, 0))
	return widen(append(dst, p.Encoded...), place)
}

// AppendBare appends the properties without their length, and without Encoded.
func (p *Properties) AppendBare(dst []byte) []byte {
	for id := Property(1); id < properties && p.has>>id != 0; id++ {
		if !p.Has(id) {
			continue
		}
		s := shapes[id]
		switch s.form {
		case pair:
			for _, u := range p.Users {
				dst = appendBinary(appendBinary(append(dst, byte(id)), u.Name), u.Value)
			}
		case varint:
			for _, v := range p.Subscriptions {
				dst = appendVarint(append(dst, byte(id)), v)
			}
		case text, data:
			dst = appendBinary(append(dst, byte(id)), p.texts[s.slot])
		case twoBytes:
			dst = binary.BigEndian.AppendUint16(append(dst, byte(id)), uint16(p.numbers[s.slot]))
		case fourBytes:
			dst = binary.BigEndian.AppendUint32(append(dst, byte(id)), p.numbers[s.slot])
		default:
			dst = append(dst, byte(id), byte(p.numbers[s.slot]))
		}
	}
	return dst
}
