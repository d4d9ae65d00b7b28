package ingest

import "time"

// Limits bound what one message may hold and which clocks are believed. A zero
// field means its default. [TP-7.1]
type Limits struct {
	Payload  int           // bytes of one payload; default 256 KiB
	Readings int           // readings in one message; default 10,000
	Earliest time.Time     // no event time before this; default 2015-01-01 UTC
	Past     time.Duration // how old an event time may be; default 10 years
	Future   time.Duration // how far ahead of ours an event time may be; default 5 min
}

// withDefaults fills in what was left zero.
func (l Limits) withDefaults() Limits {
	if l.Payload <= 0 {
		l.Payload = 256 << 10
	}
	if l.Readings <= 0 {
		l.Readings = 10_000
	}
	if l.Earliest.IsZero() {
		l.Earliest = time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if l.Past <= 0 {
		l.Past = 10 * 365 * 24 * time.Hour
	}
	if l.Future <= 0 {
		l.Future = 5 * time.Minute
	}
	return l
}
