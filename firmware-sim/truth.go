package sim

import "time"

// Truth is what really was wrong, to compare findings with. Slope is in the
// metric's unit per day (per day squared for aging), Noticeable its limit,
// Crosses the moment at which the limit is reached if nothing is done.
type Truth struct {
	Device     string    `json:"device"`
	Model      string    `json:"model"`
	Metric     string    `json:"metric,omitempty"`
	Fault      FaultKind `json:"fault"`
	Onset      time.Time `json:"onset"`
	Until      time.Time `json:"until,omitzero"`
	Slope      float64   `json:"slope,omitempty"`
	Size       float64   `json:"size,omitempty"`
	Share      float64   `json:"share,omitempty"`
	Noticeable float64   `json:"noticeable,omitempty"`
	Crosses    time.Time `json:"crosses,omitzero"`
	Cured      time.Time `json:"cured,omitzero"`
}

// Truths lists the faults of a device.
func (d *Device) Truths() []Truth {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Truth
	for j := range d.unit.Faults {
		f := &d.unit.Faults[j]
		t := Truth{
			Device: d.unit.Key.Device, Model: d.unit.Model, Metric: f.Metric, Fault: f.Kind,
			Onset: f.Onset, Until: f.Until, Slope: f.Slope, Size: f.Size, Share: f.Share, Cured: d.ended[j],
		}
		if m, ok := d.design.model.Metric(f.Metric); ok {
			t.Noticeable = m.Noticeable
			t.Crosses = f.crosses(m.Noticeable)
		}
		out = append(out, t)
	}
	return out
}

// WriteTruth replaces the ground truth file.
func WriteTruth(path string, truths []Truth) error { return writeJSON(path, truths, 0o644) }
