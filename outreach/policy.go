package outreach

import "time"

// Policy is data.
type Policy struct {
	Version string `json:"version" yaml:"version"`
}

// DefaultPolicy returns the policy of a maker who has not written one.
func DefaultPolicy() Policy { return Policy{} }

// Verdict is what policy says to one message.
type Verdict string

// The verdicts.
const (
	Allow Verdict = "allow"
	Defer Verdict = "defer" // not before Until
	Deny  Verdict = "deny"
)

// Decision is policy's word on one message, stored with it. Rule names the
// rule that decided; Until is when a Defer ends, or when a Deny may be asked
// again, zero if never. Policy is the version that was asked, At when.
type Decision struct {
	Verdict Verdict   `json:"verdict"`
	Rule    string    `json:"rule"`
	Until   time.Time `json:"until,omitzero"`
	Policy  string    `json:"policy"`
	At      time.Time `json:"at"`
}
