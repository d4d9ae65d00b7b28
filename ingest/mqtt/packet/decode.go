package packet

// Packet is any control packet but CONNECT, whose version stands inside.
type Packet interface {
	Decode(v Version, first byte, body []byte) error
	Append(dst []byte, v Version) []byte
}

// New returns an empty packet of that type, nil for CONNECT and type 0.
func New(t Type) Packet {
	switch t {
	case CONNACK:
		return &Connack{}
	case PUBLISH:
		return &Publish{}
	case PUBACK, PUBREC, PUBREL, PUBCOMP:
		return &Ack{}
	case SUBSCRIBE:
		return &Subscribe{}
	case SUBACK, UNSUBACK:
		return &Suback{}
	case UNSUBSCRIBE:
		return &Unsubscribe{}
	case PINGREQ, PINGRESP:
		return &Ping{}
	case DISCONNECT, AUTH:
		return &Disconnect{}
	}
	return nil
}

// Decode reads one whole packet, header included, that is no CONNECT. Servers,
// which know what they wait for, call the packets' own Decode.
func Decode(v Version, frame []byte) (Packet, error) {
	h, n, err := ReadHeader(frame)
	if err != nil {
		return nil, err
	}
	switch body := frame[n:]; {
	case n == 0 || len(body) < h.Length:
		return nil, errShort
	case len(body) > h.Length:
		return nil, errSurplus
	default:
		p := New(h.Type())
		if p == nil {
			return nil, errType
		}
		if err := h.Check(v); err != nil {
			return nil, err
		}
		return p, p.Decode(v, h.First, body)
	}
}
