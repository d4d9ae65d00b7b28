package outreach

import (
	"encoding/json"
	"fmt"
)

// announce tells the rest of the house what a stored decision changed.
func (d *Desk) announce(m *matter) {
	ch := &m.change
	if f := ch.Finding; f != nil {
		d.metrics.findings.WithLabelValues(string(f.Kind), string(f.Status)).Inc()
		d.o.Notify("finding", f.Key.Tenant, f.ID, fmt.Sprintf("%s %s on %s: %s", f.Kind, f.Status, f.Key.Device, f.Reason))
	}
	for _, e := range ch.Events {
		d.metrics.events.WithLabelValues(string(e.Kind)).Inc()
		d.o.Notify("case", m.c.Key.Tenant, m.c.ID, sentence(m.c, e))
		if e.Kind == EventOpened {
			d.o.Logger.Info("case opened", "tenant", m.c.Key.Tenant, "case", m.c.ID, "device", m.c.Key.Device)
		}
	}
	if len(ch.Events) == 0 && ch.Case != nil {
		d.o.Notify("case", m.c.Key.Tenant, m.c.ID, "")
	}
	for _, msg := range ch.Messages {
		d.metrics.messages.WithLabelValues(msg.Channel, string(msg.State)).Inc()
		d.o.Notify("message", msg.Tenant, msg.ID, fmt.Sprintf("%s by %s for device %s: %s", msg.Purpose, msg.Channel, m.c.Key.Device, msg.State))
	}
}

// sentence says in a line what happened to a case. It names the device, never
// a person.
func sentence(c *Case, e Event) string {
	var d struct {
		Reason  string `json:"reason"`
		Status  string `json:"status"`
		Text    string `json:"text"`
		Note    string `json:"note"`
		Channel string `json:"channel"`
		State   string `json:"state"`
		Detail  string `json:"detail"`
		Error   string `json:"error"`
		OK      bool   `json:"ok"`
		Slot    *Slot  `json:"slot"`
	}
	if len(e.Data) > 0 {
		_ = json.Unmarshal(e.Data, &d) // our own writing; an empty sentence part at worst
	}
	when := ""
	if d.Slot != nil {
		when = d.Slot.Start.In(location(d.Slot.Zone)).Format("Mon 2 Jan 15:04 MST")
	}
	device := c.Key.Device
	switch e.Kind {
	case EventOpened:
		return fmt.Sprintf("case opened for %s: %s", device, d.Reason)
	case EventFinding:
		return fmt.Sprintf("finding of %s %s: %s", device, d.Status, d.Reason)
	case EventOffered:
		return fmt.Sprintf("owner of %s is offered a time", device)
	case EventMessage:
		if d.Detail != "" {
			return fmt.Sprintf("message to the owner of %s %s: %s", device, d.State, d.Detail)
		}
		return fmt.Sprintf("message to the owner of %s %s by %s", device, d.State, d.Channel)
	case EventBooked:
		return fmt.Sprintf("owner of %s booked %s", device, when)
	case EventUnbooked:
		return fmt.Sprintf("booking for %s given back: %s", device, when)
	case EventBothering:
		return fmt.Sprintf("owner of %s is bothered already", device)
	case EventOptedOut:
		return fmt.Sprintf("owner of %s opted out of %s", device, d.Channel)
	case EventOptedIn:
		return fmt.Sprintf("owner of %s opted in to %s", device, d.Channel)
	case EventNote:
		return fmt.Sprintf("note on the case of %s", device)
	case EventStarted:
		return fmt.Sprintf("remedy for %s started", device)
	case EventCommand:
		if d.OK {
			return fmt.Sprintf("%s carried out the command", device)
		}
		return fmt.Sprintf("%s did not carry out the command: %s", device, d.Error)
	case EventDone:
		return fmt.Sprintf("remedy for %s done, waiting for telemetry to prove it", device)
	case EventVerified:
		return fmt.Sprintf("case of %s verified: telemetry is back to normal", device)
	case EventReopened:
		return fmt.Sprintf("case of %s reopened: %s", device, d.Reason)
	case EventDismissed:
		return fmt.Sprintf("case of %s dismissed: %s", device, d.Reason)
	case EventWithdrawn:
		return fmt.Sprintf("case of %s withdrawn: %s", device, d.Reason)
	}
	return string(e.Kind)
}
