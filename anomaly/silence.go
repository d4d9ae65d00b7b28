package anomaly

import (
	"fmt"
	"math"
	"slices"
	"time"
)

const (
	// Six times the usual gap is no delay any more.
	silentGaps = 6
	// A pause that the device has made of late is usual for it, up to a day.
	longestPause = 24 * time.Hour
	// While a fleet uploads its buffers, event time runs fast and a device
	// may simply not have had its turn. Its silence is believed when the
	// cohort has gone on by half an hour more and most others were heard in
	// that time.
	confirmSilence = 30 * time.Minute
	heardShare     = 0.6
	// Readings after which, and how close to the others, it is back.
	backReadings = 3
	backWithin   = time.Hour
)

// hear takes note that the device has sent a reading with event time t.
func (c *cohort) hear(u *unit, t int64) {
	if t <= u.last {
		return
	}
	if u.last > 0 {
		gap := float32(float64(t-u.last) / 1e9)
		u.pause = max(u.pause*0.999, gap)
		u.gap += (min(gap, 4*u.gap) - u.gap) / 16
	}
	b := c.grid.bucket(t)
	recount := c.clock.heard(u.bucket, b)
	u.last, u.bucket = t, b
	if recount {
		c.clock.count(c.units)
	}
	u.tick, u.suspect = c.clock.tick, 0
	if u.silence != nil {
		u.silence.inBand++
		behind := c.grid.start(c.clock.next) - t
		if u.silence.inBand >= backReadings && behind <= max(int64(backWithin), int64(2e9*u.gap)) {
			c.heardAgain(u, t)
		}
	}
}

// patience is how long the device may be silent: longer than it, or one peer
// in five, has been of late.
func (c *cohort) patience(u *unit) int64 {
	return max(int64(c.settings.SilenceAfter), int64(silentGaps*1e9*float64(u.gap)),
		min(int64(longestPause), int64(1.5e9*float64(max(u.pause, c.pause)))))
}

// usualPause learns how long one peer in five has been silent of late.
func (c *cohort) usualPause() {
	x := c.scratch.other[:0]
	for _, u := range c.units {
		x = append(x, float64(u.pause))
	}
	c.scratch.other = x
	if len(x) < leastWitnesses {
		c.pause = 0
		return
	}
	slices.Sort(x)
	c.pause = float32(quantile(0.8, x))
}

// listen looks for devices that have fallen silent by the end of bucket b.
// Silence is measured twice: in event time, and in buckets that the cohort has
// closed since the device was heard, whatever time it spoke of. A device that
// uploads an old buffer is late, not silent.
func (c *cohort) listen(b int32) {
	end := c.grid.start(b + 1)
	confirm := uint32(c.grid.buckets(confirmSilence))
	var since uint32
	enough := false
	for _, u := range c.units {
		if u.silence != nil {
			c.stillSilent(u, end)
			continue
		}
		patience := c.patience(u)
		if u.last == 0 || end-u.last <= patience || int64(c.clock.tick-u.tick)*c.grid.width <= patience {
			continue
		}
		if u.suspect == 0 {
			u.suspect = c.clock.tick
		}
		if c.clock.tick-u.suspect < confirm {
			continue
		}
		if since != u.suspect {
			since, enough = u.suspect, c.mostHeard(u.suspect)
		}
		if enough {
			u.silence = &episode{
				id:   identity(c.key(u), "", Silence, u.last),
				kind: Silence, onset: u.last, detected: end,
			}
			c.tellSilence(u, Opened, end)
		}
	}
}

// mostHeard reports whether most of the living devices were heard at tick or
// later.
func (c *cohort) mostHeard(tick uint32) bool {
	heard, all := 0, 0
	for _, u := range c.units {
		if u.silence != nil || c.gone(u) {
			continue
		}
		all++
		if u.tick >= tick {
			heard++
		}
	}
	return heard > 0 && float64(heard) >= heardShare*float64(all)
}

// gone reports whether the device's newest reading is too old for the device
// to count.
func (c *cohort) gone(u *unit) bool { return u.bucket < c.clock.next-c.clock.stale }

// stillSilent tells a silence again: each hour for a day, then once a day.
func (c *cohort) stillSilent(u *unit, end int64) {
	e := u.silence
	every := revisionEvery
	if end-e.detected > dayNanos {
		every = dayNanos
	}
	if e.inBand == 0 && end >= e.told+every {
		c.tellSilence(u, Updated, end)
	}
}

func (c *cohort) heardAgain(u *unit, t int64) {
	c.tellSilence(u, Cleared, t)
	u.silence = nil
}

// tellSilence emits a revision. Size is the silence in hours.
func (c *cohort) tellSilence(u *unit, status Status, at int64) {
	e := u.silence
	at = max(at, e.told)
	e.revision++
	e.told = at
	peers, silent := 0, 0
	for _, other := range c.units {
		if other == u || c.gone(other) && other.silence == nil {
			continue
		}
		peers++
		if other.silence != nil && other.silence.onset <= e.detected {
			silent++
		}
	}
	f := Finding{
		ID: e.id, Revision: int(e.revision), Status: status, Key: c.key(u), Model: c.model, Kind: Silence,
		Onset: instant(e.onset), Detected: instant(e.detected), At: instant(at),
		Peers: peers, PeersMoved: silent,
	}
	f.Size = math.Round(100*f.At.Sub(f.Onset).Hours()) / 100
	f.Sigmas = f.At.Sub(f.Onset).Seconds() / float64(u.gap)
	if status == Cleared {
		f.Reason = fmt.Sprintf("It is heard again, after a silence since %s.", moment(f.Onset))
	} else {
		f.Reason = fmt.Sprintf("Nothing has been received since %s, for %s; usually it sends every %s, and its %d peers go on sending.",
			moment(f.Onset), span(f.At.Sub(f.Onset)), span(time.Duration(float64(u.gap)*1e9)), peers-silent)
	}
	c.emit(f)
}
