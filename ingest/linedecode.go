package ingest

import (
	"bytes"
	"errors"
	"math"
	"strconv"
)

// decodeLines reads InfluxDB line protocol into in. [TP-3.10]
func decodeLines(payload []byte, in *intake) *Rejection {
	for number := 1; len(payload) > 0; number++ {
		var line []byte
		line, payload, _ = bytes.Cut(payload, []byte{'\n'})
		line = bytes.Trim(line, " \t\r")
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if r := in.begin(); r != nil {
			return r
		}
		l := lineReader{rest: line, number: number, in: in}
		l.read()
		in.end(line)
	}
	return in.empty()
}

// lineReader takes one line apart. Whatever is wrong with it is a fault of that
// reading.
type lineReader struct {
	rest   []byte
	number int
	in     *intake
}

func (l *lineReader) broken(want string) {
	if len(l.rest) == 0 {
		l.in.fail(BadPayload, "Line %d of the line protocol ends where %s belongs.", l.number, want)
		return
	}
	l.in.fail(BadPayload, "Line %d of the line protocol has %s where %s belongs.", l.number, quote(l.rest[:min(24, len(l.rest))]), want)
}

func (l *lineReader) read() {
	whole := l.rest
	if name := l.token(); string(name) != "telemetry" {
		// What is neither JSON nor line protocol ends up here. [TP-5.7]
		l.rest = whole
		l.broken("the measurement telemetry (a payload that does not begin with { or [ is read as line protocol)")
		return
	}
	for l.skip(',') {
		if !l.tag() {
			return
		}
	}
	if !l.spaces() {
		l.broken("a space before the fields")
		return
	}
	for {
		if !l.field() {
			return
		}
		if !l.skip(',') {
			break
		}
	}
	l.spaces()
	l.timestamp()
}

// token cuts the part of a line that ends at an unescaped comma, equals sign
// or space. Escapes are resolved. [TP-3.14]
func (l *lineReader) token() []byte {
	escaped := false
	i := 0
scan:
	for ; i < len(l.rest); i++ {
		switch l.rest[i] {
		case ',', '=', ' ':
			break scan
		case '\\':
			if i+1 < len(l.rest) && lineSpecial(l.rest[i+1]) {
				escaped = true
				i++
			}
		}
	}
	out := l.rest[:i]
	l.rest = l.rest[i:]
	if !escaped {
		return out
	}
	plain := make([]byte, 0, len(out))
	for i := 0; i < len(out); i++ {
		if out[i] == '\\' && i+1 < len(out) && lineSpecial(out[i+1]) {
			i++
		}
		plain = append(plain, out[i])
	}
	return plain
}

func lineSpecial(c byte) bool { return c == ',' || c == '=' || c == ' ' || c == '\\' }

func (l *lineReader) skip(c byte) bool {
	if len(l.rest) == 0 || l.rest[0] != c {
		return false
	}
	l.rest = l.rest[1:]
	return true
}

// spaces skips spaces and reports whether there were any.
func (l *lineReader) spaces() bool {
	n := len(l.rest)
	l.rest = bytes.TrimLeft(l.rest, " ")
	return len(l.rest) < n
}

// tag takes one tag and checks that it says what we know. [TP-3.11]
func (l *lineReader) tag() bool {
	key := l.token()
	if len(key) == 0 || !l.skip('=') {
		l.broken("a tag")
		return false
	}
	value := l.token()
	r := &l.in.reading
	var known string
	switch string(key) {
	case "tenant":
		known = r.Key.Tenant
	case "device":
		known = r.Key.Device
	case "model":
		known = r.Model
	default:
		l.in.fail(BadPayload, "Line %d has the tag %s. Only tenant, device and model are tags here; send %s as a metric or leave it out.", l.number, quote(key), quote(key))
		return false
	}
	if known != string(value) {
		l.in.fail(BadPayload, "Line %d has the tag %s with %s, but by its topic and the registry it is %s.", l.number, key, quote(value), quote([]byte(known)))
		return false
	}
	return true
}

// field takes one field.
func (l *lineReader) field() bool {
	name := l.token()
	if len(name) == 0 || !l.skip('=') {
		l.broken("a field like temp=21.4")
		return false
	}
	m := l.in.metric(name)
	if m == nil {
		return false
	}
	end := bytes.IndexAny(l.rest, ", ")
	if end < 0 {
		end = len(l.rest)
	}
	raw := l.rest[:end]
	v, fault := lineValue(raw)
	switch fault {
	case "":
		l.in.put(m, v)
		l.rest = l.rest[end:]
		return true
	case NotANumber:
		l.in.fail(NotANumber, "The metric %s is %s. Send a number or a boolean.", m.Name, quote(raw))
	default:
		l.broken("a number or a boolean")
	}
	return false
}

// lineValue reads a field's value; fault is "", NotANumber or BadPayload.
// [TP-3.12]
func lineValue(raw []byte) (v float64, fault Reason) {
	if len(raw) == 0 {
		return 0, BadPayload
	}
	switch string(raw) {
	case "t", "T", "true", "True", "TRUE":
		return 1, ""
	case "f", "F", "false", "False", "FALSE":
		return 0, ""
	}
	if raw[0] == '"' || nonFinitePrefix(raw) == len(raw) {
		return 0, NotANumber
	}
	switch digits := raw[:len(raw)-1]; raw[len(raw)-1] {
	case 'i':
		n, err := strconv.ParseInt(string(digits), 10, 64)
		return float64(n), lineFault(err)
	case 'u':
		n, err := strconv.ParseUint(string(digits), 10, 64)
		return float64(n), lineFault(err)
	}
	for _, c := range raw { // ParseFloat also knows names, hexadecimal and underscores
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c|0x20 != 'e' {
			return 0, BadPayload
		}
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	if math.IsInf(v, 0) {
		return 0, NotANumber
	}
	return v, lineFault(err)
}

// lineFault tells a number that does not fit from what is no number.
func lineFault(err error) Reason {
	if err == nil {
		return ""
	}
	if errors.Is(err, strconv.ErrRange) {
		return NotANumber
	}
	return BadPayload
}

// timestamp takes the rest of the line. [TP-3.13]
func (l *lineReader) timestamp() {
	if len(l.rest) == 0 {
		return
	}
	n, err := strconv.ParseInt(string(l.rest), 10, 64)
	if err != nil && lineFault(err) != NotANumber {
		l.broken("a time in nanoseconds since 1970")
		return
	}
	l.in.at(n) // beyond an int64 it is the nearest, which no sane clock shows
}
