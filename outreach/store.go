package outreach

import (
	"context"
	"errors"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
)

// Store keeps cases with all that belongs to them. internal/sqlstore's DB is
// one; outreach/casetest holds what every Store has to pass.
type Store interface {
	// ChangeCase reads the View that at names, lets decide turn it into a
	// Change and stores that, all in one transaction. If somebody else changed
	// the same rows meanwhile, decide runs again on a fresh View, so it must
	// have no effect but its result. A nil Change stores nothing. An error of
	// decide stores nothing and is returned as it is; if the Change books a
	// place that somebody else holds, it is ErrPlaceTaken.
	ChangeCase(ctx context.Context, at Ref, decide func(View) (*Change, error)) error

	// Case returns a case with its findings, devices.NotFound if there is none.
	Case(ctx context.Context, tenant, id string) (*Case, error)
	// Cases returns a page of cases, most urgent first.
	Cases(ctx context.Context, f CaseFilter) (CasePage, error)
	// CaseCounts counts the cases of all tenants by state.
	CaseCounts(ctx context.Context) (map[State]int, error)
	// DueCases names up to limit open cases whose Next is not after now.
	DueCases(ctx context.Context, now time.Time, limit int) ([]Ref, error)
	// Timeline returns a case's events in order.
	Timeline(ctx context.Context, tenant, id string) ([]Event, error)
	// CaseMessages returns a case's messages, oldest first.
	CaseMessages(ctx context.Context, tenant, id string) ([]Message, error)
	// Findings returns findings in their newest revision, newest first.
	Findings(ctx context.Context, f FindingFilter) ([]anomaly.Finding, error)
	// Bookings returns the active bookings of a tenant that end after from.
	Bookings(ctx context.Context, tenant string, from time.Time) ([]Booking, error)

	// Command returns a command with the device's answer, devices.NotFound if
	// there is none.
	Command(ctx context.Context, tenant, id string) (SentCommand, error)
	// DueCommands takes up to limit commands that have neither been answered
	// nor expired and were last sent before `before`, and marks them as sent
	// at now: of two processes that ask, one gets each command.
	DueCommands(ctx context.Context, now, before time.Time, limit int) ([]devices.Command, error)
	// ExpiredCommands returns up to limit commands that expired unanswered.
	ExpiredCommands(ctx context.Context, now time.Time, limit int) ([]SentCommand, error)
	// ReviveAddress forgets that a contact's address on a channel was dead.
	ReviveAddress(ctx context.Context, tenant, contact, channel string) error
}

// Outbox is the dispatcher's side of the store.
type Outbox interface {
	// LeaseMessages takes up to l.Limit pending messages that are due, oldest
	// first, marks them Sending and counts the attempt, before it returns.
	LeaseMessages(ctx context.Context, l Lease) ([]Message, error)
	// SettleMessages stores what became of leased messages, together with
	// their case events, in one transaction. One whose lease has passed to
	// somebody else is left alone; the others' indexes are returned.
	SettleMessages(ctx context.Context, s []Settlement) ([]int, error)
	// ExpiredLeases returns up to limit messages whose lease ended before now.
	ExpiredLeases(ctx context.Context, now time.Time, limit int) ([]Message, error)
	// Touches returns the messages to a contact that were written since, and
	// were sent or still may be, oldest first.
	Touches(ctx context.Context, tenant, contact string, since time.Time) ([]Touch, error)
	// DeadAddresses returns the fingerprints (see Fingerprint) of a contact's
	// addresses that a provider has called dead.
	DeadAddresses(ctx context.Context, tenant, contact string) ([]string, error)
	// OutboxDepth counts the messages that are not final, by channel.
	OutboxDepth(ctx context.Context) (map[string]int, error)
	// Case is Store.Case.
	Case(ctx context.Context, tenant, id string) (*Case, error)
}

