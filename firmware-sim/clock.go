package sim

import "time"

// Clock maps wall time to event time: event time begins at Start when wall
// time is Began and runs Factor times as fast until it has caught up with the
// wall. From then on the two are the same, so event time is never in the
// future. A Factor of 1 or less never catches up a Start in the past.
type Clock struct {
	Start  time.Time
	Began  time.Time
	Factor float64
}

// At returns the event time at a wall time, and whether it is the present.
func (c Clock) At(wall time.Time) (event time.Time, live bool) {
	gone := time.Duration(float64(wall.Sub(c.Began)) * c.Factor)
	event = c.Start.Add(gone)
	if !event.Before(wall) {
		return wall, true
	}
	return event, false
}

// Wait returns how long it takes from a wall time until event time is due.
func (c Clock) Wait(wall, due time.Time) time.Duration {
	event, live := c.At(wall)
	if live {
		return due.Sub(event)
	}
	return time.Duration(float64(due.Sub(event)) / c.Factor)
}
