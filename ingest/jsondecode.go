package ingest

import (
	"math"
	"strconv"
)

// decodeJSON reads one object, or a list of them, into in. [TP-3.3]
func decodeJSON(payload []byte, in *intake) *Rejection {
	s := &in.scan
	s.text, s.at, s.want = payload, 0, ""
	if s.space() == '{' {
		if r := decodeObject(s, in); r != nil {
			return r
		}
	} else if r := decodeList(s, in); r != nil {
		return r
	}
	if s.space(); s.at < len(s.text) {
		s.broken("nothing behind the end of the JSON value")
		return brokenJSON(s)
	}
	return in.empty()
}

func decodeList(s *jsonScanner, in *intake) *Rejection {
	s.at++ // the bracket
	if s.space() == ']' {
		s.at++
		return nil
	}
	for {
		if s.space() == '{' {
			if r := decodeObject(s, in); r != nil {
				return r
			}
		} else if r := decodeOther(s, in); r != nil {
			return r
		}
		switch s.space() {
		case ',':
			s.at++
		case ']':
			s.at++
			return nil
		default:
			s.broken("a comma or the closing ]")
			return brokenJSON(s)
		}
	}
}

// decodeOther takes an element of the list that is no object. [TP-3.9]
func decodeOther(s *jsonScanner, in *intake) *Rejection {
	if r := in.begin(); r != nil {
		return r
	}
	_, raw, ok := s.value(1)
	if !ok {
		return brokenJSON(s)
	}
	in.fail(BadPayload, "The list holds %s where an object like {\"temp\": 21.4} belongs.", quote(raw))
	in.end(raw)
	return nil
}

// decodeObject takes one reading.
func decodeObject(s *jsonScanner, in *intake) *Rejection {
	if r := in.begin(); r != nil {
		return r
	}
	start := s.at
	s.at++ // the brace
	if s.space() == '}' {
		s.at++
		in.end(s.text[start:s.at])
		return nil
	}
	hasTime := false
	for {
		name, ok := s.name()
		if !ok {
			return brokenJSON(s)
		}
		if string(name) == "ts" {
			if hasTime {
				in.fail(BadPayload, "The name \"ts\" comes twice in one reading.")
			}
			hasTime = true
			ok = decodeTime(s, in)
		} else {
			ok = decodeMetric(s, in, name)
		}
		if !ok {
			return brokenJSON(s)
		}
		switch s.space() {
		case ',':
			s.at++
		case '}':
			s.at++
			in.end(s.text[start:s.at])
			return nil
		default:
			s.broken("a comma or the closing }")
			return brokenJSON(s)
		}
	}
}

// decodeMetric takes the value of one metric; false means broken JSON. [TP-3.4]
func decodeMetric(s *jsonScanner, in *intake, name []byte) bool {
	m := in.metric(name)
	kind, raw, ok := s.value(1)
	if !ok || m == nil {
		return ok
	}
	switch kind {
	case kindNumber:
		v, err := strconv.ParseFloat(string(raw), 64)
		if err != nil || math.IsInf(v, 0) { // the grammar is checked: too large for a float64
			in.fail(NotANumber, "The metric %s is %s, which is too large for a float64.", m.Name, quote(raw))
			return true
		}
		in.put(m, v)
	case kindTrue:
		in.put(m, 1)
	case kindFalse:
		in.put(m, 0)
	case kindNull:
	default:
		in.fail(NotANumber, "The metric %s is %s. Send a number, true, false or null.", m.Name, quote(raw))
	}
	return true
}

// decodeTime takes the value of ts; false means broken JSON. [TP-3.15]
func decodeTime(s *jsonScanner, in *intake) bool {
	kind, raw, ok := s.value(1)
	if !ok {
		return false
	}
	switch kind {
	case kindNull:
		return true
	case kindNumber:
		in.at(epochNanos(raw))
		return true
	case kindString:
		if nanos, ok := rfc3339Nanos(raw[1 : len(raw)-1]); ok {
			in.at(nanos)
			return true
		}
	}
	in.fail(BadPayload, "The time is %s. Send RFC 3339 with a zone, as \"2026-03-01T09:30:00Z\", or a number of s, ms, us or ns since 1970.", quote(raw))
	return true
}

// brokenJSON rejects the whole message. The byte counts from 1, as editors do.
func brokenJSON(s *jsonScanner) *Rejection {
	if s.at >= len(s.text) {
		return rejectf(BadPayload, "The JSON ends behind byte %d where %s belongs.", len(s.text), s.want)
	}
	return rejectf(BadPayload, "The JSON is broken at byte %d, %s, where %s belongs.", s.at+1, quote(s.text[s.at:min(s.at+8, len(s.text))]), s.want)
}
