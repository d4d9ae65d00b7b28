package mqtt

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/forecare/forecare/devices"
)

// directory knows the connections of authenticated clients, and the sessions
// that outlive theirs.
type directory struct {
	tell     func(key devices.Key, connected bool, reason string, at time.Time)
	admitted atomic.Int64 // connections of authenticated clients
	// applications counts sessions of applications: mostly there are none.
	applications atomic.Int64

	mu      sync.RWMutex
	open    map[*connection]struct{} // all, also those that are not authenticated
	owners  map[identity]*owner
	readers map[string][]*session // of applications, by tenant

	// telling keeps comings and goings in their order.
	telling sync.Mutex
}

// owner is who has sessions, the one that was used longest ago first.
type owner struct {
	sessions  []*session
	connected int // connections that were announced; guarded by telling
}

func newDirectory(tell func(key devices.Key, connected bool, reason string, at time.Time)) *directory {
	if tell == nil {
		tell = func(devices.Key, bool, string, time.Time) {}
	}
	return &directory{tell: tell, open: map[*connection]struct{}{}, owners: map[identity]*owner{}, readers: map[string][]*session{}}
}

// opened and closed keep track of network connections.
func (d *directory) opened(c *connection) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[c] = struct{}{}
}

func (d *directory) closed(c *connection) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, c)
}

// enter gives a connection its session, an old one or a new one, and ends the
// connection that the session has. An owner may have so many sessions; for one
// more, its oldest without a connection is given up. The reason says why there
// is no session.
func (d *directory) enter(c *connection, client string, clean bool, expiry time.Duration, l Limits) (s *session, present bool, reason string) {
	var deadline <-chan time.Time
	for {
		s, present, old, evicted, ok := d.claim(c, client, clean, expiry, l.Sessions)
		if !ok {
			return nil, false, refusedSessions
		}
		if evicted != nil {
			c.s.wills.resumed(evicted.key(), true)
		}
		if old == nil {
			return s, present, ""
		}
		// Its last words come before the first of this connection.
		old.hurry()
		old.end(EndedByTakeover)
		if deadline == nil {
			timer := time.NewTimer(l.Write)
			defer timer.Stop()
			deadline = timer.C
		}
		select {
		case <-old.done:
		case <-deadline:
			return nil, false, refusedTakeover
		}
	}
}

// claim makes the connection the session's, unless it has one already, which is
// returned as old. A session that had to go for it is evicted.
func (d *directory) claim(c *connection, client string, clean bool, expiry time.Duration, most int) (s *session, present bool, old *connection, evicted *session, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.owners[c.who]
	if o == nil {
		o = &owner{}
		d.owners[c.who] = o
	}
	i := slices.IndexFunc(o.sessions, func(s *session) bool { return s.client == client })
	if i >= 0 {
		s = o.sessions[i]
		if old := s.holder; old != nil {
			return nil, false, old, nil, true
		}
		if !clean {
			o.sessions = append(slices.Delete(o.sessions, i, i+1), s)
			s.holder = c
			s.resume(expiry)
			return s, true, nil, nil, true
		}
		d.forget(s)
	} else if len(o.sessions) >= most {
		i := slices.IndexFunc(o.sessions, func(s *session) bool { return s.holder == nil })
		if i < 0 {
			return nil, false, nil, nil, false
		}
		evicted = o.sessions[i]
		d.forget(evicted)
	}
	d.owners[c.who] = o // it went with its last session, perhaps
	s = &session{server: c.s, owner: c.who, client: client, expiry: expiry, holder: c}
	o.sessions = append(o.sessions, s)
	if c.who.user != "" {
		d.applications.Add(1)
		d.readers[c.who.key.Tenant] = append(d.readers[c.who.key.Tenant], s)
	}
	return s, false, nil, evicted, true
}

// arrived announces a connection whose client has got its CONNACK.
func (d *directory) arrived(c *connection) {
	d.telling.Lock()
	defer d.telling.Unlock()
	d.mu.RLock()
	o := d.owners[c.who]
	d.mu.RUnlock()
	c.announced = true
	o.connected++
	if o.connected == 1 && c.who.user == "" {
		d.tell(c.who.key, true, "", time.Now())
	}
}

// leave takes the connection from its session, which ends or waits.
func (d *directory) leave(c *connection, e Ending, expires time.Duration) {
	d.admitted.Add(-1)
	d.telling.Lock()
	defer d.telling.Unlock()
	s := c.session
	d.mu.Lock()
	o := d.owners[c.who]
	s.holder = nil
	if expires <= 0 {
		d.forget(s)
	} else {
		s.until = time.Now().Add(expires)
		s.timer = time.AfterFunc(expires, func() { d.expire(s) })
	}
	d.mu.Unlock()
	if c.announced {
		if o.connected--; o.connected == 0 && c.who.user == "" {
			d.tell(c.who.key, false, string(e), time.Now())
		}
	}
}

// expire ends a session whose time is over.
func (d *directory) expire(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.holder == nil && !time.Now().Before(s.until) {
		d.forget(s)
	}
}

// forget ends a session. d.mu must be held.
func (d *directory) forget(s *session) {
	if s.gone {
		return
	}
	s.gone = true
	if s.timer != nil {
		s.timer.Stop()
	}
	same := func(other *session) bool { return other == s }
	if o := d.owners[s.owner]; o != nil {
		if o.sessions = slices.DeleteFunc(o.sessions, same); len(o.sessions) == 0 {
			delete(d.owners, s.owner)
		}
	}
	if s.owner.user != "" {
		d.applications.Add(-1)
		tenant := s.owner.key.Tenant
		// Others may be reading the old list.
		rest := slices.DeleteFunc(slices.Clone(d.readers[tenant]), same)
		if d.readers[tenant] = rest; len(rest) == 0 {
			delete(d.readers, tenant)
		}
	}
}

// sessions appends those of an owner.
func (d *directory) sessions(who identity, to []*session) []*session {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if o := d.owners[who]; o != nil {
		to = append(to, o.sessions...)
	}
	return to
}

// tenantReaders returns the sessions of a tenant's applications. They must not
// be changed.
func (d *directory) tenantReaders(tenant string) []*session {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.readers[tenant]
}

// connections returns those of an owner.
func (d *directory) connections(who identity) []*connection {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var out []*connection
	if o := d.owners[who]; o != nil {
		for _, s := range o.sessions {
			if s.holder != nil {
				out = append(out, s.holder)
			}
		}
	}
	return out
}

// all returns every connection.
func (d *directory) all() []*connection {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return slices.Collect(maps.Keys(d.open))
}

// stop forgets the timers of sessions.
func (d *directory) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.owners {
		for _, s := range o.sessions {
			if s.timer != nil {
				s.timer.Stop()
			}
		}
	}
}
