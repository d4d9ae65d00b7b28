package outreach

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/forecare/forecare/devices"
)

// deliver sends one leased message, if it may still be sent, and says what
// became of it.
func (d *Dispatcher) deliver(ctx context.Context, m Message) Settlement {
	s := Settlement{Message: m, At: d.o.Now()}
	to, err := d.recheck(ctx, &s.Message)
	if err != nil {
		// Nothing was sent, so nothing is lost by waiting.
		s.Message.State, s.Message.Due, s.Message.Detail = Pending, s.At.Add(d.o.Policy.Retry.First), "The policy could not be asked."
		d.o.Logger.Warn("policy could not be asked, message waits", "message", m.ID, "error", err)
		return s
	}
	switch s.Message.Decision.Verdict {
	case Deny:
		s.Message.State = Suppressed
		s.Message.Detail = "Not sent: " + s.Message.Decision.Rule + "."
		return s.told("")
	case Defer:
		s.Message.State, s.Message.Due = Pending, s.Message.Decision.Until
		return s
	}
	e := Envelope{
		ID: m.ID, Case: m.Case, Purpose: m.Purpose, To: m.Address, Name: to.Name, Lang: m.Lang,
		Brand: d.o.Brand(m.Tenant), Content: m.Content, Picture: d.picture(to.c, m),
	}
	s.Message.Attempts++
	if s.Message.Tried.IsZero() {
		s.Message.Tried = s.At
	}
	sending, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	begun := time.Now()
	receipt, err := d.o.Channels[m.Channel].Send(sending, e)
	d.metrics.seconds.WithLabelValues(m.Channel).Observe(time.Since(begun).Seconds())
	s.At = d.o.Now()
	if err != nil {
		return d.failed(s, to, err)
	}
	d.breakers[m.Channel].reset()
	d.metrics.waited.WithLabelValues(m.Channel).Observe(max(0, s.At.Sub(m.Due).Seconds()))
	s.Message.State, s.Message.SentAt, s.Message.Provider, s.Message.Detail = Sent, s.At, receipt.Provider, ""
	return s.told("")
}

// recipient is whom a message is for, as of the moment of sending.
type recipient struct {
	devices.Contact
	c    *Case
	dead []string
}

// recheck asks policy again, as things stand at the moment of sending.
func (d *Dispatcher) recheck(ctx context.Context, m *Message) (to recipient, err error) {
	deny := func(rule string) (recipient, error) {
		m.Decision = Decision{Verdict: Deny, Rule: rule, Policy: d.o.Policy.Version, At: d.o.Now()}
		return to, nil
	}
	if to.c, err = d.o.Store.Case(ctx, m.Tenant, m.Case); err != nil {
		return to, err
	}
	device, err := d.o.Directory.Device(ctx, to.c.Key)
	if code := devices.CodeOf(err); code == devices.NotFound || err == nil && device.Owner != m.Recipient {
		return deny(RuleOwner)
	}
	if err != nil {
		return to, err
	}
	to.Contact, err = d.o.Directory.Contact(ctx, m.Tenant, m.Recipient)
	if devices.CodeOf(err) == devices.NotFound {
		return deny(RuleOwner)
	}
	if err != nil {
		return to, err
	}
	if !stillTrue(m.Purpose, to.c.State) {
		return deny(RuleOvertaken)
	}
	i := slices.IndexFunc(to.Addresses, func(a devices.Address) bool { return a.Channel == m.Channel && a.Value == m.Address })
	if i < 0 {
		return deny(RuleAddress)
	}
	touches, err := d.o.Store.Touches(ctx, m.Tenant, m.Recipient, d.o.Now().Add(-d.o.Policy.Budget.Per))
	if err != nil {
		return to, err
	}
	if to.dead, err = d.o.Store.DeadAddresses(ctx, m.Tenant, m.Recipient); err != nil {
		return to, err
	}
	m.Decision = d.o.Policy.Decide(Question{
		Purpose: m.Purpose, Address: to.Addresses[i], Dead: slices.Contains(to.dead, Fingerprint(m.Channel, m.Address)),
		Zone: to.Zone, Site: device.Site.Zone, Touches: earlier(touches, m), Now: d.o.Now(),
	})
	return to, nil
}

// earlier returns the touches that were written before m. Of two messages that
// compete for a budget, the earlier one has it.
func earlier(touches []Touch, m *Message) []Touch {
	return slices.DeleteFunc(touches, func(t Touch) bool {
		if t.At.Equal(m.Created) {
			return t.Message >= m.ID
		}
		return t.At.After(m.Created)
	})
}

// stillTrue reports whether a message still fits its case. The desk takes back
// what it overtakes; this is for what was leased at that moment.
func stillTrue(p Purpose, s State) bool {
	switch p {
	case Offer:
		return s == Opened || s == Offered
	case Sorry:
		return s == Reopened
	case Confirmation:
		return s.Open()
	}
	return true
}

