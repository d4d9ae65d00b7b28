package ingest

import (
	"bytes"
	"math"
	"strconv"
	"time"
)

// The bounds between the units of a numeric time stamp. [TP-3.17]
const (
	secondsBelow = 1e11
	millisBelow  = 1e14
	microsBelow  = 1e17
)

// epochNanos reads a JSON number as an instant in nanoseconds since 1970. What
// an int64 cannot hold becomes its smallest or largest value, which no sane
// clock shows. [TP-3.17]
func epochNanos(raw []byte) int64 {
	if bytes.ContainsAny(raw, "eE") {
		return epochFromFloat(raw)
	}
	negative := raw[0] == '-'
	if negative {
		raw = raw[1:]
	}
	whole, decimals, _ := bytes.Cut(raw, []byte{'.'})
	if len(whole) > 19 {
		return saturated(negative)
	}
	var v uint64 // 19 digits always fit
	for _, c := range whole {
		v = v*10 + uint64(c-'0')
	}
	unit := epochUnit(float64(v))
	if v > math.MaxInt64/unit {
		return saturated(negative)
	}
	n := v * unit
	for scale, i := unit/10, 0; scale > 0 && i < len(decimals); scale, i = scale/10, i+1 {
		n += uint64(decimals[i]-'0') * scale
	}
	if n > math.MaxInt64 {
		return saturated(negative)
	}
	if negative {
		return -int64(n)
	}
	return int64(n)
}

// epochFromFloat is for numbers with an exponent, which are exact only as far
// as a float64 is.
func epochFromFloat(raw []byte) int64 {
	v, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return saturated(raw[0] == '-')
	}
	n := v * float64(epochUnit(math.Abs(v)))
	if math.Abs(n) >= math.MaxInt64 {
		return saturated(n < 0)
	}
	return int64(n)
}

// epochUnit returns the nanoseconds in the unit that a number of that
// magnitude is in.
func epochUnit(magnitude float64) uint64 {
	switch {
	case magnitude < secondsBelow:
		return 1e9
	case magnitude < millisBelow:
		return 1e6
	case magnitude < microsBelow:
		return 1e3
	}
	return 1
}

func saturated(negative bool) int64 {
	if negative {
		return math.MinInt64
	}
	return math.MaxInt64
}

// rfc3339Nanos reads an instant as text. [TP-3.16]
func rfc3339Nanos(text []byte) (int64, bool) {
	var t time.Time
	if t.UnmarshalText(text) != nil {
		return 0, false
	}
	return clampNanos(t), true
}

// clampNanos is UnixNano for instants that it may not be able to express.
func clampNanos(t time.Time) int64 {
	switch s := t.Unix(); {
	case s <= math.MinInt64/int64(time.Second):
		return math.MinInt64
	case s >= math.MaxInt64/int64(time.Second):
		return math.MaxInt64
	}
	return t.UnixNano()
}