// Directory knows devices, models and people. internal/sqlstore's DB is one.
type Directory interface {
	Device(ctx context.Context, key devices.Key) (devices.Device, error)
	Model(ctx context.Context, tenant, id string) (devices.Model, error)
	Contact(ctx context.Context, tenant, id string) (devices.Contact, error)
	// SetConsent stores a yes or a no; channel "" means all.
	SetConsent(ctx context.Context, tenant, contact, channel string, granted bool, at time.Time) error
	AddAddress(ctx context.Context, tenant, contact string, a devices.Address) error
}

// Commander hands a command to the device, if it is connected. An error or a
// silent loss is no harm: the Desk repeats the command until it is answered.
type Commander interface {
	SendCommand(ctx context.Context, c devices.Command) error
}

// ErrPlaceTaken is in the chain of ChangeCase's error if somebody else holds a
// cell of the place that the Change books.
var ErrPlaceTaken = errors.New("the place in the calendar is taken")

// Ref names the case that a change is about: Case by id; or, if that is empty,
// the case that Finding belongs to, or else the open case of Device. Contact
// and the two times say what else the View has to hold.
type Ref struct {
	Tenant  string
	Case    string
	Device  string
	Finding string
	Command string    // which command to read; "" for the case's newest
	Contact string    // whose touches and dead addresses to read; "" for none
	Since   time.Time // touches written since
	From    time.Time // bookings that end after
}

// View is what a decision may look at, read in the transaction that stores it.
type View struct {
	Case     *Case            // nil if there is none
	Finding  *anomaly.Finding // the newest known revision of Ref.Finding, nil if never seen
	Events   []Event          // of the case, in order
	Messages []Message        // of the case, oldest first, without Content
	Command  *SentCommand     // Ref.Command or the case's newest, nil if there is none
	Bookings []Booking        // active ones of the tenant
	Touches  []Touch          // of the contact, over all cases, oldest first
	Dead     []string         // fingerprints of the contact's dead addresses
}

// Change is what a decision stores.
type Change struct {
	Case     *Case            // the new projection; nil if only Finding is stored
	Events   []Event          // appended; Seq goes on from the View's
	Finding  *anomaly.Finding // new or newer revision
	Messages []Message        // new rows of the outbox
	Suppress []Suppression    // pending messages that must not go out any more
	GiveBack bool             // the case's active booking ends
	Booking  *Booking         // a new one, after GiveBack
	Command  *SentCommand     // new, or answered
}

// Suppression takes a pending message back.
type Suppression struct {
	Message  string
	Decision Decision
}

// Booking is a place in a technician's calendar that a case holds. Place
// counts from 0 below the technician's Places.
type Booking struct {
	Slot
	Tenant string
	Case   string
	Place  int
	Booked time.Time
}

// SentCommand is a command with what came of it.
type SentCommand struct {
	devices.Command
	Case     string
	Sent     time.Time // last handed to the device
	Answered time.Time // zero while there is no answer
	OK       bool
	Error    string
}

// Lease says which messages a dispatcher takes.
type Lease struct {
	Owner    string
	Channels []string
	Now      time.Time
	Until    time.Time
	Limit    int
}

// Settlement is what became of a leased message: Message.Leased names the
// lease, its State, Detail, Due, Attempts, Tried, SentAt, Provider and Decision
// are stored.
type Settlement struct {
	Message     Message
	At          time.Time
	Expired     bool     // settled by somebody else, because the lease ran out
	Event       *Event   // of the case; Seq is given by the store
	Attention   string   // replaces the open case's, if not ""
	Next        *Message // the same content on the next channel
	DeadAddress bool     // the message's address is dead
}

// CaseFilter selects cases; empty fields select all. Text is looked for in
// the case's id, its device, model and owner.
type CaseFilter struct {
	Tenant        string
	States        []State
	Device, Text  string
	Limit, Offset int
}

// CasePage is a page of cases, and how many there are in all.
type CasePage struct {
	Cases []*Case `json:"cases"`
	Total int     `json:"total"`
}

// FindingFilter selects findings; empty fields select all. Open leaves out
// the cleared ones.
type FindingFilter struct {
	Tenant, Device string
	Open           bool
	Limit          int
}
