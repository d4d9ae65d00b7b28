package outreach

import (
	"context"
	"slices"
	"strings"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
)

// OwnerView is all that the owner's page shows. Slots is empty once nothing
// can be booked any more.
type OwnerView struct {
	Case    *Case            `json:"case"`
	Device  devices.Device   `json:"device"`
	Model   devices.Model    `json:"model"`
	Contact devices.Contact  `json:"contact"`
	Finding *anomaly.Finding `json:"finding"`
	Slots   []Slot           `json:"slots"`
	Reach   []ReachChannel   `json:"reach"`
	Lang    string           `json:"lang"` // one that the Composer has
}

// ReachChannel is a way to reach the owner, and whether they allow it.
type ReachChannel struct {
	Channel string `json:"channel"`
	Allowed bool   `json:"allowed"`
}

// Open reads a token from a link. It changes nothing, so that a mail scanner
// may follow the link as often as it likes.
func (d *Desk) Open(_ context.Context, token string) (Grant, error) {
	return d.o.Links.Parse(token, d.o.Now())
}

// granted returns the case that a grant is for and what surrounds it. A device
// that has changed hands, or a grant of another purpose, is refused.
func (d *Desk) granted(ctx context.Context, g Grant, purposes ...GrantPurpose) (*Case, surroundings, error) {
	gone := devices.Errorf(devices.NotFound, "What this link was about is no longer here.")
	if !slices.Contains(purposes, g.Purpose) {
		return nil, surroundings{}, devices.Errorf(devices.Forbidden, "This link is for something else. Please use the one to your device's page.")
	}
	if !d.o.Now().Before(g.Expires) {
		return nil, surroundings{}, devices.Errorf(devices.Forbidden, "This link has expired. If something is still open, you will get a new one.")
	}
	c, err := d.o.Store.Case(ctx, g.Tenant, g.Case)
	if devices.CodeOf(err) == devices.NotFound {
		return nil, surroundings{}, gone
	}
	if err != nil {
		return nil, surroundings{}, err
	}
	s, err := d.lookup(ctx, c.Key, c.Model)
	if err != nil {
		return nil, s, err
	}
	if !s.reach || s.contact.ID != g.Contact {
		return nil, s, gone
	}
	return c, s, nil
}

// OwnerView returns what the owner's page shows. It changes nothing.
func (d *Desk) OwnerView(ctx context.Context, g Grant) (*OwnerView, error) {
	c, s, err := d.granted(ctx, g, GrantOwner, GrantUnsubscribe)
	if err != nil {
		return nil, err
	}
	v := &OwnerView{
		Case: c, Device: s.device, Model: s.model, Contact: s.contact, Finding: c.Finding(),
		Reach: d.reach(s.contact), Lang: d.lang(s.contact.Locale),
	}
	if !bookable(c.State) {
		return v, nil
	}
	v.Slots, err = d.free(ctx, c, s)
	return v, err
}

func bookable(s State) bool { return s.Open() && s != InProgress && s != Done }

// free returns the slots that can be booked now.
func (d *Desk) free(ctx context.Context, c *Case, s surroundings) ([]Slot, error) {
	now := d.o.Now()
	bookings, err := d.o.Store.Bookings(ctx, c.Key.Tenant, now.Add(-Cell))
	if err != nil {
		return nil, err
	}
	m := matter{c: c, surroundings: s}
	return d.o.Calendar.Free(slotQuery(c, s, m.remedy(), d.o.Policy.Window, bookings, now)), nil
}

// reach lists the contact's channels in order of preference. A channel is
// allowed if one of its addresses is.
func (d *Desk) reach(c devices.Contact) []ReachChannel {
	var list []ReachChannel
	for _, a := range registered(c, d.o.Channels) {
		i := slices.IndexFunc(list, func(r ReachChannel) bool { return r.Channel == a.Channel })
		if i < 0 {
			i, list = len(list), append(list, ReachChannel{Channel: a.Channel})
		}
		list[i].Allowed = list[i].Allowed || a.Allowed()
	}
	return list
}

// onGrant runs a decision of the owner on their case.
func (d *Desk) onGrant(ctx context.Context, g Grant, step func(*matter) error, purposes ...GrantPurpose) (*Case, error) {
	_, s, err := d.granted(ctx, g, purposes...)
	if err != nil {
		return nil, err
	}
	return d.decide(ctx, Ref{Tenant: g.Tenant, Case: g.Case}, s, func(m *matter) error {
		if m.c == nil {
			return devices.Errorf(devices.NotFound, "What this link was about is no longer here.")
		}
		return step(m)
	})
}

// Bothering notes that the owner feels the trouble already, in their own words
// or none. It presses from then on. Saying the same twice counts once.
func (d *Desk) Bothering(ctx context.Context, g Grant, text string) error {
	text = strings.TrimSpace(text)
	if len(text) > longestText {
		return devices.Errorf(devices.Invalid, "Please write it in at most %d characters.", longestText)
	}
	_, err := d.onGrant(ctx, g, func(m *matter) error {
		if err := m.mustBeOpen(); err != nil {
			return devices.Errorf(devices.Conflict, "This matter is closed. If something is wrong again, please call us.")
		}
		if last, ok := m.last(EventBothering); ok && last["text"] == text {
			return nil
		}
		if m.c.Bothering.IsZero() {
			m.c.Bothering = m.now
		}
		state := m.c.State
		m.appraise()
		m.record(EventBothering, actorOwner, data{"text": text})
		if state == Opened {
			m.offer(Offer)
		}
		return nil
	}, GrantOwner)
	return err
}
