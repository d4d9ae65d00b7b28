package mqtt

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// bucket lets so many things happen per second, and some more after a quiet
// time.
type bucket struct {
	rate, burst float64
	tokens      float64
	last        time.Time
}

func newBucket(rate, burst int, now time.Time) bucket {
	return bucket{rate: float64(rate), burst: float64(burst), tokens: float64(burst), last: now}
}

func (b *bucket) refill(now time.Time) {
	if d := now.Sub(b.last); d > 0 {
		b.tokens = min(b.burst, b.tokens+d.Seconds()*b.rate)
		b.last = now
	}
}

// wait takes a token, when there is one or ctx ends.
func (b *bucket) wait(ctx context.Context) {
	b.refill(time.Now())
	if b.tokens--; b.tokens < 0 {
		pause(ctx, time.Duration(-b.tokens/b.rate*float64(time.Second)))
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// throttle remembers failed logins by address. While there are too many of one,
// nobody from there is let in, whatever the password: who guesses must not
// learn that he guessed right.
type throttle struct {
	rate, burst int

	mu        sync.Mutex
	addresses map[netip.Prefix]*bucket
}

// maxAddresses bounds how many addresses are remembered.
const maxAddresses = 4096

func newThrottle(rate, burst int) *throttle {
	return &throttle{rate: rate, burst: burst, addresses: map[netip.Prefix]*bucket{}}
}

// network is what one person has: an address, or an IPv6 network of 64 bits.
func network(remote string) netip.Prefix {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	a := ap.Addr().Unmap()
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// open reports whether logins from there are looked at.
func (t *throttle) open(remote string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.addresses[network(remote)]
	if b == nil {
		return true
	}
	b.refill(now)
	return b.tokens >= 1
}

// failed counts a failed login.
func (t *throttle) failed(remote string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := network(remote)
	b := t.addresses[n]
	if b == nil {
		t.makeRoom(now)
		fresh := newBucket(t.rate, t.burst, now)
		b = &fresh
		t.addresses[n] = b
	}
	b.refill(now)
	b.tokens = max(0, b.tokens-1)
}

// makeRoom forgets those who have been good, and if nobody has, anybody.
func (t *throttle) makeRoom(now time.Time) {
	if len(t.addresses) < maxAddresses {
		return
	}
	for n, b := range t.addresses {
		if b.refill(now); b.tokens >= b.burst {
			delete(t.addresses, n)
		}
	}
	for n := range t.addresses {
		if len(t.addresses) < maxAddresses {
			return
		}
		delete(t.addresses, n)
	}
}
