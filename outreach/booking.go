package outreach

import (
	"context"
	"errors"
	"time"

	"github.com/forecare/forecare/devices"
)

// Book books a slot that OwnerView offered, or changes the booked time to it;
// the previous one is given back in the same transaction. Booking the same
// slot twice changes nothing. If somebody else was faster it returns a
// devices.Conflict whose cause is a *TakenError with the next best slots, and
// a time that was booked before stays booked.
func (d *Desk) Book(ctx context.Context, g Grant, slotID string) (*Case, error) {
	for range 20 {
		c, err := d.onGrant(ctx, g, func(m *matter) error { return m.book(slotID) }, GrantOwner)
		// Somebody took that place between reading and writing; with more than
		// one place, or technician, the next look may find another.
		if !errors.Is(err, ErrPlaceTaken) {
			return c, err
		}
	}
	return nil, devices.Errorf(devices.Unavailable, "Many people are booking just now. Please try again in a moment.")
}

func (m *matter) book(slotID string) error {
	switch {
	case !m.c.State.Open():
		return devices.Errorf(devices.Conflict, "This matter is closed, there is nothing to book any more.")
	case m.c.State == InProgress || m.c.State == Done:
		return devices.Errorf(devices.Conflict, "The work has begun already, there is nothing to book any more.")
	case m.c.Appointment != nil && m.c.Appointment.ID == slotID:
		return nil
	}
	q := m.slots()
	b, ok := m.desk.o.Calendar.Place(q, slotID)
	if !ok {
		next := m.desk.o.Calendar.Free(q)
		return devices.Wrap(&TakenError{Slots: next}, devices.Conflict, "This time has just been taken. Please choose another one.")
	}
	b.Tenant, b.Case, b.Booked = m.c.Key.Tenant, m.c.ID, m.now
	event := data{"slot": b.Slot, "previous": nil}
	if m.c.Appointment != nil {
		event["previous"] = m.c.Appointment.Slot
		m.change.GiveBack = true
	}
	m.change.Booking = &b
	m.record(EventBooked, actorOwner, event)
	m.c.Appointment = &Appointment{Slot: b.Slot, Booked: m.now, Sequence: m.sequence()}
	m.c.Attention = ""
	if r := m.remedy(); r != nil && r.Remote {
		m.wakeAt(b.Start) // it starts by itself
	} else {
		m.wakeAt(b.End.Add(time.Hour)) // and asks what came of it
	}
	m.hush()
	m.write(Confirmation, nil, false)
	return nil
}

// Unbook gives the booked time back. Without one it changes nothing.
func (d *Desk) Unbook(ctx context.Context, g Grant) error {
	_, err := d.onGrant(ctx, g, func(m *matter) error {
		if m.c.Appointment == nil || !m.c.State.Open() {
			return nil
		}
		if m.c.State != Scheduled {
			return devices.Errorf(devices.Conflict, "The work has begun already, so it can no longer be canceled here. Please call us.")
		}
		m.hush()
		gone := m.giveBack(actorOwner)
		m.rest()
		if m.c.Window.Until.After(m.now) {
			m.wakeAt(m.c.Window.Until)
		}
		m.write(Cancellation, gone, false)
		return nil
	}, GrantOwner)
	return err
}

// Calendar returns the booked time as an iCalendar file (RFC 5545, METHOD
// PUBLISH), devices.NotFound if nothing is booked. It changes nothing.
func (d *Desk) Calendar(ctx context.Context, g Grant) ([]byte, error) {
	c, s, err := d.granted(ctx, g, GrantOwner)
	if err != nil {
		return nil, err
	}
	if c.Appointment == nil {
		return nil, devices.Errorf(devices.NotFound, "No time is booked.")
	}
	m := matter{c: c, surroundings: s}
	url := d.o.Links.Owner(g.Tenant, g.Case, g.Contact, g.Expires)
	return describeVisit(c, s, m.remedy(), c.Appointment, false, d.lang(s.contact.Locale), url, c.Appointment.Booked).file(), nil
}
