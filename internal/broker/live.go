package broker

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/forecare/forecare/devices"
)

// live knows the connections of authenticated devices, and the sessions that
// outlive theirs.
type live struct {
	tell func(key devices.Key, connected bool, reason string, at time.Time)

	mu       sync.Mutex
	open     map[*connection]struct{} // all, also those that are not authenticated
	sessions map[string]*connection   // by session; nil while nobody is connected
	devices  map[devices.Key]*deviceSessions

	// telling keeps comings and goings in their order.
	telling sync.Mutex
}

// deviceSessions are the sessions of one device, the one that was used longest
// ago first.
type deviceSessions struct {
	ids       []string
	connected int // connections that were announced
}

func newLive(tell func(key devices.Key, connected bool, reason string, at time.Time)) *live {
	if tell == nil {
		tell = func(devices.Key, bool, string, time.Time) {}
	}
	return &live{tell: tell, open: map[*connection]struct{}{}, sessions: map[string]*connection{}, devices: map[devices.Key]*deviceSessions{}}
}

// opened and closed keep track of network connections.
func (l *live) opened(c *connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[c] = struct{}{}
}

func (l *live) closed(c *connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
}

// enter registers a connection for its session and returns the one that it
// takes over from, if any. A device may have so many sessions; for one more, its
// oldest without a connection is given up (evicted), and if there is none, ok is
// false.
func (l *live) enter(c *connection, most int) (old *connection, evicted string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.devices[c.key]
	if d == nil {
		d = &deviceSessions{}
		l.devices[c.key] = d
	}
	if i := slices.Index(d.ids, c.id); i >= 0 {
		d.ids = slices.Delete(d.ids, i, i+1)
	} else if len(d.ids) >= most {
		i := slices.IndexFunc(d.ids, func(id string) bool { return l.sessions[id] == nil })
		if i < 0 {
			return nil, "", false
		}
		evicted = d.ids[i]
		delete(l.sessions, evicted)
		d.ids = slices.Delete(d.ids, i, i+1)
	}
	old = l.sessions[c.id]
	l.sessions[c.id] = c
	d.ids = append(d.ids, c.id)
	return old, evicted, true
}

// arrived announces a connection whose device has got its CONNACK.
func (l *live) arrived(c *connection) {
	l.telling.Lock()
	defer l.telling.Unlock()
	l.mu.Lock()
	d := l.devices[c.key]
	c.announced = true
	d.connected++
	first := d.connected == 1
	l.mu.Unlock()
	if first {
		l.tell(c.key, true, "", time.Now())
	}
}

// leave removes a connection, and its session too if that ends with it.
func (l *live) leave(c *connection, e Ending, expires bool) {
	l.telling.Lock()
	defer l.telling.Unlock()
	l.mu.Lock()
	d := l.devices[c.key]
	if l.sessions[c.id] == c { // nobody has taken over
		l.sessions[c.id] = nil
		if expires {
			l.forget(c.key, c.id)
		}
	}
	last := false
	if c.announced {
		d.connected--
		last = d.connected == 0
	}
	l.mu.Unlock()
	if last {
		l.tell(c.key, false, string(e), time.Now())
	}
}

// expired removes a session whose time is over.
func (l *live) expired(key devices.Key, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c, ok := l.sessions[id]; ok && c == nil {
		l.forget(key, id)
	}
}

// forget removes a session. l.mu must be held.
func (l *live) forget(key devices.Key, id string) {
	delete(l.sessions, id)
	d := l.devices[key]
	if i := slices.Index(d.ids, id); i >= 0 {
		d.ids = slices.Delete(d.ids, i, i+1)
	}
	if len(d.ids) == 0 {
		delete(l.devices, key)
	}
}

// of returns the connections of a device.
func (l *live) of(key devices.Key) []*connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.devices[key]
	if d == nil {
		return nil
	}
	var out []*connection
	for _, id := range d.ids {
		if c := l.sessions[id]; c != nil {
			out = append(out, c)
		}
	}
	return out
}

// all returns every connection.
func (l *live) all() []*connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.open))
}
