package formats

import "time"

// Decoded is what became of one payload. Rejected is set if nothing of it could
// be read; then nothing else is. Refused are parts that are wrong, Skipped are
// parts that are right but no measurement: each with its reason, so that
// nothing disappears in silence. Unlisted counts the values that the fields of
// the options left out because they name others. [FM-1.1]
type Decoded struct {
	Samples  []Sample  `json:"samples,omitempty"`
	Hints    []Hint    `json:"hints,omitempty"`
	Events   []Event   `json:"events,omitempty"`
	Requests []Request `json:"requests,omitempty"`
	Rejected *Refusal  `json:"rejected,omitempty"`
	Refused  []Refusal `json:"refused,omitempty"`
	Skipped  []Refusal `json:"skipped,omitempty"`
	Unlisted int       `json:"unlisted,omitempty"`
}

// Sample is one value of one quantity at one instant. Device is an identifier
// [TP-1.1], empty for the one that the topic's rule names or else the
// publisher. Channel is the format's own name of the quantity, Metric the name
// in Forecare [TP-1.3]. Unit is as the payload or the options say, empty if
// neither does.
type Sample struct {
	Device     string    `json:"device,omitempty"`
	Channel    string    `json:"channel"`
	Metric     string    `json:"metric"`
	Value      Value     `json:"value"`
	Unit       string    `json:"unit,omitempty"`
	Time       time.Time `json:"time"`
	Clock      Clock     `json:"clock"`
	Historical bool      `json:"historical,omitempty"` // backfill: store it, raise no alarm for now
}

// Clock says whose time a sample has.
type Clock string

// The clocks.
const (
	DeviceClock   Clock = "device"   // the payload says when
	ReceivedClock Clock = "received" // it does not, or not usably: the moment of receipt
)

// Request is a message that the standard expects back, such as Sparkplug's
// request for a rebirth. It is published with QoS 0, not retained.
type Request struct {
	Topic   string `json:"topic"`
	Payload []byte `json:"payload"`
	Why     string `json:"why"`
}
