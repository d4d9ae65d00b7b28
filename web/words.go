package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/web/chart"
)

// count writes a number with its noun: "1 device", "1,204 devices".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

func thousands[N int | int64 | uint64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// size writes bytes in the unit that reads best.
func size(n uint64) string {
	v, unit := float64(n), 0
	for v >= 1024 && unit < 5 {
		v, unit = v/1024, unit+1
	}
	if unit == 0 {
		return thousands(n) + " B"
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " " + [...]string{"", "KiB", "MiB", "GiB", "TiB", "PiB"}[unit]
}

// ago writes how far t is from now, in one unit: "3 min ago", "in 4 days".
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := t.Sub(now)
	word := span(d)
	switch {
	case word == "now":
		return "just now"
	case d < 0:
		return word + " ago"
	}
	return "in " + word
}

// span writes a length of time in one unit.
func span(d time.Duration) string {
	if d < 0 {
		d = -d
	}
	switch {
	case d < 45*time.Second:
		return "now"
	case d < 90*time.Minute:
		return strconv.Itoa(max(1, int(d.Minutes()+0.5))) + " min"
	case d < 36*time.Hour:
		return strconv.Itoa(int(d.Hours()+0.5)) + " h"
	case d < 60*24*time.Hour:
		return count(int(d.Hours()/24+0.5), "day", "days")
	}
	return count(int(d.Hours()/24/30+0.5), "month", "months")
}

// exact writes an instant in a zone, with the zone's name.
func exact(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format("Mon 2 Jan 2006 15:04:05 ") + zoneName(t, zone)
}

func zoneName(t time.Time, zone *time.Location) string {
	if zone == time.UTC {
		return "UTC"
	}
	return t.In(zone).Format("MST")
}

func location(name string) *time.Location {
	if l, err := devices.LoadZone(name); err == nil {
		return l
	}
	return time.UTC
}

// metricWords is what a person calls the metric.
func metricWords(m *devices.Model, name string) string {
	if m != nil {
		if metric, ok := m.Metric(name); ok {
			return metric.Words.In("en", metric.Name)
		}
	}
	return name
}

func signed(v float64, unit string) string {
	s := chart.Number(v)
	if v > 0 {
		s = "+" + s
	}
	return strings.TrimSpace(s + " " + unit)
}

// what says in plain words what a finding is.
func what(m *devices.Model, f *anomaly.Finding) string {
	if f == nil {
		return ""
	}
	name := metricWords(m, f.Metric)
	switch f.Kind {
	case anomaly.Silence:
		return "sends nothing although its peers do"
	case anomaly.Stuck:
		return name + " repeats one value"
	case anomaly.Noise:
		return name + " varies far more than its peers'"
	case anomaly.Step:
		return name + " moved by " + signed(f.Size, f.Unit) + " at once"
	}
	return name + " drifted by " + signed(f.Size, f.Unit)
}

// peersWords says what the control group did.
func peersWords(f *anomaly.Finding) string {
	switch {
	case f.Peers == 0:
		return "there are no peers to compare with"
	case f.PeersMoved == 0:
		return count(f.Peers, "peer, which has", "peers, none has") + notMoved(f.Peers)
	}
	return fmt.Sprintf("%s of %s moved the same way", thousands(f.PeersMoved), count(f.Peers, "peer", "peers"))
}

func notMoved(peers int) string {
	if peers == 1 {
		return " not moved"
	}
	return " moved"
}

// left is the time until an owner may notice, as people say it.
type left struct {
	Words string
	Class string // noticed, soon, later or none
	At    time.Time
}

func timeLeft(now time.Time, f *anomaly.Finding) left {
	if f == nil {
		return left{Class: "none"}
	}
	if isNoticed(f) {
		return left{Words: "noticeable now", Class: "noticed"}
	}
	at, ok := noticedFrom(f)
	if !ok {
		return left{Words: "no date yet", Class: "none"}
	}
	d := at.Sub(now)
	switch {
	case d <= 0:
		return left{Words: "any day now", Class: "soon", At: at}
	case d < 24*time.Hour:
		return left{Words: span(d), Class: "soon", At: at}
	case d < 4*24*time.Hour:
		return left{Words: count(int(math.Floor(d.Hours()/24)), "day", "days"), Class: "soon", At: at}
	}
	return left{Words: count(int(math.Floor(d.Hours()/24)), "day", "days"), Class: "later", At: at}
}

// sentence says how the fleet is.
func (v *overview) sentence() (head, tail string) {
	inUse := len(v.Rows) - v.Counts[off]
	fine := v.Counts[well]
	switch {
	case inUse == 0:
		return "No device is connected yet.", ""
	case fine == inUse && inUse == 1:
		head = "Your one device is well."
	case fine == inUse:
		head = "All " + thousands(inUse) + " devices are well."
	default:
		head = thousands(fine) + " of " + count(inUse, "device", "devices") + " well"
	}
	if fine == inUse {
		return head, ""
	}
	var parts []string
	if n := v.Counts[noticed]; n > 0 {
		parts = append(parts, thousands(n)+" noticeable by now")
	}
	if n := v.Counts[drifting]; n > 0 {
		s := thousands(n) + " drifting"
		if !v.First.IsZero() {
			s += ", the first would be noticed " + soon(v.First.Sub(v.At))
		}
		parts = append(parts, s)
	}
	if n := v.Counts[silent]; n > 0 {
		parts = append(parts, thousands(n)+" silent")
	}
	return head, strings.Join(parts, "; ") + "."
}

func soon(d time.Duration) string {
	if d < time.Hour {
		return "any hour now"
	}
	return "in " + span(d)
}
