package web

import (
	"math"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
)

// condition is how a device is, in one word, worst first.
type condition int

const (
	noticed  condition = iota // its owner feels it by now
	drifting                  // something moves away
	silent                    // it sends nothing although its peers do
	well
	off // disabled: not let in
)

// conditions returns all, worst first.
func conditions() []condition { return []condition{noticed, drifting, silent, well, off} }

// String is the word used in URLs and class names.
func (c condition) String() string {
	return [...]string{"noticeable", "drifting", "silent", "well", "disabled"}[c]
}

// Troubled reports whether somebody should look.
func (c condition) Troubled() bool { return c < well }

// Shape says the same without colour.
func (c condition) Shape() string {
	return [...]string{"▲", "◆", "○", "●", "–"}[c]
}

// fleetRow is one device as the fleet page and the API see it.
type fleetRow struct {
	Device   *devices.Device
	Model    *devices.Model // nil if it is not imported
	State    condition
	Finding  *anomaly.Finding // the worst open one
	Findings int
}

// judge says how a device is from its open findings.
func judge(d *devices.Device, m *devices.Model, open []*anomaly.Finding) fleetRow {
	row := fleetRow{Device: d, Model: m, State: well, Findings: len(open)}
	for _, f := range open {
		if row.Finding == nil || worse(f, row.Finding) {
			row.Finding = f
		}
	}
	switch {
	case d.Disabled:
		row.State = off
	case row.Finding == nil:
	case isNoticed(row.Finding):
		row.State = noticed
	case row.Finding.Kind == anomaly.Silence:
		row.State = silent
	default:
		row.State = drifting
	}
	return row
}

// isNoticed reports whether the deviation has reached what an owner feels.
func isNoticed(f *anomaly.Finding) bool {
	return f.Noticeable > 0 && math.Abs(f.Size) >= f.Noticeable
}

// noticedFrom is the earliest moment at which an owner may notice: P10.
func noticedFrom(f *anomaly.Finding) (time.Time, bool) {
	if f == nil || f.Forecast == nil || f.Forecast.P10.IsZero() || isNoticed(f) {
		return time.Time{}, false
	}
	return f.Forecast.P10, true
}

func rank(f *anomaly.Finding) condition {
	switch {
	case isNoticed(f):
		return noticed
	case f.Kind == anomaly.Silence:
		return silent
	}
	return drifting
}

// worse orders findings: what is noticed first, then what will be soonest,
// then the larger one.
func worse(a, b *anomaly.Finding) bool {
	if ra, rb := rank(a), rank(b); ra != rb {
		return ra < rb
	}
	at, aok := noticedFrom(a)
	bt, bok := noticedFrom(b)
	switch {
	case aok != bok:
		return aok
	case aok && !at.Equal(bt):
		return at.Before(bt)
	case math.Abs(a.Sigmas) != math.Abs(b.Sigmas):
		return math.Abs(a.Sigmas) > math.Abs(b.Sigmas)
	}
	return a.ID < b.ID
}
