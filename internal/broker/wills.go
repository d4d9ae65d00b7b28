package broker

import (
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"

	"github.com/forecare/forecare/ingest"
)

// will is what a device wants to have said when it is lost. It goes the way of
// every message, Accept, and is judged there.
type will struct {
	topic   string
	payload []byte
	retain  bool
	delay   time.Duration
}

// keepWill takes the will away from mochi-mqtt, which would publish it to
// others without asking anyone.
func (c *connection) keepWill(cl *mqtt.Client) {
	w := cl.Properties.Will
	if w.Flag == 0 {
		return
	}
	c.will = &will{topic: w.TopicName, payload: w.Payload, retain: w.Retain, delay: time.Duration(w.WillDelayInterval) * time.Second}
	cl.Properties.Will = mqtt.Will{}
}

// sendWill publishes the will, if the connection ended in a way that asks for
// it. When we stop it is not the device that is lost.
func (c *connection) sendWill(e Ending) {
	c.mu.Lock()
	goodbye := c.goodbye
	c.mu.Unlock()
	if c.will == nil || goodbye || e == EndedByStop {
		return
	}
	delay := time.Duration(0)
	if c.version == 5 {
		session := min(time.Duration(c.cl.Properties.Props.SessionExpiryInterval)*time.Second, c.b.limits.Session)
		delay = min(c.will.delay, session)
	}
	if delay == 0 {
		c.publishWill()
		return
	}
	// A connection that takes over calls resumed next.
	c.b.wills.after(delay, c.id, c.publishWill)
}

func (c *connection) publishWill() {
	b, w := c.b, c.will
	m := ingest.Message{Publisher: c.key, Topic: w.topic, Payload: w.payload, Received: time.Now()}
	b.options.Accept(m, func(o ingest.Outcome) {
		b.metrics.count(o)
		switch {
		case o.Err != nil:
			b.log.Warn("a last will could not be kept", "device", c.key.String(), "error", o.Err)
		case o.Rejected == nil && b.forSubscribers(m):
			_ = b.server.Publish(w.topic, w.payload, w.retain, 0) // fails only without an inline client
		}
	})
}

// wills are those that wait for their delay. [MQTT-3.1.3-9]
type wills struct {
	mu      sync.Mutex
	stopped bool
	waiting map[string]*waiting // by session
}

type waiting struct {
	timer   *time.Timer
	publish func()
}

func newWills() *wills { return &wills{waiting: map[string]*waiting{}} }

// after publishes when the delay is over, unless the session is resumed before.
func (w *wills) after(delay time.Duration, session string, publish func()) {
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
func (w *wills) take(session string, entry *waiting) bool {
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
func (w *wills) resumed(session string, clean bool) {
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
