package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration written as "90s", "36h" or, for whole days,
// "30d".
type Duration time.Duration

// UnmarshalText reads a duration; it must not be negative.
func (d *Duration) UnmarshalText(b []byte) error {
	s := string(b)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is no duration; write 90s, 36h or 30d", s)
		}
		*d = Duration(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is no duration; write 90s, 36h or 30d", s)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes whole days as days.
func (d Duration) MarshalText() ([]byte, error) {
	v := time.Duration(d)
	if v > 0 && v%(24*time.Hour) == 0 {
		return fmt.Appendf(nil, "%dd", v/(24*time.Hour)), nil
	}
	return []byte(v.String()), nil
}

// Bytes is a size written as "512KiB", "64MiB", "10GiB" or a plain number.
type Bytes int64

var byteUnits = []struct {
	suffix string
	size   int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}

// UnmarshalText reads a size; it must not be negative.
func (n *Bytes) UnmarshalText(b []byte) error {
	s := strings.TrimSpace(string(b))
	for _, u := range byteUnits {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		v, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || v < 0 || v > (1<<62)/u.size {
			break
		}
		*n = Bytes(v * u.size)
		return nil
	}
	return fmt.Errorf("%q is no size; write 512KiB, 64MiB or 10GiB", s)
}

// MarshalText writes the largest unit that divides the size.
func (n Bytes) MarshalText() ([]byte, error) {
	for _, u := range byteUnits {
		if int64(n) >= u.size && int64(n)%u.size == 0 {
			return fmt.Appendf(nil, "%d%s", int64(n)/u.size, u.suffix), nil
		}
	}
	return []byte("0"), nil
}
