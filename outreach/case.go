package outreach

import (
	"encoding/json"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
)

// State is where a case stands.
type State string

// The states. Opened, Offered, Scheduled, InProgress, Done and Reopened are
// open: a device has at most one open case. Verified, Dismissed and Withdrawn
// are final.
const (
	Opened     State = "opened"      // known to us, the owner not told
	Offered    State = "offered"     // the owner has an offer of times
	Scheduled  State = "scheduled"   // a time is booked
	InProgress State = "in_progress" // the remedy is under way
	Done       State = "done"        // the remedy is done; telemetry has not yet proved it
	Verified   State = "verified"    // telemetry proved it
	Dismissed  State = "dismissed"   // an agent found nothing to do
	Withdrawn  State = "withdrawn"   // the trouble went away by itself
	Reopened   State = "reopened"    // the remedy did not hold
)

// Open reports whether the state is one of the open ones.
func (s State) Open() bool {
	return s != Verified && s != Dismissed && s != Withdrawn
}

// Case is one matter of care for one device. Times are wall clock, except
// inside Findings, whose times are event time. ID is derived from the finding
// that opened it, so a finding delivered twice opens one case.
type Case struct {
	ID          string            `json:"id"`
	Key         devices.Key       `json:"key"`
	Model       string            `json:"model"`
	Owner       string            `json:"owner,omitempty"` // contact id; "" means nobody to write to
	State       State             `json:"state"`
	Findings    []anomaly.Finding `json:"findings"` // newest revision of each, first the one that opened it
	Remedy      string            `json:"remedy,omitempty"`
	Window      Window            `json:"window"`
	Appointment *Appointment      `json:"appointment,omitempty"`
	Bothering   time.Time         `json:"bothering,omitzero"` // when the owner said they feel it
	Urgency     float64           `json:"urgency"`            // 0 can wait .. 1 is noticed already
	Opened      time.Time         `json:"opened"`
	Updated     time.Time         `json:"updated"`
	Finished    time.Time         `json:"finished,omitzero"`   // when the remedy was done
	Attention   string            `json:"attention,omitempty"` // why it does not go on without an agent
	Attempt     int               `json:"attempt,omitempty"`   // how often the remedy was started
	Next        time.Time         `json:"next,omitzero"`       // when Forecare looks at it again by itself
	Version     int               `json:"version"`             // Seq of its last event
}

// Finding returns the finding that matters most: the first that is not
// cleared, else the first.
func (c *Case) Finding() *anomaly.Finding {
	for i := range c.Findings {
		if c.Findings[i].Status != anomaly.Cleared {
			return &c.Findings[i]
		}
	}
	if len(c.Findings) == 0 {
		return nil
	}
	return &c.Findings[0]
}

// Window bounds the times that are offered. It ends before the owner would
// notice (forecast P10), and after three days without a forecast.
type Window struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// Slot is a time that a technician (or, for a remote remedy, the platform) has
// free. ID names technician and start. Zone is the site's.
type Slot struct {
	ID         string    `json:"id"`
	Technician string    `json:"technician"`
	Start      time.Time `json:"start"`
	End        time.Time `json:"end"`
	Zone       string    `json:"zone"`
}

// Appointment is a booked slot. Sequence counts its changes, as iCalendar
// wants it.
type Appointment struct {
	Slot
	Booked   time.Time `json:"booked"`
	Sequence int       `json:"sequence"`
}

// Event is one entry of a case's append-only history; the case is its
// projection. Seq counts from 1 within the case. Actor is "forecare",
// "device", "owner" or a user's e-mail address.
type Event struct {
	Case  string          `json:"case"`
	Seq   int             `json:"seq"`
	At    time.Time       `json:"at"`
	Kind  EventKind       `json:"kind"`
	Actor string          `json:"actor"`
	Data  json.RawMessage `json:"data,omitempty"`
}

// EventKind names what happened to a case.
type EventKind string

// The kinds of case event. Their Data is stated behind each.
const (
	EventOpened    EventKind = "opened"           // {"finding":id,"status":..,"kind":..,"reason":text,"size":number,"at":event time}
	EventFinding   EventKind = "finding"          // the same: joined, cleared, or changed enough to be news
	EventOffered   EventKind = "offered"          // {"window":Window,"messages":[id]}
	EventMessage   EventKind = "message"          // {"message":id,"channel":..,"state":sent|failed|suppressed|unknown,"detail":text}; message "" if there was nobody to write to
	EventBooked    EventKind = "booked"           // {"slot":Slot,"previous":Slot|null}
	EventUnbooked  EventKind = "booking_canceled" // {"slot":Slot}
	EventBothering EventKind = "bothering"        // {"text":text}
	EventOptedOut  EventKind = "opted_out"        // {"channel":name or "all"}
	EventOptedIn   EventKind = "opted_in"         // {"channel":name}
	EventNote      EventKind = "note"             // {"text":text}
	EventStarted   EventKind = "started"          // {"remedy":id,"command":id or ""}
	EventCommand   EventKind = "command"          // {"command":id,"ok":bool,"error":text}: the device's answer, or its absence
	EventDone      EventKind = "done"             // {"note":text}
	EventVerified  EventKind = "verified"         // {"finding":id}
	EventReopened  EventKind = "reopened"         // {"reason":text}
	EventDismissed EventKind = "dismissed"        // {"reason":text}
	EventWithdrawn EventKind = "withdrawn"        // {"reason":text}
)
