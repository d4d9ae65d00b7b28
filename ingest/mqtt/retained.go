package mqtt

import (
	"sync"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest/mqtt/packet"
)

// retained keeps the last state of each device for those who subscribe later.
// [TP-4.8]
type retained struct {
	limit int

	mu      sync.Mutex
	used    int
	tenants map[string]map[string]*message // tenant, device
}

func newRetained(limit int) *retained {
	return &retained{limit: limit, tenants: map[string]map[string]*message{}}
}

// put keeps a state, or forgets it if it is empty; false means that there is no
// room.
func (r *retained) put(m *message) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	states := r.tenants[m.key.Tenant]
	old := 0
	if before := states[m.key.Device]; before != nil {
		old = before.size()
	}
	r.used -= old
	delete(states, m.key.Device)
	if len(m.payload) == 0 { // [MQTT-3.3.1-6]
		return true
	}
	if r.used+m.size() > r.limit {
		return false
	}
	if states == nil {
		states = map[string]*message{}
		r.tenants[m.key.Tenant] = states
	}
	states[m.key.Device] = m
	r.used += m.size()
	return true
}

// size is about how much memory it takes.
func (m *message) size() int { return len(m.payload) + len(m.properties) + len(m.topic) + 200 }

// of returns a device's state, nil if there is none.
func (r *retained) of(key devices.Key) *message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tenants[key.Tenant][key.Device]
}

// all returns the states of a tenant's devices.
func (r *retained) all(tenant string) []*message {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]*message, 0, len(r.tenants[tenant]))
	for _, m := range r.tenants[tenant] {
		out = append(out, m)
	}
	return out
}

// retain keeps a state that was accepted.
func (s *Server) retain(m *message) {
	keep := m.copy()
	keep.from = nil
	if !s.retained.put(keep) {
		s.metrics.dropped.WithLabelValues("retained_full").Inc()
		if further, say := s.refusals.due(seenKey{"retained_full", ""}, time.Now()); say {
			s.log.Warn("states are no longer retained: the room for them is full", "further", further)
		}
	}
}

// sendRetained sends the states that a new subscription covers. It may wait for
// the client to read what is before them.
func (c *connection) sendRetained(sub subscription) {
	now := time.Now()
	for _, m := range c.s.statesFor(c.who, sub.filter) {
		if m.expired(now) || !packet.Matches(sub.filter, m.topic) || !c.s.mayRead(c.who, m.topic) {
			continue
		}
		o := outbound{message: m, qos: min(m.qos, sub.qos), retain: true}
		if sub.id > 0 {
			o.ids = []uint32{sub.id}
		}
		if c.backlog() > c.s.limits.QueueBytes/2 {
			c.uncork()
			c.mu.Lock()
			c.corked = true
			c.mu.Unlock()
		}
		c.session.deliver(&o, true)
	}
}

// statesFor returns the states among which those are that a filter covers.
func (s *Server) statesFor(who identity, filter string) []*message {
	if who.user != "" {
		return s.retained.all(who.key.Tenant)
	}
	// The first three levels of a device's filter name a device.
	t, err := devices.ParseTopic(stateOf(filter))
	if err != nil {
		return nil
	}
	if m := s.retained.of(t.Key); m != nil {
		return []*message{m}
	}
	return nil
}

// stateOf returns the topic of the state of the device that a filter names.
func stateOf(filter string) string {
	slashes := 0
	for i := range len(filter) {
		if filter[i] == '/' {
			if slashes++; slashes == 3 {
				return filter[:i] + "/state"
			}
		}
	}
	return filter
}
