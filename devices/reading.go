package devices

import (
	"encoding/json"
	"time"
)

// Reading is what one device measured at one instant. Its identity is
// (Key, Time, field name): the same reading stored twice is stored once.
// Values are always finite float64; booleans become 0 and 1.
type Reading struct {
	Key    Key
	Model  string
	Time   time.Time
	Fields []Field
}

// Field is one measured value, in the unit that the model states.
type Field struct {
	Name  string
	Value float64
}

// EventKind says which topic a device event came in on.
type EventKind string

// The kinds of device event.
const (
	EventState     EventKind = "state"     // .../state: {"online":true}; the last will says false
	EventHappening EventKind = "event"     // .../event: anything the firmware wants to tell
	EventAck       EventKind = "ack"       // .../cmd/{id}/ack: {"ok":true} or {"ok":false,"error":"..."}
	EventConnected EventKind = "connected" // from the broker itself, not from a topic: {"connected":true}
)

// Event is a device message that is no reading. ID is the command's id for
// EventAck, else empty. Payload is valid JSON.
type Event struct {
	Key      Key             `json:"key"`
	Kind     EventKind       `json:"kind"`
	ID       string          `json:"id,omitempty"`
	Received time.Time       `json:"received"`
	Payload  json.RawMessage `json:"payload"`
}

// Command asks a device to do something. It is published, QoS 1, to
// fleet/{tenant}/{device}/cmd/{ID} and repeated until the device acknowledges
// it or it expires; a device does each ID once.
type Command struct {
	ID      string         `json:"id"`
	Key     Key            `json:"key"`
	Name    string         `json:"name"`
	Args    map[string]any `json:"args,omitempty"`
	Issued  time.Time      `json:"issued"`
	Expires time.Time      `json:"expires"`
}
