package ingest

import "sync/atomic"

// Counters say what has become of the messages since the process started.
// Once nothing is in flight, Received is Stored + Rejected + Failed.
type Counters struct {
	Received uint64 // messages that came in
	Stored   uint64 // messages of which everything good is durable
	Rejected uint64 // messages that are a dead letter as a whole
	Failed   uint64 // messages not acknowledged, since the log did not take them
	InFlight int64  // messages without an outcome yet
	Readings uint64 // readings made durable in the log
	Events   uint64 // events made durable in the log
	// DeadLetters counts what is durable in the dead letters, by reason: bad
	// readings, and whole messages as one.
	DeadLetters map[Reason]uint64
}

// reasons are all that a message can be refused for, in the order of
// docs/protocol.md section 5.
var reasons = [...]Reason{
	BadTopic, NotAuthorized, UnknownDevice, DeviceOff, TooLarge, UnknownModel, BadPayload,
	UnknownMetric, NotANumber, OutOfRange, NoFields, ClockPast, ClockFuture, StoreRefused,
}

// counts is Counters for many goroutines.
type counts struct {
	received, stored, rejected, failed atomic.Uint64
	readings, events                   atomic.Uint64
	dead                               [len(reasons)]atomic.Uint64
}

func (c *counts) refuse(r Reason, n int) {
	for i := range reasons {
		if reasons[i] == r {
			c.dead[i].Add(uint64(n))
		}
	}
}

func (c *counts) counters() Counters {
	out := Counters{
		Stored:      c.stored.Load(),
		Rejected:    c.rejected.Load(),
		Failed:      c.failed.Load(),
		Readings:    c.readings.Load(),
		Events:      c.events.Load(),
		DeadLetters: make(map[Reason]uint64),
	}
	// Read last, so that nothing in flight looks like less than nothing.
	out.Received = c.received.Load()
	out.InFlight = int64(out.Received - out.Stored - out.Rejected - out.Failed)
	for i := range reasons {
		if n := c.dead[i].Load(); n > 0 {
			out.DeadLetters[reasons[i]] = n
		}
	}
	return out
}
