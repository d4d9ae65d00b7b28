package packet

import "encoding/binary"

// Subscribe is a SUBSCRIBE. Whether its filters are valid is for ValidFilter to
// say: a filter that is not is refused in SUBACK and ends nothing.
type Subscribe struct {
	ID      uint16
	Filters []Subscription
	Properties
}

// Subscription is one filter of a SUBSCRIBE, with its options.
type Subscription struct {
	Filter            []byte
	QoS               byte
	NoLocal           bool // MQTT 5, as those below
	RetainAsPublished bool
	RetainHandling    byte // 0 send retained messages, 1 only for a new subscription, 2 do not
}

var (
	errEmptyFilter = malformed("MQTT-4.7.3-1", "a topic filter is empty")
	errNoFilter    = violation("MQTT-3.8.3-2", "the packet names no topic filter")
	errOptions     = malformed("MQTT-3.8.3-5", "reserved bits of the subscription options are set")
	errOptionsQoS  = violation("MQTT-3.8.3-4", "the QoS of a subscription is 3")
	errHandling    = violation("", "the retain handling of a subscription is 3")
	errSharedLocal = violation("MQTT-3.8.3-4", "a shared subscription has the option No Local")
)

// Decode reads the body behind the header.
func (p *Subscribe) Decode(v Version, _ byte, body []byte) error {
	r := reader{b: body}
	p.ID = r.id()
	p.Properties.Reset()
	p.Filters = p.Filters[:0]
	if v == V5 {
		r.properties(&p.Properties, SUBSCRIBE)
	}
	if r.err == nil && len(r.b) == 0 {
		r.fail(errNoFilter)
	}
	for len(r.b) > 0 {
		s := Subscription{Filter: r.text()}
		s.options(&r, v)
		if r.err == nil {
			p.Filters = append(p.Filters, s)
		}
	}
	return r.done()
}

func (s *Subscription) options(r *reader, v Version) {
	o := r.byte()
	s.QoS = o & 3
	if v == V5 {
		s.NoLocal, s.RetainAsPublished, s.RetainHandling = o&4 != 0, o&8 != 0, o>>4&3
		o &= 0xC0
	} else {
		o &= 0xFC
	}
	_, _, shared := CutShare(string(s.Filter))
	switch {
	case len(s.Filter) == 0:
		r.fail(errEmptyFilter)
	case o != 0:
		r.fail(errOptions)
	case s.QoS == 3:
		r.fail(errOptionsQoS)
	case s.RetainHandling == 3:
		r.fail(errHandling)
	case s.NoLocal && shared:
		r.fail(errSharedLocal)
	}
}

// Append appends the whole packet.
func (p *Subscribe) Append(dst []byte, v Version) []byte {
	dst, start := begin(dst, SUBSCRIBE.first())
	dst = binary.BigEndian.AppendUint16(dst, p.ID)
	if v == V5 {
		dst = p.Properties.Append(dst)
	}
	for _, s := range p.Filters {
		o := s.QoS
		if v == V5 {
			o |= s.RetainHandling << 4
			if s.NoLocal {
				o |= 4
			}
			if s.RetainAsPublished {
				o |= 8
			}
		}
		dst = append(appendBinary(dst, s.Filter), o)
	}
	return end(dst, start)
}

// Unsubscribe is an UNSUBSCRIBE.
type Unsubscribe struct {
	ID      uint16
	Filters [][]byte
	Properties
}

// Decode reads the body behind the header.
func (p *Unsubscribe) Decode(v Version, _ byte, body []byte) error {
	r := reader{b: body}
	p.ID = r.id()
	p.Properties.Reset()
	p.Filters = p.Filters[:0]
	if v == V5 {
		r.properties(&p.Properties, UNSUBSCRIBE)
	}
	if r.err == nil && len(r.b) == 0 {
		r.fail(errNoFilter) // [MQTT-3.10.3-2]
	}
	for len(r.b) > 0 {
		f := r.text()
		if len(f) == 0 {
			r.fail(errEmptyFilter)
		}
		if r.err == nil {
			p.Filters = append(p.Filters, f)
		}
	}
	return r.done()
}

// Append appends the whole packet.
func (p *Unsubscribe) Append(dst []byte, v Version) []byte {
	dst, start := begin(dst, UNSUBSCRIBE.first())
	dst = binary.BigEndian.AppendUint16(dst, p.ID)
	if v == V5 {
		dst = p.Properties.Append(dst)
	}
	for _, f := range p.Filters {
		dst = appendBinary(dst, f)
	}
	return end(dst, start)
}
