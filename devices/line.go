package devices

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// AppendLine appends the reading to dst as one line of InfluxDB line protocol,
// ended by LF, and returns dst:
//
//	telemetry,device=D,model=M,tenant=T f1=21.4,f2=3 1732233600000000000
//
// Fields come in order of their names, so equal readings are equal bytes; for
// that AppendLine sorts r.Fields. The reading must be valid: identifiers for
// both parts of the key and for the model, at least one field, names that
// ValidMetric takes and that differ, finite values, and a time between the
// years 1678 and 2262. AppendLine checks none of this, since ingest has.
func (r *Reading) AppendLine(dst []byte) []byte {
	slices.SortFunc(r.Fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	dst = append(dst, linePrefix...)
	dst = append(dst, r.Key.Device...)
	dst = append(dst, modelTag...)
	dst = append(dst, r.Model...)
	dst = append(dst, tenantTag...)
	dst = append(dst, r.Key.Tenant...)
	sep := byte(' ')
	for i := range r.Fields {
		dst = append(dst, sep)
		dst = append(dst, r.Fields[i].Name...)
		dst = append(dst, '=')
		dst = appendValue(dst, r.Fields[i].Value)
		sep = ','
	}
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, r.Time.UnixNano(), 10)
	return append(dst, '\n')
}

const (
	linePrefix = "telemetry,device="
	modelTag   = ",model="
	tenantTag  = ",tenant="
)

// appendValue writes the shortest number that reads back as v, with an exponent
// only where zeros would fill the line. Negative zero becomes zero.
func appendValue(dst []byte, v float64) []byte {
	if v == 0 {
		return append(dst, '0')
	}
	format := byte('f')
	if a := math.Abs(v); a < 1e-6 || a >= 1e15 {
		format = 'e'
	}
	return strconv.AppendFloat(dst, v, format, -1, 64)
}
