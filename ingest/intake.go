package ingest

import (
	"fmt"
	"strconv"
	"time"

	"github.com/forecare/forecare/devices"
)

// intake checks the readings of one message against the device's model, writes
// the good ones as lines and collects the others. A decoder calls begin, then
// put or fail for what it finds, at for the time, and end; so each decoder
// knows its format only. An intake is reused, for one message at a time.
type intake struct {
	lines   []byte   // the good readings
	stored  int      // how many
	refused refusals // the others
	scan    jsonScanner

	model    *devices.Model
	reading  devices.Reading // of the same device for the whole message
	max      int             // readings per message
	total    int             // readings seen in this message
	received int64           // the event time of a reading without one
	earliest int64
	latest   int64

	seen   []uint64 // per metric of the model, the serial of the last reading that had it
	serial uint64   // of the current reading, never reused
	next   int      // where the next name is looked for first
	timed  bool     // the current reading has a time of its own
	nanos  int64
	reason Reason // of the current reading's first fault, "" if it has none
	detail string
}

// open prepares for a message of that device, received at that time.
func (in *intake) open(d *devices.Device, m *devices.Model, received time.Time, l Limits, format payloadFormat) {
	in.lines, in.stored, in.total = in.lines[:0], 0, 0
	in.refused.reset(format)
	in.model = m
	in.reading.Key, in.reading.Model = d.Key, m.ID
	in.max = l.Readings
	in.received = clampNanos(received)
	in.earliest = max(clampNanos(l.Earliest), clampNanos(received.Add(-l.Past)))
	in.latest = clampNanos(received.Add(l.Future))
	if len(in.seen) < len(m.Metrics) {
		in.seen = make([]uint64, len(m.Metrics))
	}
}

// begin starts a reading. It returns a rejection of the whole message if that
// has too many. [TP-5.5]
func (in *intake) begin() *Rejection {
	if in.total++; in.total > in.max {
		return rejectf(TooLarge, "The message holds more than %d readings. Send them in several messages.", in.max)
	}
	in.serial++
	in.next = 0
	in.timed = false
	in.reason, in.detail = "", ""
	in.reading.Fields = in.reading.Fields[:0]
	return nil
}

// fail notes what is wrong with the current reading; the first fault counts.
func (in *intake) fail(r Reason, format string, args ...any) {
	if in.reason == "" {
		in.reason, in.detail = r, fmt.Sprintf(format, args...)
	}
}

// metric finds the metric of that name and checks that the reading has it only
// once. It returns nil after noting a fault.
func (in *intake) metric(name []byte) *devices.Metric {
	// A device sends its metrics in the same order every time, mostly that of
	// the model: the one after the last is usually the one.
	metrics := in.model.Metrics
	for range metrics {
		if in.next >= len(metrics) {
			in.next = 0
		}
		i := in.next
		in.next++
		if metrics[i].Name != string(name) {
			continue
		}
		if in.seen[i] == in.serial {
			in.fail(BadPayload, "The name %s comes twice in one reading.", quote(name))
			return nil
		}
		in.seen[i] = in.serial
		return &metrics[i]
	}
	in.fail(UnknownMetric, "The model %s has no metric %s.", in.model.ID, quote(name))
	return nil
}

// put adds a value to the current reading.
func (in *intake) put(m *devices.Metric, v float64) {
	switch {
	case m.Min != nil && v < *m.Min:
		in.fail(OutOfRange, "The metric %s is %s, but cannot be below %s %s.", m.Name, number(v), number(*m.Min), m.Unit)
	case m.Max != nil && v > *m.Max:
		in.fail(OutOfRange, "The metric %s is %s, but cannot be above %s %s.", m.Name, number(v), number(*m.Max), m.Unit)
	default:
		in.reading.Fields = append(in.reading.Fields, devices.Field{Name: m.Name, Value: v})
	}
}

// at gives the current reading its event time.
func (in *intake) at(nanos int64) { in.timed, in.nanos = true, nanos }

// end finishes the current reading, whose place in the payload is raw.
func (in *intake) end(raw []byte) {
	if in.reason == "" {
		in.judge()
	}
	if in.reason != "" {
		in.refused.add(in.reason, in.detail, raw)
		return
	}
	in.reading.Time = time.Unix(0, in.nanos)
	in.lines = in.reading.AppendLine(in.lines)
	in.stored++
}

// judge checks what only a whole reading shows. [TP-5.15]
func (in *intake) judge() {
	switch {
	case len(in.reading.Fields) == 0:
		in.fail(NoFields, "There is no metric in the reading.")
	case !in.timed:
		in.nanos = in.received
	case in.nanos < in.earliest:
		in.fail(ClockPast, "The time is %s, before %s. Is the device's clock set?", instant(in.nanos), instant(in.earliest))
	case in.nanos > in.latest:
		in.fail(ClockFuture, "The time is %s, but it is only %s here. Is the device's clock set?", instant(in.nanos), instant(in.received))
	}
}

// empty rejects a message without any reading. [TP-3.8]
func (in *intake) empty() *Rejection {
	if in.total > 0 {
		return nil
	}
	return rejectf(NoFields, "There is no reading in the message.")
}

// verdict is nil if at least one reading was good, else the rejection of the
// whole message. [TP-5.16]
func (in *intake) verdict() *Rejection {
	if in.stored > 0 {
		return nil
	}
	first := &in.refused.letters[0]
	return &Rejection{Reason: first.reason, Detail: first.detail}
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func instant(nanos int64) string { return time.Unix(0, nanos).UTC().Format(time.RFC3339) }

// quote shows a part of a payload in a message, cut so that the message does
// not grow with what is sent to us.
func quote(b []byte) string {
	const most = 64
	if len(b) > most {
		return strconv.QuoteToASCII(string(b[:most])) + " (cut)"
	}
	return strconv.QuoteToASCII(string(b))
}
