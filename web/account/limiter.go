package account

import (
	"sync"
	"time"
)

// Limiter bounds attempts per key, such as a client's network address: burst
// at once, then one every interval. It forgets keys that have rested, and
// holds at most maxKeys; beyond that everybody unknown shares one allowance.
type Limiter struct {
	burst float64
	every time.Duration
	now   func() time.Time

	mu   sync.Mutex
	keys map[string]allowance
}

type allowance struct {
	left float64
	at   time.Time
}

const maxKeys = 10_000

// NewLimiter returns a Limiter. now may be nil.
func NewLimiter(burst int, every time.Duration, now func() time.Time) *Limiter {
	if now == nil {
		now = time.Now
	}
	return &Limiter{burst: float64(burst), every: every, now: now, keys: map[string]allowance{}}
}

// Allow takes one attempt of the key, or says how long to wait for the next.
func (l *Limiter) Allow(key string) (ok bool, wait time.Duration) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.keys[key]; !known && len(l.keys) >= maxKeys {
		l.forget(now)
		if len(l.keys) >= maxKeys {
			key = ""
		}
	}
	a, known := l.keys[key]
	if !known {
		a = allowance{left: l.burst, at: now}
	}
	a.left = min(l.burst, a.left+float64(now.Sub(a.at))/float64(l.every))
	a.at = now
	if a.left < 1 {
		l.keys[key] = a
		return false, time.Duration((1 - a.left) * float64(l.every))
	}
	a.left--
	l.keys[key] = a
	return true, 0
}

// forget drops the keys whose allowance is whole again.
func (l *Limiter) forget(now time.Time) {
	whole := time.Duration(l.burst) * l.every
	for k, a := range l.keys {
		if now.Sub(a.at) >= whole {
			delete(l.keys, k)
		}
	}
}
