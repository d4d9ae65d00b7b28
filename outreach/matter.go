package outreach

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
)

// surroundings are what a decision knows besides the store's View. They are
// read before the transaction, because a decision must not wait for anything.
type surroundings struct {
	device  devices.Device
	known   bool // the device is registered
	model   devices.Model
	contact devices.Contact
	reach   bool // there is a contact
}

// lookup reads what belongs to a device. What is missing is no error: care
// goes on without it, and says so.
func (d *Desk) lookup(ctx context.Context, key devices.Key, model string) (surroundings, error) {
	var s surroundings
	var err error
	s.device, err = d.o.Directory.Device(ctx, key)
	switch devices.CodeOf(err) {
	case "":
		s.known = true
		model = s.device.Model
	case devices.NotFound:
		s.device = devices.Device{Key: key, Model: model}
	default:
		return s, err
	}
	s.model, err = d.o.Directory.Model(ctx, key.Tenant, model)
	switch devices.CodeOf(err) {
	case "":
	case devices.NotFound:
		s.model = devices.Model{Tenant: key.Tenant, ID: model, Name: model}
	default:
		return s, err
	}
	if s.device.Owner == "" {
		return s, nil
	}
	s.contact, err = d.o.Directory.Contact(ctx, key.Tenant, s.device.Owner)
	switch devices.CodeOf(err) {
	case "":
		s.reach = true
	case devices.NotFound:
	default:
		return s, err
	}
	return s, nil
}

// matter is one decision about one case: it reads the View and what surrounds
// it, and builds the Change. It has no effect of its own.
type matter struct {
	desk *Desk
	now  time.Time
	surroundings
	view     View
	c        *Case
	change   Change
	messages []Message        // of the case, with those that this decision adds
	about    *anomaly.Finding // that the owner is written to about, if it was chosen
}

// decide runs a decision on the case of ref, and tells everybody about it once
// it is stored. A step that returns an error stores nothing. The case is
// returned as it was stored, nil if there is none.
func (d *Desk) decide(ctx context.Context, ref Ref, s surroundings, step func(*matter) error) (*Case, error) {
	now := d.o.Now().UTC().Truncate(time.Millisecond)
	if s.reach {
		ref.Contact = s.contact.ID
	}
	ref.Since, ref.From = now.Add(-d.o.Policy.Budget.Per), now.Add(-Cell)
	var done *matter
	err := d.o.Store.ChangeCase(ctx, ref, func(v View) (*Change, error) {
		m := &matter{desk: d, now: now, surroundings: s, view: v, c: v.Case, messages: slices.Clone(v.Messages)}
		done = m
		if err := step(m); err != nil {
			return nil, err
		}
		if m.change.empty() {
			return nil, nil
		}
		if len(m.change.Events) > 0 {
			m.touch()
		}
		return &m.change, nil
	})
	if err != nil {
		return nil, err
	}
	if done == nil { // a store that does not ask has nothing to decide
		return nil, nil
	}
	d.announce(done)
	return done.c, nil
}

func (c *Change) empty() bool {
	return c.Case == nil && len(c.Events) == 0 && c.Finding == nil && len(c.Messages) == 0 &&
		len(c.Suppress) == 0 && !c.GiveBack && c.Booking == nil && c.Command == nil
}

// touch has the case stored.
func (m *matter) touch() { m.change.Case = m.c }

// attend tells the agents why the case does not go on by itself.
func (m *matter) attend(why string) {
	if m.c.Attention != why {
		m.c.Attention = why
		m.touch()
	}
}

// wakeAt has the case looked at again, if t is not zero.
func (m *matter) wakeAt(t time.Time) {
	if !t.IsZero() && !m.c.Next.Equal(t) {
		m.c.Next = t
		m.touch()
	}
}

// rest has the case not looked at again until something happens.
func (m *matter) rest() {
	if !m.c.Next.IsZero() {
		m.c.Next = time.Time{}
		m.touch()
	}
}

// data is an event's Data.
type data map[string]any

// record appends an event and moves the case as the event says.
func (m *matter) record(kind EventKind, actor string, d data) {
	var raw json.RawMessage
	if d != nil {
		raw, _ = json.Marshal(d) // maps of strings, numbers and our own structs
	}
	m.c.Version++
	m.c.Updated = m.now
	m.c.State = m.c.State.After(kind)
	m.change.Events = append(m.change.Events, Event{
		Case: m.c.ID, Seq: m.c.Version, At: m.now, Kind: kind, Actor: actor, Data: raw,
	})
}

// The actors that are no users.
const (
	actorForecare = "forecare"
	actorDevice   = "device"
	actorOwner    = "owner"
)

// told reports whether the owner has been written to, or may have been.
func (m *matter) told() bool {
	return slices.ContainsFunc(m.view.Messages, func(msg Message) bool {
		return msg.State == Sent || msg.State == Sending || msg.State == Unknown
	})
}

// hush takes back what waits to be sent, because it is no longer true.
func (m *matter) hush() {
	for i := range m.messages {
		if m.messages[i].State != Pending || slices.ContainsFunc(m.change.Messages, func(n Message) bool { return n.ID == m.messages[i].ID }) {
			continue
		}
		m.messages[i].State = Suppressed
		m.change.Suppress = append(m.change.Suppress, Suppression{
			Message:  m.messages[i].ID,
			Decision: Decision{Verdict: Deny, Rule: RuleOvertaken, Policy: m.desk.o.Policy.Version, At: m.now},
		})
	}
}

// giveBack ends the case's booking, if there is one, as an event.
func (m *matter) giveBack(actor string) *Appointment {
	a := m.c.Appointment
	if a == nil {
		return nil
	}
	m.record(EventUnbooked, actor, data{"slot": a.Slot})
	m.change.GiveBack = true
	m.c.Appointment = nil
	gone := *a
	gone.Sequence = m.sequence()
	return &gone
}

// sequence counts how often the appointment has changed, over all of the
// case's history, so that a calendar never takes an older file for a newer one.
func (m *matter) sequence() int {
	n := -1
	for _, events := range [][]Event{m.view.Events, m.change.Events} {
		for _, e := range events {
			if e.Kind == EventBooked || e.Kind == EventUnbooked {
				n++
			}
		}
	}
	return n
}

// remedy returns the case's remedy, nil if none is known.
func (m *matter) remedy() *devices.Remedy {
	for i := range m.model.Remedies {
		if m.model.Remedies[i].ID == m.c.Remedy {
			return &m.model.Remedies[i]
		}
	}
	return nil
}

// slots returns the query for the case's free slots, as of now.
func (m *matter) slots() SlotQuery {
	return slotQuery(m.c, m.surroundings, m.remedy(), m.desk.o.Policy.Window, m.view.Bookings, m.now)
}

func slotQuery(c *Case, s surroundings, r *devices.Remedy, rule WindowRule, bookings []Booking, now time.Time) SlotQuery {
	q := SlotQuery{Tenant: c.Key.Tenant, Zone: s.device.Site.Zone, Window: c.Window, Bookings: bookings, Except: c.ID}
	if r != nil {
		q.Remote, q.Skill, q.Duration = r.Remote, r.Skill, r.Duration
	}
	if from := now.Add(rule.Lead); q.Window.From.Before(from) {
		q.Window.From = from
	}
	return q
}
