package packet

// Version is the protocol level of CONNECT. [MQTT-3.1.2-2]
type Version byte

// The versions that are spoken here.
const (
	V311 Version = 4
	V5   Version = 5
)

// Type is the kind of a control packet.
type Type byte

// The control packets.
const (
	CONNECT     Type = 1
	CONNACK     Type = 2
	PUBLISH     Type = 3
	PUBACK      Type = 4
	PUBREC      Type = 5
	PUBREL      Type = 6
	PUBCOMP     Type = 7
	SUBSCRIBE   Type = 8
	SUBACK      Type = 9
	UNSUBSCRIBE Type = 10
	UNSUBACK    Type = 11
	PINGREQ     Type = 12
	PINGRESP    Type = 13
	DISCONNECT  Type = 14
	AUTH        Type = 15 // MQTT 5 only
)

var typeNames = [16]string{
	"packet 0", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE", "SUBACK",
	"UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH",
}

// String returns the name that the standard gives the packet.
func (t Type) String() string { return typeNames[t&15] }

// flags are the lower four bits of a packet's first byte. Those of PUBLISH mean
// something, the others are fixed. [MQTT-2.1.3-1]
func (t Type) flags() byte {
	switch t {
	case PUBREL, SUBSCRIBE, UNSUBSCRIBE:
		return 2
	}
	return 0
}

// first returns the first byte of such a packet.
func (t Type) first() byte { return byte(t)<<4 | t.flags() }
