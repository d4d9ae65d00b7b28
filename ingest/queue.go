package ingest

import "sync"

// room bounds a queue in bytes: those that wait and those in work. Whoever
// would exceed it waits for its turn. The queue's owner holds mu while it
// touches anything.
type room struct {
	mu      sync.Mutex
	free    sync.Cond // for those who wait to get in, first come first served
	filled  sync.Cond // for the one who empties the queue
	used    int
	limit   int
	waiting int
	closed  bool
}

func (r *room) init(limit int) {
	r.limit = limit
	r.free.L, r.filled.L = &r.mu, &r.mu
}

// enter waits, with mu held, until size bytes have room; false means that the
// queue is closed. Something larger than the whole queue enters an empty one.
func (r *room) enter(size int) bool {
	for !r.closed && r.used > 0 && r.used+size > r.limit {
		r.waiting++
		r.free.Wait()
		r.waiting--
	}
	if r.closed {
		return false
	}
	r.used += size
	r.filled.Signal()
	r.invite()
	return true
}

// leave gives size bytes back.
func (r *room) leave(size int) {
	r.mu.Lock()
	r.used -= size
	r.invite()
	r.mu.Unlock()
}

// invite wakes the next one who waits. That one invites the one after it, so
// a thousand waiting connections are not all woken for the place of one.
func (r *room) invite() {
	if r.waiting > 0 && r.used < r.limit {
		r.free.Signal()
	}
}

// close wakes everyone: those who wait to get in are turned away.
func (r *room) close() {
	r.mu.Lock()
	r.closed = true
	r.free.Broadcast()
	r.filled.Broadcast()
	r.mu.Unlock()
}

func (r *room) bytes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.used
}
