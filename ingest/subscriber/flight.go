package subscriber

import (
	"strings"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/forecare/forecare/ingest"
)

// flight is a message between its arrival and its acknowledgement.
type flight struct {
	message paho.Message
	outcome chan ingest.Outcome
}

// take takes one message. paho calls it for one after the other, so that those
// of a device are accepted in their order, and while it waits nothing is read:
// that is the back-pressure which the broker feels.
func (c *connection) take(m paho.Message) {
	if m.Topic() == droppedTopic {
		c.s.dropped.heard(string(m.Payload()))
		return
	}
	select {
	case <-c.closing: // the broker delivers it again
		return
	default:
	}
	f := &flight{message: m, outcome: make(chan ingest.Outcome, 1)}
	if !c.budget.take(len(m.Payload()), c.closing) {
		return
	}
	select {
	case c.flights <- f:
	case <-c.closing:
		return
	}
	if m.Duplicate() {
		c.s.metrics.redelivered.Inc()
	}
	if m.Retained() && !strings.HasSuffix(m.Topic(), "/state") {
		// The copy that the broker keeps for new subscribers: the message itself
		// came when it was published. A reading without a time would be born
		// again with every connection. [TP-10.5]
		c.s.metrics.retained.Inc()
		f.outcome <- ingest.Outcome{}
		return
	}
	c.s.options.Accept(ingest.Message{
		Publisher: c.s.options.publisher(m.Topic()), Topic: m.Topic(), Payload: m.Payload(), Received: time.Now(),
	}, func(o ingest.Outcome) {
		c.s.metrics.count(o, m.Qos())
		f.outcome <- o
	})
}

// acknowledge answers messages in the order of their arrival, as MQTT wants it
// [MQTT-4.6.0-2], until the connection closes and none is left. It is not done
// where the outcome comes from, because writing to the broker may take long.
func (c *connection) acknowledge() {
	defer close(c.settled)
	for {
		select {
		case f := <-c.flights:
			c.settle(f)
		case <-c.closing:
			for {
				select {
				case f := <-c.flights:
					c.settle(f)
				default:
					return
				}
			}
		}
	}
}

// settle waits for one message's outcome and acts on it. A fault ends the
// connection, since nothing else makes a broker deliver a message again;
// nothing behind it is acknowledged. [TP-10.3]
func (c *connection) settle(f *flight) {
	o := <-f.outcome
	c.budget.give(len(f.message.Payload()))
	if f.message.Qos() == 0 {
		return
	}
	if o.Err != nil {
		c.retreat(&fault{o.Err})
	}
	select {
	case <-c.dead:
	default:
		f.message.Ack()
		c.acked.Store(true)
	}
}
