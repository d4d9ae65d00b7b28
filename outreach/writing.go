package outreach

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
)

// offer writes to the owner, if there is a reason, a remedy and a way, and
// otherwise says in the case what is missing. Purpose is Offer or Sorry.
func (m *matter) offer(p Purpose) {
	f, due, why := m.reason()
	if f == nil {
		if m.wakeAt(due); due.IsZero() {
			m.attend(why)
		}
		return
	}
	r, _ := m.model.RemedyFor(f.Metric)
	m.about, m.c.Remedy = f, r.ID
	if msg := m.write(p, nil, false); msg != nil && msg.State == Pending {
		m.record(EventOffered, actorForecare, data{"window": m.c.Window, "messages": []string{msg.ID}})
		m.c.Attention = ""
		m.wakeAt(m.c.Window.Until)
	}
}

// reason returns the first finding that is a reason to write to the owner; if
// none is yet, when one will be; and if none ever will, why.
func (m *matter) reason() (f *anomaly.Finding, due time.Time, why string) {
	for i := range m.c.Findings {
		f := &m.c.Findings[i]
		rule := m.desk.o.Policy.Kinds[f.Kind]
		at := m.c.Opened.Add(rule.After)
		_, curable := m.model.RemedyFor(f.Metric)
		switch {
		case f.Status == anomaly.Cleared:
		case !rule.Offer:
			why = fmt.Sprintf("The owner is not written to about %s; look after it by hand.", f.Kind)
		case !curable:
			why = fmt.Sprintf("Model %s has no remedy for %s, so nothing can be offered; add one to the model or look after it by hand.", m.model.ID, metricName(f))
		case !m.now.Before(at):
			return f, time.Time{}, ""
		case due.IsZero() || at.Before(due):
			due = at
		}
	}
	return nil, due, why
}

func metricName(f *anomaly.Finding) string {
	if f.Metric == "" {
		return "a silent device"
	}
	return f.Metric
}

// write adds a message to the outbox, pending or suppressed. It returns nil,
// and says why in the case, if there is nobody to write to. Appointment is the
// one that the message is about, the case's own if nil.
func (m *matter) write(p Purpose, about *Appointment, byItself bool) *Message {
	address, dead, why := m.route()
	if why != "" {
		if m.c.Attention == why { // said before
			return nil
		}
		m.attend(why)
		m.record(EventMessage, actorForecare, data{"message": "", "channel": "", "state": Suppressed, "detail": why})
		return nil
	}
	msg := Message{
		Tenant: m.c.Key.Tenant, Case: m.c.ID, Purpose: p, Step: m.step(p), Recipient: m.contact.ID,
		Channel: address.Channel, Address: address.Value, Lang: m.lang(), State: Pending, Created: m.now, Due: m.now,
	}
	msg.ID = MessageID(msg.Tenant, msg.Case, p, msg.Step, msg.Recipient)
	msg.Decision = m.desk.o.Policy.Decide(Question{
		Purpose: p, Address: address, Dead: dead, Zone: m.contact.Zone, Site: m.device.Site.Zone,
		Touches: m.view.Touches, Now: m.now,
	})
	switch msg.Decision.Verdict {
	case Defer:
		msg.Due = msg.Decision.Until
	case Deny:
		if m.refusedBefore(msg) {
			m.wakeAt(msg.Decision.Until)
			return nil
		}
		m.suppress(&msg, m.explain(msg))
	}
	if msg.State == Pending {
		content, err := m.compose(msg, about, byItself)
		if err != nil {
			m.desk.o.Logger.Error("message could not be composed", "case", m.c.ID, "purpose", p, "error", err)
			m.suppress(&msg, "The message could not be composed; the log says why.")
		}
		msg.Content = content
	}
	m.change.Messages = append(m.change.Messages, msg)
	m.messages = append(m.messages, msg)
	return &msg
}

// refusedBefore reports whether the newest message of the same purpose was
// refused by the same rule: a case that is looked at every hour says so once.
func (m *matter) refusedBefore(msg Message) bool {
	for _, before := range slices.Backward(m.messages) {
		if before.Purpose == msg.Purpose {
			return before.State == Suppressed && before.Decision.Rule == msg.Decision.Rule
		}
	}
	return false
}

func (m *matter) suppress(msg *Message, why string) {
	msg.State, msg.Detail = Suppressed, why
	if msg.Purpose == Offer || msg.Purpose == Sorry {
		m.attend(why)
		m.wakeAt(msg.Decision.Until)
	}
	m.record(EventMessage, actorForecare, data{"message": msg.ID, "channel": msg.Channel, "state": Suppressed, "detail": why})
}

