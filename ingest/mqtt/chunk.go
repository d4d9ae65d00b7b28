package mqtt

import (
	"sync"
	"sync/atomic"
	"time"
)

// chunk is memory that a connection reads into and that the messages in it stay
// in until they are dealt with: nothing is copied. The reader holds on to it,
// and so does each message; the last one to let go gives it back.
type chunk struct {
	buf  []byte
	refs atomic.Int32
	pool *sync.Pool // nil for one that is larger than usual
	// budget is where the memory of a large one was taken from.
	budget *budget
}

const (
	smallChunk = 4 << 10
	largeChunk = 32 << 10
)

// chunks hand out memory.
type chunks struct {
	small, large sync.Pool
	budget       budget
}

func newChunks(large int) *chunks {
	s := &chunks{}
	s.small.New = func() any { return &chunk{buf: make([]byte, smallChunk), pool: &s.small} }
	s.large.New = func() any { return &chunk{buf: make([]byte, largeChunk), pool: &s.large} }
	s.budget.left = large
	s.budget.changed.L = &s.budget.mu
	return s
}

// get returns a chunk of at least that size, nil if there was no memory for it
// within the time.
func (s *chunks) get(size int, within time.Duration) *chunk {
	var c *chunk
	switch {
	case size <= smallChunk:
		c = s.small.Get().(*chunk)
	case size <= largeChunk:
		c = s.large.Get().(*chunk)
	case s.budget.take(size, within):
		c = &chunk{buf: make([]byte, size), budget: &s.budget}
	default:
		return nil
	}
	c.refs.Store(1)
	return c
}

func (c *chunk) hold() { c.refs.Add(1) }

// shared reports whether a message still needs it.
func (c *chunk) shared() bool { return c.refs.Load() > 1 }

func (c *chunk) release() {
	if c.refs.Add(-1) > 0 {
		return
	}
	switch {
	case c.pool != nil:
		c.pool.Put(c)
	case c.budget != nil:
		c.budget.give(len(c.buf))
	}
}

// budget bounds the memory of large packets, whose senders wait for their turn.
type budget struct {
	mu      sync.Mutex
	changed sync.Cond
	left    int
}

func (b *budget) take(n int, within time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left < n {
		late := false
		timer := time.AfterFunc(within, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			late = true
			b.changed.Broadcast()
		})
		defer timer.Stop()
		for b.left < n {
			if late {
				return false
			}
			b.changed.Wait()
		}
	}
	b.left -= n
	return true
}

func (b *budget) give(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += n
	b.changed.Broadcast()
}
