package mqtt

import (
	"bytes"
	"sync"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/ingest/mqtt/packet"
)

// will is what a device wants to have said when it is lost. It goes the way of
// every message, Accept, and is judged there.
type will struct {
	message message
	delay   time.Duration
	expiry  time.Duration // of the message, 0 for none
}

// keepWill notes the will of a device. That of an application is nobody's.
func (c *connection) keepWill(p *packet.Connect) {
	if !p.HasWill || c.who.user != "" {
		return
	}
	seconds, _ := p.Will.Number(packet.WillDelay)
	w := &will{delay: time.Duration(seconds) * time.Second}
	if n, ok := p.Will.Number(packet.MessageExpiry); ok {
		w.expiry = time.Duration(n) * time.Second
	}
	topic := string(p.Will.Topic[:min(len(p.Will.Topic), maxTopic)])
	w.message = message{topic: topic, payload: bytes.Clone(p.Will.Payload), qos: p.Will.QoS, retain: p.Will.Retain}
	w.message.setProperties(&p.Will.Properties, time.Now())
	w.message.expires = time.Time{}
	c.will = w
}

// sendWill publishes the will, if the connection ended in a way that asks for
// it. When we stop it is not the device that is lost. [MQTT-3.1.2-8]
func (c *connection) sendWill(e Ending) {
	c.mu.Lock()
	goodbye := c.goodbye
	c.mu.Unlock()
	if c.will == nil || goodbye || e == EndedByStop {
		return
	}
	delay := time.Duration(0)
	if c.version == packet.V5 { // [MQTT-3.1.3-9]
		c.session.mu.Lock()
		delay = min(c.will.delay, c.session.expiry)
		c.session.mu.Unlock()
	}
	if delay == 0 {
		c.publishWill()
		return
	}
	// A connection that takes over calls resumed next.
	c.s.wills.after(delay, c.session.key(), c.publishWill)
}

func (c *connection) publishWill() {
	s, m := c.s, &c.will.message
	defer func() {
		if r := recover(); r != nil {
			s.panicked(c, r)
		}
	}()
	now := time.Now()
	if c.will.expiry > 0 {
		m.expires = now.Add(c.will.expiry)
	}
	s.options.Accept(ingest.Message{Publisher: c.who.key, Topic: m.topic, Payload: m.payload, Received: now}, func(o ingest.Outcome) {
		s.metrics.count(o)
		if o.Err != nil {
			s.log.Warn("a last will could not be kept", "device", c.who.String(), "error", o.Err)
			return
		}
		t, err := devices.ParseTopic(m.topic)
		if o.Rejected != nil || err != nil || t.Kind == devices.TopicCommand {
			return
		}
		m.key, m.state = t.Key, t.Kind == devices.TopicState && len(m.payload) <= s.limits.Retained
		s.route(m)
	})
}

// wills are those that wait for their delay. [MQTT-3.1.3-9]
type wills struct {
	mu      sync.Mutex
	stopped bool
	waiting map[sessionKey]*waiting
}

type waiting struct {
	timer   *time.Timer
	publish func()
}

func newWills() *wills { return &wills{waiting: map[sessionKey]*waiting{}} }

// after publishes when the delay is over, unless the session is resumed before.
func (w *wills) after(delay time.Duration, session sessionKey, publish func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	entry := &waiting{publish: publish}
	entry.timer = time.AfterFunc(delay, func() {
		if w.take(session, entry) {
			publish()
		}
	})
	w.waiting[session] = entry
}

// take removes the entry and reports whether it was still there.
func (w *wills) take(session sessionKey, entry *waiting) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped || w.waiting[session] != entry {
		return false
	}
	delete(w.waiting, session)
	return true
}

// resumed tells that the session has a connection again. A clean start ends the
// old session, and with it the wait.
func (w *wills) resumed(session sessionKey, clean bool) {
	w.mu.Lock()
	entry := w.waiting[session]
	w.mu.Unlock()
	if entry != nil && w.take(session, entry) {
		entry.timer.Stop()
		if clean {
			entry.publish()
		}
	}
}

// stop forgets those that wait: the devices will be back before we know more.
func (w *wills) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	for _, entry := range w.waiting {
		entry.timer.Stop()
	}
}
