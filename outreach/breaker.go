package outreach

import (
	"sync"
	"time"
)

// breaker holds a channel back while its provider refuses our credentials,
// account or quota: trying each message would only burn attempts.
type breaker struct {
	mu    sync.Mutex
	until time.Time
	wait  time.Duration
}

const (
	firstPause   = time.Minute
	longestPause = time.Hour
)

// trip pauses the channel, each time for twice as long, and returns until
// when. It reports false if it was paused already, as the sends that were
// under way when it tripped will all fail too.
func (b *breaker) trip(now time.Time, atLeast time.Duration) (time.Time, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Before(b.until) {
		return b.until, false
	}
	b.wait = max(firstPause, min(2*b.wait, longestPause))
	b.until = now.Add(max(b.wait, atLeast))
	return b.until, true
}

// reset is for a send that the provider took.
func (b *breaker) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wait, b.until = 0, time.Time{}
}

func (b *breaker) open(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return now.Before(b.until)
}

func (b *breaker) gauge(now time.Time) float64 {
	if b.open(now) {
		return 1
	}
	return 0
}
