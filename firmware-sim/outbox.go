package sim

import (
	"slices"
	"time"
)

// message is one MQTT message of an outbox. Through is the sample time of the
// last reading in it, zero if it holds none.
type message struct {
	topic    string
	payload  []byte
	retained bool
	through  time.Time
	readings int

	sent, settled bool
}

// outbox is what a device has to say and has not been acknowledged, in order.
// A message leaves it only when its PUBACK came, so nothing is lost with a
// connection; what was under way is sent again on the next one. Its owner
// alone may use it.
type outbox struct {
	window   int // messages under way at a time
	messages []*message
	underway int
	reached  time.Time // everything sampled up to here is acknowledged
}

// add queues a message behind the others.
func (o *outbox) add(m *message) { o.messages = append(o.messages, m) }

// waiting returns how many messages are in the outbox, under way or not.
func (o *outbox) waiting() int { return len(o.messages) }

// next returns the first message that is not under way, or nil if there is
// none or the window is full. The caller sends it.
func (o *outbox) next() *message {
	if o.underway >= o.window {
		return nil
	}
	for _, m := range o.messages {
		if !m.sent {
			m.sent = true
			o.underway++
			return m
		}
	}
	return nil
}

// settle notes the PUBACK of a message and forgets what is acknowledged
// without a gap.
func (o *outbox) settle(m *message) {
	if m.settled {
		return
	}
	m.settled = true
	if m.sent {
		o.underway--
	}
	for len(o.messages) > 0 && o.messages[0].settled {
		if t := o.messages[0].through; t.After(o.reached) {
			o.reached = t
		}
		o.messages[0] = nil
		o.messages = o.messages[1:]
	}
}

// rewind forgets that messages were under way: their connection is gone.
func (o *outbox) rewind() {
	o.underway = 0
	for _, m := range o.messages {
		if !m.settled {
			m.sent = false
		}
	}
}

// withdraw takes back the messages of a topic that are not under way: what
// they say is no longer so.
func (o *outbox) withdraw(topic string) {
	o.messages = slices.DeleteFunc(o.messages, func(m *message) bool {
		return m.topic == topic && !m.sent
	})
}
