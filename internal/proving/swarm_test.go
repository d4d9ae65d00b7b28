package proving_test

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/loadgen"
)

// swarm is a cohort that publishes over MQTT, step by step and without pause,
// until it is told to finish. A device that loses its connection connects again
// and sends again what was not acknowledged, and nothing else.
type swarm struct {
	cohort  cohort
	address string
	tokens  map[devices.Key]string
	pace    time.Duration // least time between two steps

	pubacks   atomic.Int64
	published atomic.Int64
	silence   atomic.Int64 // longest time between two PUBACKs since quiet was reset, nanoseconds
	newest    atomic.Int64 // of the PUBACKs, Unix nanoseconds

	mu      sync.Mutex
	moved   *sync.Cond
	members []*member
	behind  int // step of the slowest
	until   int // step at which all stop
	began   time.Time
}

// member is one device.
type member struct {
	*swarm
	index int
	acked []bool // by step
	low   int    // steps below it are acknowledged
}

// ahead is how many steps a device may be ahead of the slowest, and how many of
// its messages may be in flight.
const ahead = 4

func newSwarm(c cohort, address string, tokens map[devices.Key]string, pace time.Duration) *swarm {
	w := &swarm{cohort: c, address: address, tokens: tokens, pace: pace, until: math.MaxInt, began: time.Now()}
	w.moved = sync.NewCond(&w.mu)
	for i := range c.devices {
		w.members = append(w.members, &member{swarm: w, index: i})
	}
	return w
}

// run returns when every device has had every reading acknowledged, or ctx
// ends.
func (w *swarm) run(ctx context.Context) {
	defer context.AfterFunc(ctx, w.wake)()
	var all sync.WaitGroup
	for _, m := range w.members {
		all.Go(func() { m.run(ctx) })
	}
	// Steps become due with time as well.
	tick := time.NewTicker(max(w.pace/2, time.Millisecond))
	defer tick.Stop()
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			w.wake()
		}
	}
}

// finish lets all devices come to the same step and stop there. It returns how
// many readings each will have had acknowledged.
func (w *swarm) finish() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.until = w.behind + ahead
	w.moved.Broadcast()
	return w.until
}

// acknowledged is how many readings have been, each counted once.
func (w *swarm) acknowledged() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.members {
		for _, yes := range m.acked {
			if yes {
				n++
			}
		}
	}
	return n
}

func (w *swarm) wake() {
	w.mu.Lock()
	w.moved.Broadcast()
	w.mu.Unlock()
}

func (m *member) run(ctx context.Context) {
	for ctx.Err() == nil && !m.done() {
		m.connected(ctx)
		again := time.NewTimer(20 * time.Millisecond)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
		}
	}
}

func (m *member) done() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.low >= m.until
}

// connected publishes over one connection until it breaks or all is done.
func (m *member) connected(ctx context.Context) {
	key := m.cohort.key(m.index)
	topic := "fleet/" + key.String() + "/telemetry"
	var steps []int // by the message's number on this connection
	dialing, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := loadgen.Dial(dialing, m.address, key.String(), key.String(), m.tokens[key], ahead, func(n uint64, _ time.Duration) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.take(steps[n])
	})
	if err != nil {
		return
	}
	defer c.Close()
	go func() { <-c.Done(); m.wake() }()

	m.mu.Lock()
	defer m.mu.Unlock()
	for s := m.low; ; s++ {
		if s < len(m.acked) && m.acked[s] {
			continue
		}
		if !m.turn(ctx, c, s) {
			return
		}
		steps = append(steps, s)
		m.mu.Unlock()
		m.published.Add(1)
		err := c.Publish(ctx, topic, m.cohort.payload(m.index, s))
		m.mu.Lock()
		if err != nil {
			return
		}
	}
}

// turn waits until step s may be published. It returns false when the
// connection is over, or when s is past the end and all before it is
// acknowledged. The lock is held.
func (m *member) turn(ctx context.Context, c *loadgen.Conn, s int) bool {
	flushed := false
	for {
		select {
		case <-c.Done():
			return false
		default:
		}
		if ctx.Err() != nil || m.low >= m.until {
			return false
		}
		due := time.Duration(s) * m.pace
		if s < m.until && s < m.behind+ahead && time.Since(m.began) >= due {
			return true
		}
		if !flushed {
			m.mu.Unlock()
			err := c.Flush()
			m.mu.Lock()
			if err != nil {
				return false
			}
			flushed = true
			continue
		}
		m.moved.Wait()
	}
}

// take notes an acknowledgement. The lock is held.
func (m *member) take(s int) {
	now := time.Now().UnixNano()
	if last := m.newest.Swap(now); last > 0 {
		m.silence.Store(max(m.silence.Load(), now-last))
	}
	m.pubacks.Add(1)
	for len(m.acked) <= s {
		m.acked = append(m.acked, false)
	}
	m.acked[s] = true
	for m.low < len(m.acked) && m.acked[m.low] {
		m.low++
	}
	slowest := math.MaxInt
	for _, other := range m.members {
		slowest = min(slowest, other.low)
	}
	if slowest > m.behind || m.low >= m.until {
		m.behind = slowest
		m.moved.Broadcast()
	}
}
