package packet

import "encoding/binary"

// Connect is a CONNECT.
type Connect struct {
	Version     Version
	CleanStart  bool // Clean Session in MQTT 3.1.1
	KeepAlive   uint16
	ClientID    []byte
	HasUser     bool
	User        []byte
	HasPassword bool
	Password    []byte
	HasWill     bool
	Will        Will
	Properties
}

// Will is the message that a client leaves behind.
type Will struct {
	QoS     byte
	Retain  bool
	Topic   []byte
	Payload []byte
	Properties
}

// ErrVersion is the error of a CONNECT whose version is not spoken here, that
// of MQTT 3.1 among them. Connect.Version is then the level that it asked for,
// 3 for MQTT 3.1. [MQTT-3.1.2-2]
var ErrVersion = &Error{UnsupportedVersion, "MQTT-3.1.2-2", "MQTT 3.1.1 and 5 are spoken here"}

var (
	errProtocol  = &Error{UnsupportedVersion, "MQTT-3.1.2-1", "the name of the protocol is not MQTT"}
	errReserved  = malformed("MQTT-3.1.2-3", "the reserved flag of CONNECT is set")
	errWillFlags = malformed("MQTT-3.1.2-11", "QoS or retain of a will are set, and there is no will")
	errWillQoS   = malformed("MQTT-3.1.2-12", "the QoS of the will is 3")
	errPassword  = malformed("MQTT-3.1.2-22", "there is a password and no user name")
	errAuthData  = violation("", "there is authentication data and no method")
)

// Decode reads the body behind the header.
func (p *Connect) Decode(body []byte) error {
	*p = Connect{}
	r := reader{b: body}
	name := string(r.text())
	p.Version = Version(r.byte())
	switch {
	case r.err != nil:
		return r.err
	case name == "MQIsdp" && p.Version == 3, name == "MQTT" && p.Version != V311 && p.Version != V5:
		return ErrVersion
	case name != "MQTT":
		return errProtocol
	}
	flags := r.byte()
	p.KeepAlive = r.uint16()
	p.flags(&r, flags)
	if p.Version == V5 {
		r.properties(&p.Properties, CONNECT)
		if p.Has(AuthData) && !p.Has(AuthMethod) {
			r.fail(errAuthData)
		}
	}
	p.ClientID = r.text()
	if p.HasWill {
		p.will(&r)
	}
	if p.HasUser {
		p.User = r.text()
	}
	if p.HasPassword {
		p.Password = r.binary()
	}
	return r.done()
}

func (p *Connect) flags(r *reader, f byte) {
	p.CleanStart, p.HasWill, p.HasPassword, p.HasUser = f&2 != 0, f&4 != 0, f&0x40 != 0, f&0x80 != 0
	p.Will.QoS, p.Will.Retain = f>>3&3, f&0x20 != 0
	switch {
	case f&1 != 0:
		r.fail(errReserved)
	case p.Will.QoS == 3:
		r.fail(errWillQoS)
	case !p.HasWill && f&0x38 != 0:
		r.fail(errWillFlags)
	case p.Version == V311 && p.HasPassword && !p.HasUser:
		r.fail(errPassword)
	}
}

func (p *Connect) will(r *reader) {
	if p.Version == V5 {
		r.properties(&p.Will.Properties, will)
	}
	p.Will.Topic = r.text()
	p.Will.Payload = r.binary()
	if r.err != nil {
		return
	}
	if err := checkTopic(p.Will.Topic); err != nil {
		r.fail(err)
	}
	if p.Will.Has(ResponseTopic) && checkTopic(p.Will.Bytes(ResponseTopic)) != nil {
		r.fail(errResponse)
	}
}

// Append appends the whole packet, in the version that it names.
func (p *Connect) Append(dst []byte) []byte {
	var f byte
	if p.CleanStart {
		f |= 2
	}
	if p.HasWill {
		f |= 4 | p.Will.QoS<<3
		if p.Will.Retain {
			f |= 0x20
		}
	}
	if p.HasPassword {
		f |= 0x40
	}
	if p.HasUser {
		f |= 0x80
	}
	dst, start := begin(dst, CONNECT.first())
	dst = append(appendBinary(dst, []byte("MQTT")), byte(p.Version), f)
	dst = binary.BigEndian.AppendUint16(dst, p.KeepAlive)
	if p.Version == V5 {
		dst = p.Properties.Append(dst)
	}
	dst = appendBinary(dst, p.ClientID)
	if p.HasWill {
		if p.Version == V5 {
			dst = p.Will.Properties.Append(dst)
		}
		dst = appendBinary(appendBinary(dst, p.Will.Topic), p.Will.Payload)
	}
	if p.HasUser {
		dst = appendBinary(dst, p.User)
	}
	if p.HasPassword {
		dst = appendBinary(dst, p.Password)
	}
	return end(dst, start)
}
