package packet

// Code is a reason code of MQTT 5, or a return code of MQTT 3.1.1's CONNACK and
// SUBACK.
type Code byte

// The reason codes of MQTT 5.
const (
	Success               Code = 0x00 // also "normal disconnection" and "granted QoS 0"
	DisconnectWithWill    Code = 0x04
	NoMatchingSubscribers Code = 0x10
	NoSubscriptionExisted Code = 0x11
	ContinueAuth          Code = 0x18
	ReAuthenticate        Code = 0x19
	Unspecified           Code = 0x80
	Malformed             Code = 0x81
	ProtocolError         Code = 0x82
	ImplementationError   Code = 0x83
	UnsupportedVersion    Code = 0x84
	BadClientID           Code = 0x85
	BadUserOrPassword     Code = 0x86
	NotAuthorized         Code = 0x87
	ServerUnavailable     Code = 0x88
	ServerBusy            Code = 0x89
	Banned                Code = 0x8A
	ShuttingDown          Code = 0x8B
	BadAuthMethod         Code = 0x8C
	KeepAliveTimeout      Code = 0x8D
	TakenOver             Code = 0x8E
	FilterInvalid         Code = 0x8F
	TopicInvalid          Code = 0x90
	IDInUse               Code = 0x91
	IDNotFound            Code = 0x92
	ReceiveExceeded       Code = 0x93
	AliasInvalid          Code = 0x94
	PacketTooLarge        Code = 0x95
	RateTooHigh           Code = 0x96
	QuotaExceeded         Code = 0x97
	AdministrativeAction  Code = 0x98
	PayloadInvalid        Code = 0x99
	RetainUnsupported     Code = 0x9A
	QoSUnsupported        Code = 0x9B
	UseAnotherServer      Code = 0x9C
	ServerMoved           Code = 0x9D
	SharedUnsupported     Code = 0x9E
	ConnectionRate        Code = 0x9F
	MaximumConnectTime    Code = 0xA0
	SubIDsUnsupported     Code = 0xA1
	WildcardsUnsupported  Code = 0xA2
)

// The return codes of MQTT 3.1.1's CONNACK.
const (
	Return3Version     Code = 1
	Return3ClientID    Code = 2
	Return3Unavailable Code = 3
	Return3BadUser     Code = 4
	Return3NotAllowed  Code = 5
)

// Return3 translates the reason code of a CONNACK into MQTT 3.1.1's.
func (c Code) Return3() Code {
	switch c {
	case Success:
		return Success
	case UnsupportedVersion:
		return Return3Version
	case BadClientID:
		return Return3ClientID
	case BadUserOrPassword:
		return Return3BadUser
	case NotAuthorized, Banned:
		return Return3NotAllowed
	}
	return Return3Unavailable
}

// Error is what is wrong with a packet.
type Error struct {
	Code   Code
	Clause string // of the standard, "" for prose without a number
	Text   string
}

// Error returns a sentence for the one who wrote the client.
func (e *Error) Error() string {
	if e.Clause == "" {
		return e.Text
	}
	return e.Text + " [" + e.Clause + "]"
}

func malformed(clause, text string) *Error { return &Error{Malformed, clause, text} }

func violation(clause, text string) *Error { return &Error{ProtocolError, clause, text} }

// The errors are values, so that hostile input costs no memory.
var (
	errShort      = malformed("", "the packet ends too early")
	errSurplus    = malformed("", "there is something behind the end of the packet")
	errVarint     = malformed("MQTT-1.5.5-1", "a variable byte integer is longer than it may be")
	errUTF8       = malformed("MQTT-1.5.4-1", "a string is not UTF-8")
	errNull       = malformed("MQTT-1.5.4-2", "a string holds the character U+0000")
	errFlags      = malformed("MQTT-2.1.3-1", "the reserved flags of the packet's first byte are not as they must be")
	errType       = malformed("", "packets of type 0 are forbidden")
	errAuth3      = malformed("", "MQTT 3.1.1 has no AUTH")
	errID         = violation("MQTT-2.2.1-3", "the packet identifier is 0")
	errReason     = malformed("", "the packet may not have this reason code")
	errWildcard   = violation("MQTT-3.3.2-2", "a topic name holds a wildcard")
	errEmptyTopic = violation("MQTT-4.7.3-1", "the topic name is empty")
)
