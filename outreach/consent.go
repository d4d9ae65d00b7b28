package outreach

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"

	"github.com/forecare/forecare/devices"
)

// All names every channel in OptOut.
const All = "all"

// last returns the Data of the case's newest event of a kind.
func (m *matter) last(kinds ...EventKind) (map[string]any, bool) {
	for _, e := range slices.Backward(m.view.Events) {
		if slices.Contains(kinds, e.Kind) {
			var d map[string]any
			if json.Unmarshal(e.Data, &d) != nil {
				return nil, false
			}
			d["kind"] = string(e.Kind)
			return d, true
		}
	}
	return nil, false
}

// OptOut withdraws the owner's consent for a channel, or for All. It beats
// what is queued: policy is asked again before anything is sent. Twice is the
// same as once.
func (d *Desk) OptOut(ctx context.Context, g Grant, channel string) error {
	return d.consent(ctx, g, channel, false, GrantOwner, GrantUnsubscribe)
}

// OptIn gives the owner's consent for a channel at which they have an address.
func (d *Desk) OptIn(ctx context.Context, g Grant, channel string) error {
	return d.consent(ctx, g, channel, true, GrantOwner)
}

func (d *Desk) consent(ctx context.Context, g Grant, channel string, granted bool, purposes ...GrantPurpose) error {
	_, s, err := d.granted(ctx, g, purposes...)
	if err != nil {
		return err
	}
	has := slices.ContainsFunc(s.contact.Addresses, func(a devices.Address) bool { return a.Channel == channel })
	switch {
	case has, channel == All && !granted:
	case granted:
		return devices.Errorf(devices.Invalid, "There is no address of yours at %q.", channel)
	default:
		return nil // the address is gone: there is nothing left to stop
	}
	// The person's word first: if the process dies before the case's history
	// tells of it, the word stands.
	name := channel
	if channel == All {
		name = ""
	}
	if err := d.o.Directory.SetConsent(ctx, g.Tenant, g.Contact, name, granted, d.o.Now().UTC()); err != nil {
		return err
	}
	kind := EventOptedOut
	if granted {
		kind = EventOptedIn
		if err := d.o.Store.ReviveAddress(ctx, g.Tenant, g.Contact, channel); err != nil {
			return err
		}
	}
	_, err = d.onGrant(ctx, g, func(m *matter) error {
		if last, ok := m.last(EventOptedOut, EventOptedIn); ok && last["kind"] == string(kind) && last["channel"] == channel {
			return nil
		}
		m.record(kind, actorOwner, data{"channel": channel})
		if !granted && m.c.State.Open() && !m.allowed() {
			m.attend("The owner does not want to be written to any more; reach them another way, or dismiss the case.")
		}
		return nil
	}, purposes...)
	return err
}

// allowed reports whether the owner may be written to on any channel.
func (m *matter) allowed() bool {
	return slices.ContainsFunc(registered(m.contact, m.desk.o.Channels), devices.Address.Allowed)
}

const webPush = "webpush"

// Subscribe adds the browser that shows the owner's page as a way to reach
// them: subscription is what PushManager.subscribe returned, as JSON. It is
// preferred from then on, because it is the way they chose last. The same
// subscription twice is stored once.
func (d *Desk) Subscribe(ctx context.Context, g Grant, subscription []byte) error {
	_, s, err := d.granted(ctx, g, GrantOwner)
	if err != nil {
		return err
	}
	if !slices.Contains(d.o.Channels, webPush) {
		return devices.Errorf(devices.Conflict, "Notifications are not set up here.")
	}
	value, err := readSubscription(subscription)
	if err != nil {
		return err
	}
	a := devices.Address{Channel: webPush, Value: value, Consent: d.o.Now().UTC()}
	for _, known := range s.contact.Addresses {
		if known.Channel == webPush && known.Value == value && known.Allowed() {
			return nil
		}
		if known.Preference <= a.Preference {
			a.Preference = known.Preference - 1
		}
	}
	if err := d.o.Directory.AddAddress(ctx, g.Tenant, g.Contact, a); err != nil {
		return err
	}
	if err := d.o.Store.ReviveAddress(ctx, g.Tenant, g.Contact, webPush); err != nil {
		return err
	}
	_, err = d.onGrant(ctx, g, func(m *matter) error {
		m.record(EventOptedIn, actorOwner, data{"channel": webPush})
		return nil
	}, GrantOwner)
	return err
}

// readSubscription checks a push subscription and returns it without what is
// of no use for sending, so that the same one always reads the same.
func readSubscription(b []byte) (string, error) {
	var s struct {
		Endpoint string `json:"endpoint"`
		Keys     struct {
			Auth   string `json:"auth"`
			P256dh string `json:"p256dh"`
		} `json:"keys"`
	}
	bad := devices.Errorf(devices.Invalid, "The browser's subscription cannot be read; please allow notifications and try again.")
	if len(b) > 4096 || json.Unmarshal(b, &s) != nil || s.Keys.Auth == "" || s.Keys.P256dh == "" {
		return "", bad
	}
	if u, err := url.Parse(s.Endpoint); err != nil || u.Scheme != "https" || u.Host == "" {
		return "", bad
	}
	out, err := json.Marshal(s)
	return string(out), err
}
