package mqtt

import (
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest/mqtt/packet"
)

// route tells a message that was accepted to those who may know: a state to the
// device itself and its gateway, everything to applications of the tenant. Who
// they are is known from the device, so that no message is compared with the
// subscriptions of strangers. It never waits.
func (s *Server) route(m *message) {
	if m.state {
		if m.retain {
			s.retain(m)
		}
		to := s.directory.sessions(identity{key: m.key}, nil)
		if d, _, ok := s.options.Registry.Lookup(m.key); ok && d.Gateway != "" {
			to = s.directory.sessions(identity{key: devices.Key{Tenant: m.key.Tenant, Device: d.Gateway}}, to)
		}
		for _, session := range to {
			s.offer(session, &m)
		}
	}
	readers := s.directory.tenantReaders(m.key.Tenant)
	shared := false
	for _, session := range readers {
		s.offer(session, &m)
		shared = shared || session.shares()
	}
	if shared {
		s.share(readers, &m)
	}
}

// offer sends a message to a session that has subscribed to it. The first one
// who takes it makes it a message of its own.
func (s *Server) offer(session *session, m **message) {
	o, ok := session.covering(*m)
	if !ok || !s.mayRead(session.owner, (*m).topic) {
		return
	}
	own(m)
	o.message = *m
	session.deliver(&o, true)
}

// own makes the payload independent of the connection that it came on.
func own(m **message) {
	if !(*m).owned {
		*m = (*m).copy()
	}
}

// shares reports whether the session has shared subscriptions.
func (s *session) shares() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.subs {
		if s.subs[i].group != "" {
			return true
		}
	}
	return false
}

// member is one of a group that shares a subscription.
type member struct {
	session *session
	sub     subscription
	online  bool
}

// share gives a message to one member of each group, those connected first.
// [MQTT-4.8.2-4]
func (s *Server) share(readers []*session, m **message) {
	groups := map[[2]string][]member{}
	for _, session := range readers {
		session.mu.Lock()
		for _, sub := range session.subs {
			if sub.group != "" && packet.Matches(sub.filter, (*m).topic) {
				k := [2]string{sub.group, sub.filter}
				groups[k] = append(groups[k], member{session, sub, session.conn != nil})
			}
		}
		session.mu.Unlock()
	}
	turn := s.turn.Add(1)
	for _, all := range groups {
		own(m)
		for i := range 2 * len(all) {
			one := all[(int(turn%1_000_003)+i)%len(all)]
			if one.online != (i < len(all)) {
				continue
			}
			o := outbound{message: *m, qos: min((*m).qos, one.sub.qos)}
			if one.sub.id > 0 {
				o.ids = []uint32{one.sub.id}
			}
			if one.session.deliver(&o, true) {
				break
			}
		}
	}
}
