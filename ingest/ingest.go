package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/forecare/forecare/devices"
)

// Message is one publish as it came in at a door (the embedded broker, or a
// subscriber to an external one). Publisher is the authenticated device; the
// topic may name another device if that one sits behind it.
type Message struct {
	Publisher devices.Key
	Topic     string
	Payload   []byte // kept until done is called; the door must not reuse it before
	Received  time.Time
}

// Outcome tells the door how to acknowledge. Exactly one of three holds:
//   - Err != nil: a passing fault of ours. Withhold the acknowledgement and
//     close the connection, so that the device sends again.
//   - Rejected != nil: the message as a whole can never be accepted. It is
//     durable in the dead letters. Acknowledge it, with the reason code where
//     the protocol has one; the device must not send it again.
//   - neither: everything in it is durable, Stored readings or events in the
//     log and DeadLetters parts of it (bad elements of a list) with a reason.
type Outcome struct {
	Err         error
	Rejected    *Rejection
	Stored      int
	DeadLetters int
}

// Reason says in one word why something was not accepted. docs/protocol.md
// gives each a clause.
type Reason string

// The reasons. The broker adds not_authorized for topics outside the
// publisher's own.
const (
	BadTopic      Reason = "bad_topic"      // not in the topic grammar
	NotAuthorized Reason = "not_authorized" // the topic names a device that the publisher may not speak for
	UnknownDevice Reason = "unknown_device" // not registered
	DeviceOff     Reason = "device_disabled"
	UnknownModel  Reason = "unknown_model"  // the device's model is not imported
	BadPayload    Reason = "bad_payload"    // neither JSON nor line protocol of the stated form
	TooLarge      Reason = "too_large"      // over the limit in bytes or in readings
	NoFields      Reason = "no_fields"      // no metric in it
	UnknownMetric Reason = "unknown_metric" // the model has no metric of that name
	NotANumber    Reason = "not_a_number"   // a metric's value is no finite number
	OutOfRange    Reason = "out_of_range"   // outside the model's physical range
	ClockPast     Reason = "clock_past"     // event time before the accepted past (1970 and the like)
	ClockFuture   Reason = "clock_future"   // event time too far ahead of ours
	StoreRefused  Reason = "store_refused"  // the readings store refuses the line itself
)

// MQTT returns the MQTT 5 reason code of the rejection, one of those allowed in
// a PUBACK: 0x87 not authorized, 0x90 topic name invalid, 0x97 quota exceeded
// (0x95, packet too large, is for DISCONNECT only), 0x99 payload format invalid.
func (r Reason) MQTT() byte {
	switch r {
	case NotAuthorized, UnknownDevice, DeviceOff:
		return 0x87
	case BadTopic:
		return 0x90
	case TooLarge:
		return 0x97
	default:
		return 0x99
	}
}

// Rejection is a permanent refusal. Detail tells the device maker what to
// mend.
type Rejection struct {
	Reason Reason
	Detail string
}

func rejectf(r Reason, format string, args ...any) *Rejection {
	return &Rejection{Reason: r, Detail: fmt.Sprintf(format, args...)}
}

// Error makes a Rejection an error.
func (r *Rejection) Error() string { return string(r.Reason) + ": " + r.Detail }

// DeadLetter is a refused input, whole or in part, as it is kept on stream
// DEADLETTER. Seq is its sequence there (0 before it is stored). Parts counts
// the readings of one message that are put together in it; it is 1 for a
// single reading and for a message that was not taken apart. [TP-6]
type DeadLetter struct {
	Seq       uint64      `json:"seq,omitempty"`
	Publisher devices.Key `json:"publisher"`
	Topic     string      `json:"topic"`
	Reason    Reason      `json:"reason"`
	Detail    string      `json:"detail"`
	Payload   []byte      `json:"payload"` // truncated to 64 KiB; Size is the original length
	Size      int         `json:"size"`
	Parts     int         `json:"parts"`
	Received  time.Time   `json:"received"`
}

// Log keeps what was accepted. Every method returns nil only when its argument
// is stored durably; the MQTT acknowledgement depends on it. After an error it
// may be stored or not. They may be called concurrently and keep nothing of
// their arguments. A full log is a devices.Unavailable error. [TP-4.1] [TP-4.6]
type Log interface {
	// AppendTelemetry stores lines (line protocol, each ended by LF) as one
	// message of the shard.
	AppendTelemetry(ctx context.Context, shard int, lines []byte) error
	AppendDeadLetter(ctx context.Context, d DeadLetter) error
	AppendEvent(ctx context.Context, e devices.Event) error
}

// Store keeps readings for queries. Write may be given the same lines again
// and must then change nothing. Its error is a *WriteError.
type Store interface {
	Write(ctx context.Context, lines []byte) error
}

// WriteError says what the Writer has to do about a failed Write.
type WriteError struct {
	Kind  WriteErrorKind
	After time.Duration // for Busy: wait this long, if positive
	Err   error
}

// Error returns the cause's text.
func (e *WriteError) Error() string {
	if e.Err == nil {
		return "the readings store did not say why"
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *WriteError) Unwrap() error { return e.Err }

// WriteErrorKind classifies a failed Write.
type WriteErrorKind int

// The kinds of failed Write.
const (
	Busy     WriteErrorKind = iota // 429, 5xx, network: wait and send the same again
	BadLines                       // 400, 422: some line is refused; find it by bisection
	TooBig                         // 413: send halves
	Refused                        // 401, 403, 404: nobody can store anything; stop and say so
)
