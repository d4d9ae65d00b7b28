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
	width                 int64 // of a bucket, nanoseconds
	least                 int

	live  int // devices that count: their newest reading is not stale
	ahead int // of these, those past next by the lateness
	far   int // those ahead of it by more than the patience, if their clock is right
	known int
	first int32 // lowest bucket seen
}

const (
	// A device not heard of for a day has no say in what time it is.
	staleAfter = 24 * time.Hour
	// If most of a cohort is gone for good, those that have measured for a
	// week without them are the cohort. Until then they may be early.
	patience = 7 * 24 * time.Hour
	// So many readings of those that it usually sends must wait in that week:
	// a device whose clock has leapt has one.
	patienceFilled = 0.25
)

func (w *watermark) init(g grid, s *Settings) {
	w.late = g.buckets(s.Lateness)
	w.stale = g.buckets(staleAfter)
	w.patience = g.buckets(patience)
	w.width, w.least = g.width, s.MinPeers
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
func (w *watermark) due(units []*unit) bool {
	if w.first == 0 || w.ahead == 0 {
		return false
	}
	if 2*w.ahead >= w.live && (w.started || w.known >= w.least) {
		w.started = true
		return true
	}
	if w.far == 0 || !w.abandoned(units) {
		return false
	}
	w.started = true
	return true
}

// abandoned reports whether a twentieth of the devices, and at least two of a
// control group, have gone on for so long without the others that these are
// given up. One alone may have a wrong clock.
func (w *watermark) abandoned(units []*unit) bool {
	n := 0
	for _, u := range units {
		if u.bucket <= w.next+w.patience {
			continue
		}
		for _, s := range u.tracks {
			if s == nil || len(s.waiting) == 0 {
				continue
			}
			span := float64(int64(u.bucket-s.waiting[0].bucket) * w.width)
			if s.waiting[0].bucket <= u.bucket-w.patience &&
				float64(len(s.waiting)) >= patienceFilled*span/max(float64(u.gap)*1e9, float64(w.width)) {
				n++
				break
			}
		}
	}
	if w.known < w.least {
		return n > 0
	}
	return n >= max(2, w.known/20)
}

// pass goes on to bucket next.
func (w *watermark) pass(next int32, units []*unit) {
	w.next = next
	w.count(units)
}
