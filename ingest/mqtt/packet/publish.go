package packet

import "encoding/binary"

// Publish is a PUBLISH.
type Publish struct {
	Duplicate bool
	QoS       byte
	Retain    bool
	Topic     []byte // empty only with a topic alias
	ID        uint16 // 0 with QoS 0
	Payload   []byte
	Properties
}

var (
	errQoS       = malformed("MQTT-3.3.1-4", "the QoS is 3")
	errDuplicate = violation("MQTT-3.3.1-2", "a message of QoS 0 is marked as a duplicate")
	errAlias     = &Error{AliasInvalid, "MQTT-3.3.2-8", "the topic alias is 0"}
	errResponse  = violation("MQTT-3.3.2-14", "the response topic is no topic name")
)

// Decode reads the body behind the header. It does not allocate, apart from
// growing the lists of properties.
func (p *Publish) Decode(v Version, first byte, body []byte) error {
	p.Duplicate, p.QoS, p.Retain = first&8 != 0, first>>1&3, first&1 != 0
	r := reader{b: body}
	if p.QoS > 2 {
		r.fail(errQoS)
	}
	if p.QoS == 0 && p.Duplicate {
		r.fail(errDuplicate)
	}
	p.Topic = r.text()
	if p.QoS > 0 {
		p.ID = r.id()
	} else {
		p.ID = 0
	}
	if v == V5 {
		r.properties(&p.Properties, PUBLISH)
	} else {
		p.Properties.Reset()
	}
	p.Payload = r.b
	r.b = nil
	if r.err != nil {
		return r.err
	}
	if len(p.Topic) > 0 || !p.Has(TopicAlias) {
		if err := checkTopic(p.Topic); err != nil {
			return err
		}
	}
	if alias, ok := p.Number(TopicAlias); ok && alias == 0 {
		return errAlias
	}
	if p.Has(ResponseTopic) && checkTopic(p.Bytes(ResponseTopic)) != nil {
		return errResponse
	}
	return nil
}

// Append appends the whole packet.
func (p *Publish) Append(dst []byte, v Version) []byte {
	first := byte(PUBLISH)<<4 | p.QoS<<1
	if p.Duplicate {
		first |= 8
	}
	if p.Retain {
		first |= 1
	}
	dst, start := begin(dst, first)
	dst = appendBinary(dst, p.Topic)
	if p.QoS > 0 {
		dst = binary.BigEndian.AppendUint16(dst, p.ID)
	}
	if v == V5 {
		dst = p.Properties.Append(dst)
	}
	return end(append(dst, p.Payload...), start)
}