// route chooses the address to write to: the most preferred that may be used.
// If none may, it returns the most preferred at all, for policy to refuse; or
// why there is nobody to write to.
func (m *matter) route() (a devices.Address, dead bool, why string) {
	switch {
	case m.device.Owner == "":
		return a, false, "Nobody was written to, because the device has no owner; enter one."
	case !m.reach:
		return a, false, fmt.Sprintf("Nobody was written to, because the owner %s is not among the contacts; enter them.", m.device.Owner)
	}
	known := registered(m.contact, m.desk.o.Channels)
	switch {
	case len(m.contact.Addresses) == 0:
		return a, false, "Nobody was written to, because the owner has no address; enter one, with their consent."
	case len(known) == 0:
		return a, false, "Nobody was written to, because none of the owner's addresses belongs to a channel that is set up here."
	}
	for _, a := range known {
		if a.Allowed() && !slices.Contains(m.view.Dead, Fingerprint(a.Channel, a.Value)) {
			return a, false, ""
		}
	}
	for _, a := range known {
		if a.Allowed() {
			return a, true, ""
		}
	}
	return known[0], false, ""
}

// registered returns the contact's addresses on channels, most preferred first.
func registered(c devices.Contact, channels []string) []devices.Address {
	var known []devices.Address
	for _, a := range c.Addresses {
		if slices.Contains(channels, a.Channel) {
			known = append(known, a)
		}
	}
	slices.SortStableFunc(known, func(a, b devices.Address) int { return a.Preference - b.Preference })
	return known
}

// explain says in words why policy refused a message.
func (m *matter) explain(msg Message) string {
	switch msg.Decision.Rule {
	case RuleConsent:
		return "The owner was not written to, because they have not allowed it or have withdrawn it."
	case RuleAddress:
		return fmt.Sprintf("The owner was not written to, because their %s address does not work; ask for another one.", msg.Channel)
	case RuleBudget:
		if msg.Decision.Until.IsZero() {
			return "The owner was not written to, because policy allows no offers."
		}
		return fmt.Sprintf("The owner was not written to, because they had an offer recently; the next is allowed from %s.", msg.Decision.Until.Format("2 January 2006"))
	}
	return "The owner was not written to: " + msg.Decision.Rule + "."
}

// step returns the number of the next message of a purpose.
func (m *matter) step(p Purpose) int {
	step := 1
	for _, msg := range m.messages {
		if msg.Purpose == p && msg.Step >= step {
			step = msg.Step + 1
		}
	}
	return step
}

func (m *matter) compose(msg Message, about *Appointment, byItself bool) (Content, error) {
	if about == nil {
		about = m.c.Appointment
	}
	expires := m.now.Add(m.desk.o.Policy.Links)
	links := m.desk.o.Links
	facts := Facts{
		Purpose: msg.Purpose, Lang: msg.Lang, Zone: location(m.device.Site.Zone).String(), Brand: m.desk.o.Brand(msg.Tenant),
		Name: m.contact.Name, Device: m.deviceWords(msg.Lang), Site: m.device.Site.Name,
		Window: m.c.Window, Appointment: about, ByItself: byItself,
		OwnerURL:    links.Owner(msg.Tenant, msg.Case, msg.Recipient, expires),
		Unsubscribe: links.Unsubscribe(msg.Tenant, msg.Case, msg.Recipient, expires),
	}
	f := m.about
	if f == nil {
		f = m.c.Finding()
	}
	if f != nil {
		facts.Finding, facts.Metric = *f, f.Metric
		if metric, ok := m.model.Metric(f.Metric); ok {
			facts.Metric = metric.Words.In(msg.Lang, f.Metric)
		}
	}
	if r := m.remedy(); r != nil {
		facts.Remedy, facts.Duration, facts.Remote = r.Words.In(msg.Lang, r.ID), r.Duration, r.Remote
	}
	content, err := m.desk.o.Composer.Compose(facts)
	if err != nil {
		return Content{}, err
	}
	if content.OwnerURL == "" {
		content.OwnerURL = facts.OwnerURL
	}
	if content.Unsubscribe == "" {
		content.Unsubscribe = facts.Unsubscribe
	}
	if about != nil && (msg.Purpose == Confirmation || msg.Purpose == Cancellation) {
		content.Calendar = string(m.visit(about, msg.Purpose == Cancellation, msg.Lang, facts.OwnerURL).file())
	}
	return content, nil
}

// visit describes an appointment for a calendar.
func (m *matter) visit(a *Appointment, canceled bool, lang, url string) visit {
	return describeVisit(m.c, m.surroundings, m.remedy(), a, canceled, lang, url, m.now)
}

func (s surroundings) deviceWords(lang string) string {
	return s.model.Words.In(lang, s.model.Name)
}

// lang returns the language to write in: the contact's if there are templates
// for it, else English.
func (m *matter) lang() string { return m.desk.lang(m.contact.Locale) }

func (d *Desk) lang(locale string) string {
	primary, _, _ := strings.Cut(strings.ReplaceAll(locale, "_", "-"), "-")
	primary = strings.ToLower(primary)
	if slices.Contains(d.o.Composer.Languages(), primary) {
		return primary
	}
	return "en"
}
