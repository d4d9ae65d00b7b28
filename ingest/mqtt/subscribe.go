package mqtt

import (
	"slices"

	"github.com/forecare/forecare/ingest/mqtt/packet"
)

// subscription is one filter that a session has subscribed to.
type subscription struct {
	filter  string // without $share
	group   string // of a shared subscription, "" for others
	id      uint32 // MQTT 5, 0 for none
	qos     byte
	noLocal bool
	asIs    bool // the retain flag is passed on
}

// subscribed does what a SUBSCRIBE asks for.
func (c *connection) subscribed(h packet.Header, body []byte) error {
	var p packet.Subscribe
	if err := p.Decode(c.version, h.First, body); err != nil {
		return err
	}
	id := uint32(0)
	if len(p.Subscriptions) > 0 {
		id = p.Subscriptions[0]
	}
	answer := packet.Suback{Type: packet.SUBACK, ID: p.ID, Codes: make([]packet.Code, len(p.Filters))}
	var fresh []subscription // whose retained messages are to be sent
	for i := range p.Filters {
		f := &p.Filters[i]
		code := c.judge(string(f.Filter))
		if code == packet.Success {
			group, filter, _ := packet.CutShare(string(f.Filter))
			sub := subscription{filter: filter, group: group, id: id, qos: f.QoS, noLocal: f.NoLocal, asIs: f.RetainAsPublished}
			var again bool
			if code, again = c.session.subscribe(sub); code <= 2 && group == "" && (f.RetainHandling == 0 || f.RetainHandling == 1 && !again) {
				fresh = append(fresh, sub)
			}
		}
		if code > 2 {
			c.s.metrics.filters.Inc()
			c.s.log.Debug("subscription refused", "device", c.who.String(), "filter", string(f.Filter), "code", code)
		}
		answer.Codes[i] = code
	}
	c.send(func(out []byte) []byte { return answer.Append(out, c.version) })
	for _, sub := range fresh {
		c.sendRetained(sub)
	}
	return nil
}

// judge returns why a filter is refused, Success if it is not.
func (c *connection) judge(filter string) packet.Code {
	_, rest, shared := packet.CutShare(filter)
	switch {
	case len(filter) > c.s.limits.Filter, !packet.ValidFilter(filter):
		return packet.FilterInvalid
	case shared && c.who.user == "":
		return packet.SharedUnsupported
	case !c.s.mayRead(c.who, rest):
		return packet.NotAuthorized
	}
	return packet.Success
}

// subscribe adds a subscription, or replaces the one with the same filter, and
// returns the code for SUBACK. [MQTT-3.8.4-3]
func (s *session) subscribe(sub subscription) (code packet.Code, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(sub.group, sub.filter)
	switch {
	case i >= 0:
		s.subs[i] = sub
		return packet.Code(sub.qos), true
	case len(s.subs) >= s.server.limits.Subscriptions:
		return packet.QuotaExceeded, false
	}
	s.subs = append(s.subs, sub)
	return packet.Code(sub.qos), false
}

func (s *session) find(group, filter string) int {
	return slices.IndexFunc(s.subs, func(sub subscription) bool { return sub.group == group && sub.filter == filter })
}

// unsubscribed does what an UNSUBSCRIBE asks for.
func (c *connection) unsubscribed(h packet.Header, body []byte) error {
	var p packet.Unsubscribe
	if err := p.Decode(c.version, h.First, body); err != nil {
		return err
	}
	answer := packet.Suback{Type: packet.UNSUBACK, ID: p.ID}
	for _, f := range p.Filters {
		code := packet.NoSubscriptionExisted
		group, filter, _ := packet.CutShare(string(f))
		if c.session.unsubscribe(group, filter) {
			code = packet.Success
		}
		answer.Codes = append(answer.Codes, code)
	}
	c.send(func(out []byte) []byte { return answer.Append(out, c.version) })
	return nil
}

func (s *session) unsubscribe(group, filter string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(group, filter)
	if i < 0 {
		return false
	}
	s.subs = slices.Delete(s.subs, i, i+1)
	return true
}

// covering puts together what a session's subscriptions, but the shared ones,
// want of a message; ok is false if none covers it. [MQTT-3.3.4-2]
func (s *session) covering(m *message) (o outbound, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.subs {
		sub := &s.subs[i]
		if sub.group != "" || sub.noLocal && m.from == s || !packet.Matches(sub.filter, m.topic) {
			continue
		}
		ok = true
		o.qos = max(o.qos, min(m.qos, sub.qos))
		o.retain = o.retain || sub.asIs && m.retain
		if sub.id > 0 {
			o.ids = append(o.ids, sub.id)
		}
	}
	return o, ok
}
