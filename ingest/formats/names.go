package formats

import (
	"strings"

	"github.com/forecare/forecare/devices"
)

// MetricName makes a metric's name [TP-1.3] of a format's own name for a
// quantity: whatever is no letter, digit or underscore becomes an underscore,
// several of them in a row one, and at either end none. A name that does not
// begin with a letter gets m_ in front, a reserved one an underscore behind.
// It is "" if nothing is left or if it is too long. [FM-1.2]
func MetricName(channel string) string {
	if devices.ValidMetric(channel) {
		return channel
	}
	var b strings.Builder
	gap := false
	for i := range len(channel) {
		c := channel[i]
		if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_') {
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('_')
		}
		gap = false
		b.WriteByte(c)
	}
	name := b.String()
	if name != "" && !('a' <= name[0]|0x20 && name[0]|0x20 <= 'z') {
		name = "m_" + name
	}
	if !devices.ValidMetric(name) {
		name += "_"
	}
	if !devices.ValidMetric(name) {
		return ""
	}
	return name
}

// DeviceID makes an identifier [TP-1.1] of a name that a payload or a standard
// gives a device: whatever an identifier cannot hold becomes a hyphen, several
// of them in a row one, and at either end none. It is "" if nothing is left or
// if it is too long. [FM-1.4]
func DeviceID(name string) string {
	if devices.ValidID(name) {
		return name
	}
	var b strings.Builder
	gap := false
	for i := range len(name) {
		c := name[i]
		if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c == '.' || c == ':' || c == '-') {
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('-')
		}
		gap = false
		b.WriteByte(c)
	}
	if id := b.String(); devices.ValidID(id) {
		return id
	}
	return ""
}
