package ingest

import (
	"slices"
	"sync"
)

// room bounds a queue in bytes: those that wait and those in work. Whoever
// does not fit waits, and enters strictly in turn, so that a large message is
// not overtaken by small ones for ever. The queue's owner holds mu while it
// touches anything.
type room struct {
	mu      sync.Mutex
	filled  sync.Cond // for the one who empties the queue
	used    int
	limit   int
	waiting []*waiter
	closed  bool
}

// waiter is somebody who wants to put size bytes into a full queue.
type waiter struct {
	size    int
	granted bool
	ready   chan struct{}
}

func (r *room) init(limit int) {
	r.limit = limit
	r.filled.L = &r.mu
}

// enter waits until size bytes have room; false means that the queue is
// closed. It is called with mu held and returns with mu held, but gives it
// free while it waits.
func (r *room) enter(size int) bool {
	switch {
	case r.closed:
		return false
	case len(r.waiting) == 0 && r.fits(size):
		r.used += size
	default:
		w := &waiter{size: size, ready: make(chan struct{})}
		r.waiting = append(r.waiting, w)
		r.mu.Unlock()
		<-w.ready
		r.mu.Lock()
		if r.closed { // nobody may be left to empty it
			if w.granted {
				r.used -= size
			}
			return false
		}
	}
	r.filled.Signal()
	return true
}

// fits reports whether there is room. Something larger than the whole queue
// has the empty one to itself.
func (r *room) fits(size int) bool { return r.used == 0 || r.used+size <= r.limit }

// leave gives size bytes back, and passes them on to those who wait.
func (r *room) leave(size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used -= size
	n := 0
	for n < len(r.waiting) && r.fits(r.waiting[n].size) {
		w := r.waiting[n]
		r.used += w.size
		w.granted = true
		close(w.ready)
		n++
	}
	r.waiting = slices.Delete(r.waiting, 0, n)
}

// close turns away everyone who waits, and wakes the one who empties.
func (r *room) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, w := range r.waiting {
		close(w.ready)
	}
	r.waiting = nil
	r.filled.Signal()
}

func (r *room) bytes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.used
}
