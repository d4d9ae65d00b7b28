package formats

import "fmt"

// Reason says in one word why something was not taken. Those that docs/protocol.md
// knows have its words.
type Reason string

// The reasons.
const (
	BadTopic       Reason = "bad_topic"       // the format has no such topic
	BadPayload     Reason = "bad_payload"     // not of the format's form
	TooLarge       Reason = "too_large"       // over a limit of this package
	NotANumber     Reason = "not_a_number"    // a value that should be a finite number is none
	NoFields       Reason = "no_fields"       // nothing in it
	UnknownMetric  Reason = "unknown_metric"  // named by an alias that no birth has explained
	Unsupported    Reason = "unsupported"     // the format has it, Forecare does not read it
	NotMeasurement Reason = "not_measurement" // understood, and by its nature nothing to store
	Stale          Reason = "stale"           // about a session that is over
)

// Refusal is something that was not taken. Detail is one English sentence for
// the device's maker. Path is the place in the payload, empty for the whole.
type Refusal struct {
	Reason Reason `json:"reason"`
	Path   string `json:"path,omitempty"`
	Detail string `json:"detail"`
}

// Error makes a Refusal an error.
func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Detail }

func refusef(r Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: r, Detail: fmt.Sprintf(format, args...)}
}
