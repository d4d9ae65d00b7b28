package devices

import "strings"

// TopicKind says what a topic carries.
type TopicKind int

// The kinds of topic, with their form behind fleet/{tenant}/{device}/.
const (
	TopicTelemetry TopicKind = iota + 1 // telemetry: readings, from the device
	TopicEvent                          // event: anything the firmware wants to tell
	TopicState                          // state: online or not; retained, last will
	TopicCommand                        // cmd/{id}: to the device
	TopicAck                            // cmd/{id}/ack: the device's answer to it
)

// String returns the kind as a word.
func (k TopicKind) String() string {
	switch k {
	case TopicTelemetry:
		return "telemetry"
	case TopicEvent:
		return "event"
	case TopicState:
		return "state"
	case TopicCommand:
		return "command"
	case TopicAck:
		return "ack"
	}
	return "unknown"
}

// Topic is an MQTT topic of the fleet. Command is the command's id for
// TopicCommand and TopicAck, else empty.
type Topic struct {
	Key
	Kind    TopicKind
	Command string
}

const topicForms = "fleet/{tenant}/{device}/telemetry, event, state, cmd/{id} or cmd/{id}/ack"

// ParseTopic reads a topic name. It takes exactly the five forms, every level
// of them an identifier: no empty level, no wildcard, nothing before or behind.
// The parts of the result share memory with s. The error is Invalid and says
// which level is wrong. [TP-1.2]
func ParseTopic(s string) (Topic, error) {
	var t Topic
	rest, ok := strings.CutPrefix(s, "fleet/")
	if !ok {
		return Topic{}, Errorf(Invalid, "the topic %s does not begin with fleet/; use %s", quoteShort(s), topicForms)
	}
	t.Tenant, rest, _ = strings.Cut(rest, "/")
	if !ValidID(t.Tenant) {
		return Topic{}, badLevel("tenant", t.Tenant)
	}
	t.Device, rest, _ = strings.Cut(rest, "/")
	if !ValidID(t.Device) {
		return Topic{}, badLevel("device", t.Device)
	}
	switch rest {
	case "telemetry":
		t.Kind = TopicTelemetry
		return t, nil
	case "event":
		t.Kind = TopicEvent
		return t, nil
	case "state":
		t.Kind = TopicState
		return t, nil
	}
	id, ok := strings.CutPrefix(rest, "cmd/")
	if !ok {
		return Topic{}, Errorf(Invalid, "the topic ends in %s, which is none of the known forms; use %s", quoteShort(rest), topicForms)
	}
	t.Kind = TopicCommand
	if id, ok = strings.CutSuffix(id, "/ack"); ok {
		t.Kind = TopicAck
	}
	if !ValidID(id) {
		return Topic{}, badLevel("command", id)
	}
	t.Command = id
	return t, nil
}

// String returns the topic name, the inverse of ParseTopic. It is "" for a
// Topic of no known kind.
func (t Topic) String() string {
	prefix := "fleet/" + t.Tenant + "/" + t.Device
	switch t.Kind {
	case TopicTelemetry, TopicEvent, TopicState:
		return prefix + "/" + t.Kind.String()
	case TopicCommand:
		return prefix + "/cmd/" + t.Command
	case TopicAck:
		return prefix + "/cmd/" + t.Command + "/ack"
	}
	return ""
}

func badLevel(name, got string) error {
	return Errorf(Invalid, "the %s in the topic is %s; use 1 to 64 letters, digits, colons, dots, underscores or hyphens", name, quoteShort(got))
}
