package sim

import (
	"strconv"

	"github.com/forecare/forecare/devices"
)

// appendReadings writes readings as a device does: one JSON object, or a list
// of them. Timestamps are Unix milliseconds. [TP-3.3] [TP-3.17]
func appendReadings(dst []byte, readings []devices.Reading) []byte {
	if len(readings) == 1 {
		return appendReading(dst, &readings[0])
	}
	dst = append(dst, '[')
	for i := range readings {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendReading(dst, &readings[i])
	}
	return append(dst, ']')
}

func appendReading(dst []byte, r *devices.Reading) []byte {
	dst = append(dst, `{"ts":`...)
	dst = strconv.AppendInt(dst, r.Time.UnixMilli(), 10)
	for _, f := range r.Fields {
		dst = append(dst, ',', '"')
		dst = append(dst, f.Name...) // a metric's name needs no escaping
		dst = append(dst, '"', ':')
		dst = strconv.AppendFloat(dst, f.Value, 'g', -1, 64)
	}
	return append(dst, '}')
}
