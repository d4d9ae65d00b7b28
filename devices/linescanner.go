package devices

import (
	"bytes"
	"strconv"
)

// LineScanner reads back what AppendLine wrote, line by line, without
// allocating:
//
//	s := devices.ScanLines(body)
//	for s.Next() {
//		for name, v, ok := s.NextField(); ok; name, v, ok = s.NextField() {
//			...
//		}
//	}
//	if err := s.Err(); err != nil { ... }
//
// It reads this one form only: other tags, other types, missing timestamps,
// comments and escapes are errors. The slices it returns are parts of body. A
// LineScanner is for one goroutine.
type LineScanner struct {
	rest   []byte // behind the current line
	line   []byte // the current line with its LF
	fields []byte // what NextField has not read of the current line
	tenant []byte
	device []byte
	model  []byte
	last   []byte // the name of the field read last, for their order
	nano   int64
	number int
	err    error
}

// ScanLines returns a LineScanner over body, a sequence of lines each ended by
// LF. body must not change while it is read.
func ScanLines(body []byte) LineScanner {
	return LineScanner{rest: body}
}

// Next goes to the next line and reports whether there is one. It is false at
// the end and after an error; also an error in fields that were not read.
func (s *LineScanner) Next() bool {
	for len(s.fields) > 0 {
		s.NextField()
	}
	s.line = nil
	if s.err != nil || len(s.rest) == 0 {
		return false
	}
	s.number++
	end := bytes.IndexByte(s.rest, '\n')
	if end < 0 {
		return s.fail("does not end with a line feed")
	}
	s.line, s.rest = s.rest[:end+1], s.rest[end+1:]
	return s.head(s.line[:end])
}

// head reads everything of a line but its fields.
func (s *LineScanner) head(line []byte) bool {
	if !bytes.HasPrefix(line, []byte(linePrefix)) {
		return s.fail("does not begin with " + linePrefix)
	}
	line = line[len(linePrefix):]
	var ok bool
	if s.device, line = cutID(line); len(s.device) == 0 || !bytes.HasPrefix(line, []byte(modelTag)) {
		return s.fail("has no valid device followed by " + modelTag)
	}
	line = line[len(modelTag):]
	if s.model, line = cutID(line); len(s.model) == 0 || !bytes.HasPrefix(line, []byte(tenantTag)) {
		return s.fail("has no valid model followed by " + tenantTag)
	}
	line = line[len(tenantTag):]
	if s.tenant, line = cutID(line); len(s.tenant) == 0 || len(line) == 0 || line[0] != ' ' {
		return s.fail("has no valid tenant followed by a space")
	}
	line = line[1:]
	space := bytes.LastIndexByte(line, ' ')
	if space <= 0 {
		return s.fail("has no fields followed by a timestamp")
	}
	if s.nano, ok = parseNano(line[space+1:]); !ok {
		return s.fail("has no timestamp of whole nanoseconds")
	}
	s.fields, s.last = line[:space], nil
	return true
}

// cutID splits b behind the longest identifier it begins with.
func cutID(b []byte) (id, rest []byte) {
	n := 0
	for n < len(b) && n <= maxID && idByte(b[n]) {
		n++
	}
	if n > maxID {
		return nil, b
	}
	return b[:n], b[n:]
}

// parseNano reads an int64 as strconv.AppendInt writes it.
func parseNano(b []byte) (int64, bool) {
	digits := bytes.TrimPrefix(b, []byte{'-'})
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var u uint64 // 19 digits always fit
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		u = u*10 + uint64(c-'0')
	}
	switch negative := len(digits) < len(b); {
	case negative && u <= 1<<63:
		return -int64(u), true // also for 1<<63, by two's complement
	case !negative && u < 1<<63:
		return int64(u), true
	}
	return 0, false
}

// NextField returns the next field of the current line; ok is false behind the
// last one and after an error.
func (s *LineScanner) NextField() (name []byte, v float64, ok bool) {
	if len(s.fields) == 0 {
		return nil, 0, false
	}
	eq := bytes.IndexByte(s.fields, '=')
	if eq < 0 || !metricShape(s.fields[:eq]) || reservedMetric(string(s.fields[:eq])) {
		return nil, 0, s.fail("has a field without a valid name")
	}
	name, s.fields = s.fields[:eq], s.fields[eq+1:]
	if s.last != nil && bytes.Compare(s.last, name) >= 0 {
		return nil, 0, s.fail("has fields that are not in the order of their names")
	}
	value := s.fields
	if comma := bytes.IndexByte(s.fields, ','); comma < 0 {
		s.fields = nil
	} else {
		value, s.fields = s.fields[:comma], s.fields[comma+1:]
		if len(s.fields) == 0 {
			return nil, 0, s.fail("has a comma with no field behind it")
		}
	}
	if v, ok = parseValue(value); !ok {
		return nil, 0, s.fail("has a field whose value is no finite decimal number")
	}
	s.last = name
	return name, v, true
}

// parseValue reads a finite decimal number. It refuses what ParseFloat would
// take beyond that: names, hexadecimal, a leading plus.
func parseValue(b []byte) (float64, bool) {
	const most = 32 // strings of up to 32 bytes are converted on the stack
	if len(b) == 0 || len(b) > most || b[0] == '+' {
		return 0, false
	}
	for _, c := range b {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != 'e' && c != '+' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(b), 64)
	return v, err == nil
}

// fail records the first error and ends the scan.
func (s *LineScanner) fail(what string) bool {
	if s.err == nil {
		s.err = Errorf(Invalid, "line %d %s", s.number, what)
	}
	s.rest, s.fields = nil, nil
	return false
}

// Tenant returns the tenant of the current line.
func (s *LineScanner) Tenant() []byte { return s.tenant }

// Device returns the device of the current line.
func (s *LineScanner) Device() []byte { return s.device }

// Model returns the model of the current line.
func (s *LineScanner) Model() []byte { return s.model }

// UnixNano returns the event time of the current line.
func (s *LineScanner) UnixNano() int64 { return s.nano }

// Line returns the current line with its LF, nil if there is none.
func (s *LineScanner) Line() []byte { return s.line }

// Err returns the first error, which names the line (counting from 1).
func (s *LineScanner) Err() error { return s.err }
