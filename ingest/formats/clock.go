package formats

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// timeUnit is what a number that is a time counts, as the power of ten that
// makes it nanoseconds; autoUnit goes by the magnitude. [FM-1.9]
type timeUnit int

const (
	autoUnit timeUnit = -1
	nanos    timeUnit = 0
	micros   timeUnit = 3
	millis   timeUnit = 6
	seconds  timeUnit = 9
)

// epochNanos reads a decimal number as nanoseconds since 1970, exactly, cut
// behind the nanosecond. What an int64 cannot hold becomes its smallest or
// largest value, which no sane clock shows. s must have the form of a JSON
// number. [TP-3.17]
func epochNanos(s string, unit timeUnit) int64 {
	if unit == autoUnit {
		v, _ := strconv.ParseFloat(s, 64) // an error is an infinity, which is rightly the largest
		unit = unitOf(math.Abs(v))
	}
	negative := strings.HasPrefix(s, "-")
	mantissa, exponent, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(s, "-")), "e")
	whole, decimals, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+decimals, "0")
	if digits == "" {
		return 0
	}
	shift := int(unit) - len(decimals) // the value is digits * 10^shift nanoseconds
	if exponent != "" {
		e, err := strconv.Atoi(strings.TrimPrefix(exponent, "+"))
		if err != nil || e > 1<<24 || e < -1<<24 {
			if strings.HasPrefix(exponent, "-") {
				return 0
			}
			return saturated(negative)
		}
		shift += e
	}
	if shift < 0 {
		if -shift >= len(digits) {
			return 0
		}
		digits, shift = digits[:len(digits)+shift], 0
	}
	if len(digits)+shift > 19 {
		return saturated(negative)
	}
	n, err := strconv.ParseInt(digits+strings.Repeat("0", shift), 10, 64)
	switch {
	case err != nil:
		return saturated(negative)
	case negative:
		return -n
	}
	return n
}

func unitOf(magnitude float64) timeUnit {
	switch {
	case magnitude < 1e11:
		return seconds
	case magnitude < 1e14:
		return millis
	case magnitude < 1e17:
		return micros
	}
	return nanos
}

func saturated(negative bool) int64 {
	if negative {
		return math.MinInt64
	}
	return math.MaxInt64
}

// addNanos adds, staying at the ends of an int64.
func addNanos(a, b int64) int64 {
	sum := a + b
	switch {
	case a > 0 && b > 0 && sum < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && sum >= 0:
		return math.MinInt64
	}
	return sum
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

func instant(nanos int64) time.Time { return time.Unix(0, nanos).UTC() }

// millisTime is an instant given in unsigned milliseconds.
func millisTime(ms uint64) time.Time {
	if ms > math.MaxInt64/uint64(time.Millisecond) {
		return instant(math.MaxInt64)
	}
	return instant(int64(ms) * int64(time.Millisecond))
}

// zoneless are the forms of a local time without a zone that firmware prints.
var zoneless = [...]string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006.01.02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"}

// textTime reads an instant as text: RFC 3339, or without a zone if one is
// given. [FM-1.9]
func textTime(s string, zone *time.Location) (time.Time, bool) {
	if len(s) > 64 {
		return time.Time{}, false
	}
	var t time.Time
	if t.UnmarshalText([]byte(s)) == nil {
		return instant(clampNanos(t)), true
	}
	for _, form := range [...]string{"2006-01-02T15:04:05-0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05-0700"} {
		if t, err := time.Parse(form, s); err == nil {
			return instant(clampNanos(t)), true
		}
	}
	if zone == nil {
		return time.Time{}, false
	}
	return localTime(s, zone)
}

// localTime reads a time without a zone. An hour that the clocks repeat is
// taken the first time, one that they leave out is moved by the gap. [FM-1.9]
func localTime(s string, zone *time.Location) (time.Time, bool) {
	for _, form := range zoneless {
		t, err := time.ParseInLocation(form, s, zone)
		if err != nil {
			continue
		}
		if earlier := t.Add(-time.Hour); earlier.Format(zoneless[0]) == t.Format(zoneless[0]) {
			t = earlier // time.ParseInLocation promises neither of the two
		}
		return instant(clampNanos(t)), true
	}
	return time.Time{}, false
}
