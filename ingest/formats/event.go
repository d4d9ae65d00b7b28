package formats

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/forecare/forecare/devices"
)

// EventKind says what happened.
type EventKind string

// The kinds of event.
const (
	Online    EventKind = "online"
	Offline   EventKind = "offline"
	Answered  EventKind = "answered"  // the device's answer to command ID
	Happening EventKind = "happening" // anything else that the device wants to tell
)

// Event is something that a device tells beside its readings. Device is an
// identifier, empty as in Sample. ID is the command's for Answered, else empty.
// Payload is valid JSON or nil. Error is the device's own words if it failed.
type Event struct {
	Device  string          `json:"device,omitempty"`
	Kind    EventKind       `json:"kind"`
	ID      string          `json:"id,omitempty"`
	Time    time.Time       `json:"time"`
	Payload json.RawMessage `json:"payload,omitempty"`
	Error   string          `json:"error,omitempty"`
}

// DeviceEvent returns the event in the form that [TP-8.2] gives it. The device
// of k is used if the event names none.
func (e Event) DeviceEvent(k devices.Key, received time.Time) devices.Event {
	if e.Device != "" {
		k.Device = e.Device
	}
	out := devices.Event{Key: k, Received: received, Kind: devices.EventState}
	switch e.Kind {
	case Online:
		out.Payload = json.RawMessage(`{"online":true}`)
	case Offline:
		out.Payload = json.RawMessage(`{"online":false}`)
	case Answered:
		out.Kind, out.ID = devices.EventAck, e.ID
		out.Payload = e.answer()
	default:
		out.Kind = devices.EventHappening
		if out.Payload = e.Payload; out.Payload == nil {
			out.Payload = json.RawMessage("null")
		}
	}
	return out
}

func (e Event) answer() json.RawMessage {
	if e.Error != "" {
		text, err := json.Marshal(e.Error)
		if err != nil { // a string always can be
			text = []byte(strconv.QuoteToASCII(e.Error))
		}
		return json.RawMessage(`{"ok":false,"error":` + string(text) + `}`)
	}
	if e.Payload == nil {
		return json.RawMessage(`{"ok":true}`)
	}
	return json.RawMessage(`{"ok":true,"result":` + string(e.Payload) + `}`)
}