func (d *Dispatcher) picture(c *Case, m Message) []byte {
	if d.o.Picture == nil || c.Finding() == nil {
		return nil
	}
	png, err := d.o.Picture(c, m.Lang)
	if err != nil {
		d.o.Logger.Warn("picture could not be drawn, message goes without", "message", m.ID, "error", err)
		return nil
	}
	return png
}

// failed says what becomes of a message that the channel did not take.
func (d *Dispatcher) failed(s Settlement, to recipient, err error) Settlement {
	var se *SendError
	if !errors.As(err, &se) {
		// A channel that does not say what happened may have sent it.
		se = &SendError{Class: UnknownOutcome, Err: err}
	}
	m := &s.Message
	m.Detail = se.Err.Error()
	switch se.Class {
	case Transient:
		return d.again(s, se.After)
	case BadConfig:
		until, news := d.breakers[m.Channel].trip(s.At, se.After)
		if news {
			d.o.Logger.Error("channel paused, because its provider refuses us; check its credentials and quota", "channel", m.Channel, "until", until, "error", se.Err)
		}
		m.State, m.Due = Pending, until
		m.Attempts-- // it was not the message's fault
		return s
	case BadAddress:
		m.State, s.DeadAddress = Failed, true
		if s.Next = d.next(s, to); s.Next != nil {
			return s.told("")
		}
		return s.told(fmt.Sprintf("The owner's %s address does not work; ask for another one.", m.Channel))
	case BadContent:
		m.State = Failed
		return s.told(fmt.Sprintf("The %s provider refuses the message itself; the owner has not been reached.", m.Channel))
	}
	return d.unknown(s, m.Detail)
}

// again puts the message back for later, or gives up.
func (d *Dispatcher) again(s Settlement, after time.Duration) Settlement {
	m, rule := &s.Message, d.o.Policy.Retry
	wait := rule.First << min(max(m.Attempts-1, 0), 20)
	if wait > rule.Longest || wait <= 0 {
		wait = rule.Longest
	}
	wait = max(after, wait-wait/4+rand.N(wait/2+1)) // spread, so that not all come back at once
	if m.Tried.IsZero() {
		m.Tried = s.At
	}
	if s.At.Add(wait).After(m.Tried.Add(rule.GiveUp)) {
		m.State = Failed
		return s.told(fmt.Sprintf("The message could not be sent by %s for %s; the owner has not been reached.", m.Channel, rule.GiveUp))
	}
	m.State, m.Due = Pending, s.At.Add(wait)
	return s
}

// unknown is for a message that may have gone out.
func (d *Dispatcher) unknown(s Settlement, why string) Settlement {
	m := &s.Message
	m.Detail = why
	if ch := d.o.Channels[m.Channel]; ch != nil && ch.Idempotent() {
		return d.again(s, 0)
	}
	m.State = Unknown
	return s.told(fmt.Sprintf("It is not known whether the %s message reached the owner, so it is not sent again; please look after it.", m.Channel))
}

// next returns the same message for the owner's next address, nil if there is
// none that may be used.
func (d *Dispatcher) next(s Settlement, to recipient) *Message {
	addresses := registered(to.Contact, slices.Collect(maps.Keys(d.o.Channels)))
	i := slices.IndexFunc(addresses, func(a devices.Address) bool {
		return a.Channel == s.Message.Channel && a.Value == s.Message.Address
	})
	for _, a := range addresses[i+1:] {
		if !a.Allowed() || slices.Contains(to.dead, Fingerprint(a.Channel, a.Value)) {
			continue
		}
		m := s.Message
		m.Step++
		m.ID = MessageID(m.Tenant, m.Case, m.Purpose, m.Step, m.Recipient)
		m.Channel, m.Address = a.Channel, a.Value
		m.State, m.Detail, m.Attempts, m.Provider, m.Leased = Pending, "", 0, "", ""
		m.Created, m.Due, m.Tried, m.SentAt = s.At, s.At, time.Time{}, time.Time{}
		return &m
	}
	return nil
}

// told adds the case event that tells what became of the message, and what
// agents have to attend to, if anything.
func (s Settlement) told(attention string) Settlement {
	m := &s.Message
	raw, _ := json.Marshal(data{"message": m.ID, "channel": m.Channel, "state": m.State, "detail": m.Detail})
	s.Event = &Event{Case: m.Case, At: s.At, Kind: EventMessage, Actor: actorForecare, Data: raw}
	s.Attention = attention
	return s
}

func (d *Dispatcher) announce(s Settlement) {
	m := &s.Message
	d.metrics.settled.WithLabelValues(m.Channel, string(m.State)).Inc()
	d.o.Notify("message", m.Tenant, m.ID, fmt.Sprintf("%s by %s: %s", m.Purpose, m.Channel, m.State))
	if s.Event != nil {
		d.o.Notify("case", m.Tenant, m.Case, fmt.Sprintf("message (%s) to the owner %s by %s", m.Purpose, m.State, m.Channel))
	}
}
