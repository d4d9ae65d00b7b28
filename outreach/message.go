package outreach

import (
	"context"
	"time"

	"github.com/forecare/forecare/anomaly"
)

// Purpose says why a message is sent.
type Purpose string

// The purposes.
const (
	Offer        Purpose = "offer"        // we would like to calibrate your device
	Confirmation Purpose = "confirmation" // your time is booked, changed
	Cancellation Purpose = "cancellation" // your time is given back
	AllWell      Purpose = "all_well"     // done and verified
	Sorry        Purpose = "sorry"        // it did not hold, we would like to come again
)

// MessageState is where a message stands.
type MessageState string

// The states. Pending and Sending are not final. Unknown means that it may
// have gone out and must not be sent again.
const (
	Pending    MessageState = "pending"
	Sending    MessageState = "sending" // leased by a dispatcher
	Sent       MessageState = "sent"
	Failed     MessageState = "failed"
	Suppressed MessageState = "suppressed" // policy said no; Detail says which rule
	Unknown    MessageState = "unknown"
)

// Message is one logical send: ID is derived from case, purpose, step and
// recipient, and there is one message of an ID whatever is restarted or
// replayed. Step counts the repetitions of a purpose within a case.
type Message struct {
	ID        string       `json:"id"`
	Tenant    string       `json:"tenant"`
	Case      string       `json:"case"`
	Purpose   Purpose      `json:"purpose"`
	Step      int          `json:"step"`
	Recipient string       `json:"recipient"` // contact id
	Channel   string       `json:"channel"`
	Address   string       `json:"-"` // never in an answer or a log
	Lang      string       `json:"lang"`
	Content   Content      `json:"content"`
	State     MessageState `json:"state"`
	Detail    string       `json:"detail,omitempty"` // last error, or the rule that suppressed it
	Attempts  int          `json:"attempts"`
	Created   time.Time    `json:"created"`
	Due       time.Time    `json:"due"`
	SentAt    time.Time    `json:"sent_at,omitzero"`
	Provider  string       `json:"provider,omitempty"` // the provider's own id for it
	Tried     time.Time    `json:"tried,omitzero"`     // first handed to the channel
	Decision  Decision     `json:"decision"`           // policy's last word on it
	Leased    string       `json:"-"`                  // names the dispatcher that has, or had, it
}

// Content is a message as its reader sees it, composed for one language. HTML
// refers to the picture, where there is one, as cid:drift.png.
type Content struct {
	Subject     string `json:"subject"`
	Text        string `json:"text"`
	HTML        string `json:"html"`
	Dir         string `json:"dir"` // ltr or rtl
	OwnerURL    string `json:"owner_url"`
	Unsubscribe string `json:"unsubscribe"` // one-click (RFC 8058) URL
	Calendar    string `json:"calendar,omitempty"`
}

// Facts is all that a message may say.
type Facts struct {
	Purpose     Purpose
	Lang        string // BCP 47 primary language of the recipient
	Zone        string // of the site: all times are shown in it, and named
	Brand       string // who writes
	Name        string // of the recipient
	Device      string // in the owner's words: "espresso machine"
	Site        string
	Metric      string // in the owner's words: "brewing temperature"
	Remedy      string // in the owner's words: "a short calibration"
	Duration    time.Duration
	Remote      bool // no visit needed
	Finding     anomaly.Finding
	Window      Window
	Appointment *Appointment
	OwnerURL    string
	Unsubscribe string
	ByItself    bool // AllWell, Cancellation: the trouble went away, nothing was done
}

// Composer writes messages. Compose is pure; it may be called concurrently.
type Composer interface {
	Compose(f Facts) (Content, error)
	Languages() []string // those it has templates for; others get English
}

// Envelope is what a Channel carries: ID is the idempotency key, Picture a PNG
// or nil. From is the sender's name.
type Envelope struct {
	ID      string
	Case    string
	Purpose Purpose
	To      string
	Name    string
	Lang    string
	Brand   string
	Content Content
	Picture []byte
}

// Receipt is a provider's word that it has taken a message.
type Receipt struct {
	Provider string // its id for the message
}

// Channel carries messages to people. Send returns nil only if the provider
// has taken the message, otherwise a *SendError. It obeys ctx, is safe for
// concurrent use, and logs neither address nor content.
type Channel interface {
	Name() string
	// Idempotent reports whether sending an Envelope of the same ID again is
	// harmless, so that an unknown outcome may be resent.
	Idempotent() bool
	Send(ctx context.Context, e Envelope) (Receipt, error)
}

// SendError says what becomes of a message that was not taken.
type SendError struct {
	Class SendClass
	After time.Duration // for Transient: not before this, if positive
	Err   error         // without the address
}

// Error returns the cause's text with its class.
func (e *SendError) Error() string { return string(e.Class) + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *SendError) Unwrap() error { return e.Err }

// SendClass is what a failed send means.
type SendClass string

// The classes.
const (
	Transient      SendClass = "transient" // try again with back-off
	BadAddress     SendClass = "address"   // this address is dead
	BadContent     SendClass = "content"   // the provider refuses the message itself
	BadConfig      SendClass = "config"    // credentials, quota, account: the whole channel waits
	UnknownOutcome SendClass = "unknown"   // it may have gone out
)
