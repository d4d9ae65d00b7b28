package web

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
)

// entry is one line of a case's history in words.
type entry struct {
	At      time.Time
	Who     string
	Head    string
	Text    string
	Kind    string // finding, message, owner, agent, remedy or end: what mark it gets
	Message *outreach.Message
}

// eventData are the fields that any case event may carry.
type timelineData struct {
	Reason   string           `json:"reason"`
	Status   string           `json:"status"`
	Text     string           `json:"text"`
	Note     string           `json:"note"`
	Channel  string           `json:"channel"`
	State    string           `json:"state"`
	Detail   string           `json:"detail"`
	Message  string           `json:"message"`
	Remedy   string           `json:"remedy"`
	Command  string           `json:"command"`
	OK       bool             `json:"ok"`
	Error    string           `json:"error"`
	Slot     *outreach.Slot   `json:"slot"`
	Previous *outreach.Slot   `json:"previous"`
	Window   *outreach.Window `json:"window"`
}

// story puts a case's events into words, oldest first, each message with the
// event that tells of it.
func story(events []outreach.Event, messages []outreach.Message, m *devices.Model, zone *time.Location) []entry {
	byID := map[string]*outreach.Message{}
	for i := range messages {
		byID[messages[i].ID] = &messages[i]
	}
	told := map[string]bool{}
	var out []entry
	for _, e := range events {
		var d timelineData
		if len(e.Data) > 0 {
			json.Unmarshal(e.Data, &d) //nolint:errcheck // an event that cannot be read still has a head
		}
		item := entry{At: e.At, Who: actorWords(e.Actor)}
		item.Kind, item.Head, item.Text = tell(e.Kind, d, m, zone)
		if msg := byID[d.Message]; msg != nil && e.Kind == outreach.EventMessage {
			item.Message = msg
			told[msg.ID] = true
		}
		out = append(out, item)
	}
	for i := range messages {
		msg := &messages[i]
		if told[msg.ID] {
			continue
		}
		head := "Message waits to go out: " + purposeWords(msg.Purpose) + ", by " + msg.Channel
		out = append(out, entry{At: msg.Created, Who: "Forecare", Kind: "message", Head: head, Text: msg.Detail, Message: msg})
	}
	return out
}

func tell(kind outreach.EventKind, d timelineData, m *devices.Model, zone *time.Location) (mark, head, text string) {
	switch kind {
	case outreach.EventOpened:
		return "finding", "Case opened", d.Reason
	case outreach.EventFinding:
		head := map[string]string{"cleared": "Back to normal", "opened": "Another finding joined"}[d.Status]
		if head == "" {
			head = "Finding changed"
		}
		return "finding", head, d.Reason
	case outreach.EventOffered:
		text := ""
		if d.Window != nil && !d.Window.Until.IsZero() {
			text = "Times until " + at(d.Window.Until, zone)
		}
		return "message", "Offered to the owner", text
	case outreach.EventMessage:
		return "message", "Message by " + d.Channel + " " + messageStateWords(outreach.MessageState(d.State)), d.Detail
	case outreach.EventBooked:
		text := slotWords(d.Slot, zone)
		if d.Previous != nil {
			return "owner", "Time changed", text + ", instead of " + at(d.Previous.Start, zone)
		}
		return "owner", "Time booked", text
	case outreach.EventUnbooked:
		return "owner", "Booking given back", slotWords(d.Slot, zone)
	case outreach.EventBothering:
		return "owner", "Owner notices it already", d.Text
	case outreach.EventOptedOut:
		if d.Channel == "all" {
			return "owner", "Owner wants no more messages", ""
		}
		return "owner", "Owner wants no more messages by " + d.Channel, ""
	case outreach.EventNote:
		return "agent", "Note", d.Text
	case outreach.EventStarted:
		return "remedy", "Remedy started", remedyWords(m, d.Remedy)
	case outreach.EventCommand:
		if d.OK {
			return "remedy", "Device carried out the command", ""
		}
		return "remedy", "Device did not carry out the command", d.Error
	case outreach.EventDone:
		return "remedy", "Remedy done", d.Note
	case outreach.EventVerified:
		return "end", "Verified by telemetry", d.Reason
	case outreach.EventReopened:
		return "finding", "Reopened", d.Reason
	case outreach.EventDismissed:
		return "end", "Dismissed", d.Reason
	case outreach.EventWithdrawn:
		return "end", "Went away by itself", d.Reason
	}
	return "agent", strings.ReplaceAll(string(kind), "_", " "), d.Text
}

func actorWords(actor string) string {
	switch actor {
	case "forecare", "":
		return "Forecare"
	case "owner":
		return "Owner"
	case "device":
		return "Device"
	}
	return strings.TrimPrefix(actor, "token:")
}

func purposeWords(p outreach.Purpose) string {
	if words, ok := map[outreach.Purpose]string{
		outreach.Offer: "offer", outreach.Confirmation: "confirmation", outreach.Cancellation: "cancellation",
		outreach.AllWell: "all is well", outreach.Sorry: "sorry, it did not hold",
	}[p]; ok {
		return words
	}
	return string(p)
}

func messageStateWords(st outreach.MessageState) string {
	if words, ok := map[outreach.MessageState]string{
		outreach.Pending: "waits to go out", outreach.Sending: "is going out", outreach.Sent: "sent", outreach.Failed: "could not be sent",
		outreach.Suppressed: "held back by policy", outreach.Unknown: "may have gone out; it is not sent again",
	}[st]; ok {
		return words
	}
	return string(st)
}

func remedyWords(m *devices.Model, id string) string {
	if m != nil {
		for _, r := range m.Remedies {
			if r.ID == id {
				return r.Words.In("en", r.ID)
			}
		}
	}
	return id
}

func slotWords(slot *outreach.Slot, zone *time.Location) string {
	if slot == nil {
		return ""
	}
	s := at(slot.Start, zone) + " to " + slot.End.In(zone).Format("15:04")
	if slot.Technician != "" {
		s += ", " + slot.Technician
	}
	return s
}

func at(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("Mon 2 Jan, 15:04 ") + zoneName(t, zone)
}
