package packet

// Property names a property of MQTT 5.
type Property byte

// The properties.
const (
	PayloadFormat       Property = 0x01
	MessageExpiry       Property = 0x02
	ContentType         Property = 0x03
	ResponseTopic       Property = 0x08
	CorrelationData     Property = 0x09
	SubscriptionID      Property = 0x0B
	SessionExpiry       Property = 0x11
	AssignedClientID    Property = 0x12
	ServerKeepAlive     Property = 0x13
	AuthMethod          Property = 0x15
	AuthData            Property = 0x16
	RequestProblemInfo  Property = 0x17
	WillDelay           Property = 0x18
	RequestResponseInfo Property = 0x19
	ResponseInfo        Property = 0x1A
	ServerReference     Property = 0x1C
	ReasonString        Property = 0x1F
	ReceiveMaximum      Property = 0x21
	TopicAliasMaximum   Property = 0x22
	TopicAlias          Property = 0x23
	MaximumQoS          Property = 0x24
	RetainAvailable     Property = 0x25
	UserProperty        Property = 0x26
	MaximumPacketSize   Property = 0x27
	WildcardAvailable   Property = 0x28
	SubIDAvailable      Property = 0x29
	SharedAvailable     Property = 0x2A
	properties                   = 0x2B
	will                Type     = 0 // the row of the table for a will
)

// form is how a property's value is written.
type form byte

const (
	none form = iota
	oneByte
	flag // a byte that is 0 or 1
	twoBytes
	fourBytes
	varint
	text
	data
	pair
)

// shape says how a property is written and where Properties keeps it.
type shape struct {
	form form
	slot byte
	// positive is for numbers that must not be 0.
	positive bool
}

const (
	numbers = 16
	texts   = 9
)

var shapes = [properties]shape{
	PayloadFormat:       {form: flag, slot: 0},
	MessageExpiry:       {form: fourBytes, slot: 1},
	SessionExpiry:       {form: fourBytes, slot: 2},
	ServerKeepAlive:     {form: twoBytes, slot: 3},
	RequestProblemInfo:  {form: flag, slot: 4},
	WillDelay:           {form: fourBytes, slot: 5},
	RequestResponseInfo: {form: flag, slot: 6},
	ReceiveMaximum:      {form: twoBytes, slot: 7, positive: true},
	TopicAliasMaximum:   {form: twoBytes, slot: 8},
	TopicAlias:          {form: twoBytes, slot: 9},
	MaximumQoS:          {form: flag, slot: 10},
	RetainAvailable:     {form: flag, slot: 11},
	MaximumPacketSize:   {form: fourBytes, slot: 12, positive: true},
	WildcardAvailable:   {form: flag, slot: 13},
	SubIDAvailable:      {form: flag, slot: 14},
	SharedAvailable:     {form: flag, slot: 15},

	ContentType:      {form: text, slot: 0},
	ResponseTopic:    {form: text, slot: 1},
	CorrelationData:  {form: data, slot: 2},
	AssignedClientID: {form: text, slot: 3},
	AuthMethod:       {form: text, slot: 4},
	AuthData:         {form: data, slot: 5},
	ResponseInfo:     {form: text, slot: 6},
	ServerReference:  {form: text, slot: 7},
	ReasonString:     {form: text, slot: 8},

	SubscriptionID: {form: varint, positive: true},
	UserProperty:   {form: pair},
}

func set(ps ...Property) uint64 {
	var m uint64
	for _, p := range ps {
		m |= 1 << p
	}
	return m
}

// allowed are the properties that a packet may have: table 2-4 of the standard.
var allowed = [16]uint64{
	will: set(PayloadFormat, MessageExpiry, ContentType, ResponseTopic, CorrelationData, WillDelay, UserProperty),
	CONNECT: set(SessionExpiry, AuthMethod, AuthData, RequestProblemInfo, RequestResponseInfo, ReceiveMaximum,
		TopicAliasMaximum, UserProperty, MaximumPacketSize),
	CONNACK: set(SessionExpiry, AssignedClientID, ServerKeepAlive, AuthMethod, AuthData, ResponseInfo, ServerReference, ReasonString,
		ReceiveMaximum, TopicAliasMaximum, MaximumQoS, RetainAvailable, UserProperty, MaximumPacketSize, WildcardAvailable,
		SubIDAvailable, SharedAvailable),
	PUBLISH: set(PayloadFormat, MessageExpiry, ContentType, ResponseTopic, CorrelationData, SubscriptionID, TopicAlias,
		UserProperty),
	PUBACK:      set(ReasonString, UserProperty),
	PUBREC:      set(ReasonString, UserProperty),
	PUBREL:      set(ReasonString, UserProperty),
	PUBCOMP:     set(ReasonString, UserProperty),
	SUBSCRIBE:   set(SubscriptionID, UserProperty),
	SUBACK:      set(ReasonString, UserProperty),
	UNSUBSCRIBE: set(UserProperty),
	UNSUBACK:    set(ReasonString, UserProperty),
	DISCONNECT:  set(SessionExpiry, ServerReference, ReasonString, UserProperty),
	AUTH:        set(AuthMethod, AuthData, ReasonString, UserProperty),
}
