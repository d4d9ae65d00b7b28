package outreach

import (
	"fmt"
	"time"
)

// Clock is a time of day in minutes after midnight, written "21:00". 24:00 is
// the end of a day.
type Clock int

// ParseClock reads "HH:MM".
func ParseClock(s string) (Clock, error) {
	if len(s) != 5 || s[2] != ':' {
		return 0, fmt.Errorf("%q is no time of day; write it as 21:00", s)
	}
	var digits [4]int
	for i, at := range []int{0, 1, 3, 4} {
		if s[at] < '0' || s[at] > '9' {
			return 0, fmt.Errorf("%q is no time of day; write it as 21:00", s)
		}
		digits[i] = int(s[at] - '0')
	}
	c := Clock((digits[0]*10+digits[1])*60 + digits[2]*10 + digits[3])
	if c > 24*60 || digits[2] > 5 {
		return 0, fmt.Errorf("%q is no time of day; the last one is 24:00", s)
	}
	return c, nil
}

// String returns "HH:MM".
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

// MarshalText writes "HH:MM".
func (c Clock) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads "HH:MM".
func (c *Clock) UnmarshalText(b []byte) error {
	v, err := ParseClock(string(b))
	if err == nil {
		*c = v
	}
	return err
}

// clockOf returns the time of day that a wall clock shows, without seconds.
func clockOf(t time.Time) Clock { return Clock(t.Hour()*60 + t.Minute()) }

// on returns the instant at which the wall clock of loc shows c on t's day. It
// reports false if the clock skips that time or shows it twice: such a time
// cannot be agreed upon.
func (c Clock) on(year int, month time.Month, day int, loc *time.Location) (time.Time, bool) {
	t := time.Date(year, month, day, 0, int(c), 0, 0, loc)
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	want := midnight.Add(time.Duration(c) * time.Minute)
	if !wall(t).Equal(want) {
		return t, false // skipped: time.Date moved it
	}
	start, end := t.ZoneBounds()
	_, offset := t.Zone()
	for _, other := range []time.Time{start.Add(-time.Second), end} {
		if other.Unix() < 0 || other.IsZero() {
			continue
		}
		_, o := other.In(loc).Zone()
		twin := t.Add(time.Duration(offset-o) * time.Second)
		if o != offset && wall(twin.In(loc)).Equal(want) {
			return t, false // shown twice
		}
	}
	return t, true
}

// wall returns what the clock shows as if it were UTC, to compare it.
func wall(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// Day is a day of the week, written "mon".
type Day time.Weekday

var dayNames = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// MarshalText writes "mon".
func (d Day) MarshalText() ([]byte, error) { return []byte(dayNames[d%7]), nil }

// UnmarshalText reads "mon".
func (d *Day) UnmarshalText(b []byte) error {
	for i, name := range dayNames {
		if name == string(b) {
			*d = Day(i)
			return nil
		}
	}
	return fmt.Errorf("%q is no day of the week; write mon, tue, wed, thu, fri, sat or sun", b)
}
