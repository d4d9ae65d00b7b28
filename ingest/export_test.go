package ingest

import (
	"time"

	"github.com/forecare/forecare/devices"
)

// DecodeForTest runs a decoder without the rest of the Acceptor.
type DecodeForTest struct{ in intake }

// Decode returns the lines of the good readings, how many there are, how many
// were refused, and the rejection if the message as a whole is.
func (d *DecodeForTest) Decode(dev *devices.Device, m *devices.Model, received time.Time, payload []byte) (lines []byte, stored, refused int, whole *Rejection) {
	format := formatOf(payload)
	d.in.open(dev, m, received, Limits{}.withDefaults(), format)
	if r := decode(payload, format, &d.in); r != nil {
		return nil, 0, 0, r
	}
	return d.in.lines, d.in.stored, d.in.refused.total, nil
}

// Reasons of the refused readings of the last Decode.
func (d *DecodeForTest) Reasons() []Reason {
	var out []Reason
	for _, l := range d.in.refused.letters {
		out = append(out, l.reason)
	}
	return out
}
