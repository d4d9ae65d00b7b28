package anomaly

import (
	"time"

	"github.com/forecare/forecare/devices"
)

// Kind names what is wrong.
type Kind string

// The kinds of finding.
const (
	Drift   Kind = "drift"   // moves away slowly
	Step    Kind = "step"    // moved away at once
	Stuck   Kind = "stuck"   // repeats one value although its peers vary
	Noise   Kind = "noise"   // varies far more than its peers and than it did
	Silence Kind = "silence" // sends nothing although its peers do
)

// Status is where a finding is in its life.
type Status string

// The statuses. A cleared finding is over; if the trouble returns it is a new
// finding with a new ID.
const (
	Opened  Status = "opened"
	Updated Status = "updated"
	Cleared Status = "cleared"
)

// Finding is one trouble of one device and metric. The Engine emits a new
// Revision when it opens, whenever it changed enough to matter (at most once
// an hour of event time), and when it clears. ID is derived from tenant,
// device, metric, kind and onset; (ID, Revision) is therefore the same in
// every replay, and a consumer ignores what it has seen.
//
// All times are event time. Size, Level and Expected are in Unit; Sigmas is
// Size in standard deviations of the healthy residual. Metric and Unit are ""
// for Silence, which is of the whole device.
type Finding struct {
	ID         string      `json:"id"`
	Revision   int         `json:"revision"`
	Status     Status      `json:"status"`
	Key        devices.Key `json:"key"`
	Model      string      `json:"model"`
	Metric     string      `json:"metric"`
	Unit       string      `json:"unit"`
	Kind       Kind        `json:"kind"`
	Onset      time.Time   `json:"onset"`    // when it began, estimated
	Detected   time.Time   `json:"detected"` // when it was opened
	At         time.Time   `json:"at"`       // what this revision knows is as of this time
	Size       float64     `json:"size"`     // signed deviation from healthy
	Sigmas     float64     `json:"sigmas"`
	Level      float64     `json:"level"`    // the device's value now, smoothed
	Expected   float64     `json:"expected"` // what it would be if healthy
	Noticeable float64     `json:"noticeable,omitempty"`
	Peers      int         `json:"peers"`       // devices in the control group
	PeersMoved int         `json:"peers_moved"` // of these, how many deviate in the same way
	Forecast   *Forecast   `json:"forecast,omitempty"`
	Evidence   Evidence    `json:"evidence"`
	Reason     string      `json:"reason"` // one English sentence with the figures, for makers and agents
}

// Forecast dates the moment when an owner would notice, as quantiles: with
// probability 0.1 it is before P10. Slope is in Unit per day.
type Forecast struct {
	P10   time.Time `json:"p10"`
	P50   time.Time `json:"p50"`
	P90   time.Time `json:"p90"`
	Slope float64   `json:"slope"`
}

// Evidence is the picture behind a finding: at most 240 points, oldest first,
// slices of equal length. A gap in the device's own data is NaN in Value,
// null in JSON. Lower and Upper are the 10 % and 90 % quantiles of the peers,
// moved by the device's own healthy offset so that a healthy device lies
// between them.
type Evidence struct {
	Time  []time.Time `json:"time"`
	Value Series      `json:"value"`
	Lower Series      `json:"lower"`
	Upper Series      `json:"upper"`
}
