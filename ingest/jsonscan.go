package ingest

import (
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep values may be nested. [TP-3.4]
const maxDepth = 32

// valueKind is what a JSON value is, as far as a reading cares.
type valueKind int

const (
	kindNumber valueKind = iota
	kindTrue
	kindFalse
	kindNull
	kindString
	kindNested    // a list or an object
	kindNonFinite // NaN, inf and the like, which are no JSON [TP-3.7]
)

// jsonScanner walks over JSON in place, strictly by RFC 8259 but for
// kindNonFinite, and allocates nothing. There is no tree: a payload of
// 10,000 readings costs no more memory than one. After a false, at and want
// say what is wrong; text must be valid UTF-8.
type jsonScanner struct {
	text    []byte
	at      int
	want    string
	scratch []byte // names with escapes, resolved
}

// broken notes what was expected at the current byte.
func (s *jsonScanner) broken(want string) bool {
	if s.want == "" {
		s.want = want
	}
	return false
}

// space skips white space and returns the byte behind it, 0 at the end.
func (s *jsonScanner) space() byte {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// take skips white space and then c.
func (s *jsonScanner) take(c byte, want string) bool {
	if s.space() != c || s.at >= len(s.text) {
		return s.broken(want)
	}
	s.at++
	return true
}

// str reads a string and returns what stands between the quotes, and whether
// that holds escapes.
func (s *jsonScanner) str() (raw []byte, escaped, ok bool) {
	if s.at >= len(s.text) || s.text[s.at] != '"' {
		return nil, false, s.broken("a string")
	}
	s.at++
	start := s.at
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			raw = s.text[start:s.at]
			s.at++
			return raw, escaped, true
		case c == '\\':
			escaped = true
			if !s.escape() {
				return nil, false, false
			}
		case c < ' ':
			return nil, false, s.broken("no control character in a string")
		default:
			s.at++
		}
	}
	return nil, false, s.broken("the end of a string")
}

// escape skips one escape sequence.
func (s *jsonScanner) escape() bool {
	if s.at+1 >= len(s.text) {
		return s.broken("the rest of an escape")
	}
	s.at++
	switch s.text[s.at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at++
		return true
	case 'u':
		for i := 1; i <= 4; i++ {
			if s.at+i >= len(s.text) || hexValue(s.text[s.at+i]) < 0 {
				return s.broken("four hexadecimal digits behind \\u")
			}
		}
		s.at += 5
		return true
	}
	return s.broken("one of \" \\ / b f n r t u behind a backslash")
}

// name reads a member's name with its escapes resolved, and the colon. It is
// valid until the next call.
func (s *jsonScanner) name() ([]byte, bool) {
	if s.space() != '"' {
		return nil, s.broken("a name in double quotes")
	}
	raw, escaped, ok := s.str()
	if !ok || !s.take(':', "a colon") {
		return nil, false
	}
	if escaped {
		raw = s.resolve(raw)
	}
	return raw, true
}

// resolve replaces the escapes of a valid string. A surrogate without its
// partner becomes U+FFFD.
func (s *jsonScanner) resolve(raw []byte) []byte {
	out := s.scratch[:0]
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			continue
		}
		i++
		switch raw[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := hex4(raw[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				pair := rune(utf8.RuneError)
				if i+6 < len(raw) && raw[i+1] == '\\' && raw[i+2] == 'u' {
					pair = utf16.DecodeRune(r, hex4(raw[i+3:]))
				}
				if r = pair; r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, raw[i])
		}
	}
	s.scratch = out
	return out
}

func hex4(b []byte) rune {
	return rune(hexValue(b[0])<<12 | hexValue(b[1])<<8 | hexValue(b[2])<<4 | hexValue(b[3]))
}

func hexValue(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// value reads a value of any kind, whose place in the text is raw.
func (s *jsonScanner) value(depth int) (kind valueKind, raw []byte, ok bool) {
	c := s.space()
	start := s.at
	switch {
	case c == '-' || '0' <= c && c <= '9':
		kind, ok = s.number()
	case c == '"':
		kind = kindString
		_, _, ok = s.str()
	case c == '{' || c == '[':
		kind, ok = kindNested, s.nested(depth+1)
	case s.word("true"):
		kind, ok = kindTrue, true
	case s.word("false"):
		kind, ok = kindFalse, true
	case s.word("null"):
		kind, ok = kindNull, true
	case s.nonFinite():
		kind, ok = kindNonFinite, true
	default:
		ok = s.broken("a value")
	}
	return kind, s.text[start:s.at], ok
}

// word skips w if it stands here as a whole word.
func (s *jsonScanner) word(w string) bool {
	end := s.at + len(w)
	if end > len(s.text) || string(s.text[s.at:end]) != w || end < len(s.text) && wordByte(s.text[end]) {
		return false
	}
	s.at = end
	return true
}

// nonFinite skips one of the words that firmware prints for what is no number,
// behind a sign or not.
func (s *jsonScanner) nonFinite() bool {
	n := nonFinitePrefix(s.text[s.at:])
	if n == 0 || s.at+n < len(s.text) && wordByte(s.text[s.at+n]) {
		return false
	}
	s.at += n
	return true
}

// nonFinitePrefix returns the length of the word for a non-finite number with
// which b begins, 0 if it begins with none. Longer words come first. [TP-3.7]
func nonFinitePrefix(b []byte) int {
	sign := 0
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		sign = 1
	}
	for _, w := range [...]string{"NaN", "nan", "Infinity", "infinity", "Inf", "inf"} {
		if len(b) >= sign+len(w) && string(b[sign:sign+len(w)]) == w {
			return sign + len(w)
		}
	}
	return 0
}

func wordByte(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c == '.'
}

// number skips a number by the grammar of RFC 8259 section 6.
func (s *jsonScanner) number() (valueKind, bool) {
	if s.text[s.at] == '-' {
		if s.nonFinite() {
			return kindNonFinite, true
		}
		s.at++
	}
	leadingZero := s.at < len(s.text) && s.text[s.at] == '0'
	digits := s.digits()
	if digits == 0 || leadingZero && digits > 1 {
		return 0, s.broken("a number without a leading zero or plus")
	}
	if s.at < len(s.text) && s.text[s.at] == '.' {
		s.at++
		if s.digits() == 0 {
			return 0, s.broken("a digit behind the decimal point")
		}
	}
	if s.at < len(s.text) && s.text[s.at]|0x20 == 'e' {
		s.at++
		if s.at < len(s.text) && (s.text[s.at] == '+' || s.text[s.at] == '-') {
			s.at++
		}
		if s.digits() == 0 {
			return 0, s.broken("a digit in the exponent")
		}
	}
	return kindNumber, true
}

// digits skips digits and returns how many.
func (s *jsonScanner) digits() int {
	start := s.at
	for s.at < len(s.text) && s.text[s.at]-'0' <= 9 {
		s.at++
	}
	return s.at - start
}

// nested skips a list or an object, checking its grammar.
func (s *jsonScanner) nested(depth int) bool {
	if depth > maxDepth {
		return s.broken("values nested at most 32 deep")
	}
	object := s.text[s.at] == '{'
	s.at++
	end := byte(']')
	if object {
		end = '}'
	}
	if s.space() == end {
		s.at++
		return true
	}
	for {
		if object {
			if _, ok := s.name(); !ok {
				return false
			}
		}
		if _, _, ok := s.value(depth); !ok {
			return false
		}
		switch c := s.space(); c {
		case ',':
			s.at++
		case end:
			s.at++
			return true
		default:
			return s.broken("a comma or the closing " + string(rune(end)))
		}
	}
}
