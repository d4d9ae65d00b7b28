package anomaly

import "time"

// watermark says which bucket of a cohort closes next and when. A bucket
// closes when half of the living devices are past it by the allowed lateness.
// The median, because one device with a fast clock must not close buckets for
// all, and because a fleet that uploads its buffers one device after the other
// should have half of it together.
type watermark struct {
	next    int32  // bucket to close next
	tick    uint32 // buckets closed that held readings
	started bool   // a bucket may close

	late, stale, patience int32 // in buckets
	least                 int

	live  int // devices that count: their newest reading is not stale
	ahead int // of these, those past next by the lateness
	far   int // those ahead of it by more than the patience
	known int
	first int32 // lowest bucket seen
}

const (
	// A device not heard of for a day has no say in what time it is.
	staleAfter = 24 * time.Hour
	// If most of a cohort is gone for good, those that remain for a week are
	// the cohort. Until then they may be early.
	patience = 7 * 24 * time.Hour
)

func (w *watermark) init(g grid, s *Settings) {
	w.late = g.buckets(s.Lateness)
	w.stale = g.buckets(staleAfter)
	w.patience = g.buckets(patience)
	w.least = s.MinPeers
}

// heard takes note that a device has moved on from one bucket to another. It
// returns whether that changed what is counted of the others.
func (w *watermark) heard(from, to int32) (recount bool) {
	if !w.started && (w.first == 0 || to < w.first) {
		w.first, w.next = to, to
		return true
	}
	if from < w.next-w.stale && to >= w.next-w.stale {
		w.live++
	}
	if from <= w.next+w.late && to > w.next+w.late {
		w.ahead++
	}
	if from <= w.next+w.patience && to > w.next+w.patience {
		w.far++
	}
	return false
}

// count counts the devices anew.
func (w *watermark) count(units []*unit) {
	w.live, w.ahead, w.far, w.known = 0, 0, 0, len(units)
	for _, u := range units {
		if u.bucket == 0 {
			continue
		}
		if u.bucket >= w.next-w.stale {
			w.live++
		}
		if u.bucket > w.next+w.late {
			w.ahead++
		}
		if u.bucket > w.next+w.patience {
			w.far++
		}
	}
}

// due reports whether the next bucket closes. The first one waits until the
// cohort is a control group, or a device has been alone for a week: a fleet
// that is switched on device by device is compared from its first day.
func (w *watermark) due() bool {
	if w.first == 0 {
		return false
	}
	if !w.started && w.known < w.least && w.far == 0 {
		return false
	}
	if w.ahead == 0 || 2*w.ahead < w.live && w.far < max(1, w.known/10) {
		return false
	}
	w.started = true
	return true
}

// pass goes on to bucket next.
func (w *watermark) pass(next int32, units []*unit) {
	w.next = next
	w.count(units)
}
