package sim

import "time"

// testReadings is how many readings, one a second, show the result of a
// remedy that ends in a self-test.
const testReadings = 60

// rhythm is when a device samples: on a grid of its own phase, each time a
// little early or late, and once a second after a remedy with a self-test.
type rhythm struct {
	seed     uint64
	interval time.Duration // between samples in the simulated past
	live     time.Duration // the same in the present
}

// jitter is the share of the interval by which a sample may be early or late.
const jitter = 0.08

// next returns the first sample time after t. live says that event time is the
// present; a gap before it is filled at the slow pace all the same.
func (r rhythm) next(t, now time.Time, live bool, cures []Cure) time.Time {
	first := r.beat(t, r.interval)
	if live && (now.Sub(t) < 2*r.live || first.After(now)) {
		after := t
		if recent := now.Add(-r.live); t.Before(recent) {
			after = recent // the gap is filled at the slow pace
		}
		first = r.beat(after, r.live)
	}
	for i := len(cures) - 1; i >= 0; i-- {
		c := cures[i]
		if !c.Test || t.Sub(c.At) > testReadings*time.Second {
			continue
		}
		n := max(0, int(t.Sub(c.At).Seconds())) + 1
		if test := c.At.Add(time.Duration(n) * time.Second); n <= testReadings && test.Before(first) {
			first = test
		}
	}
	return first
}

// beat returns the first time of the jittered grid after t, in whole
// milliseconds.
func (r rhythm) beat(t time.Time, every time.Duration) time.Time {
	phase := time.Duration(between(mix(r.seed, uint64(every)), 0, float64(every)))
	k, _ := grid(t.Add(-phase), every)
	for k--; ; k++ {
		off := time.Duration(between(mix(r.seed, uint64(every), uint64(k)), -jitter, jitter) * float64(every))
		at := time.Unix(0, k*int64(every)).Add(phase + off).Truncate(time.Millisecond).UTC()
		if at.After(t) {
			return at
		}
	}
}
