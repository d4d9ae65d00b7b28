package formats

import (
	"bytes"
	"unicode/utf8"
)

// parseJSON reads RFC 8259 JSON strictly, but for the words that firmware
// prints for what is no number. A name that comes twice in an object is
// refused, since nobody knows which of the two is meant. [FM-1.5]
func parseJSON(text []byte, l Limits) (jsonValue, *Refusal) {
	if !utf8.Valid(text) {
		return jsonValue{}, refusef(BadPayload, "The JSON is not valid UTF-8.")
	}
	if bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) {
		return jsonValue{}, refusef(BadPayload, "The JSON begins with a byte order mark. Leave it out.")
	}
	p := jsonParser{tree: &jsonTree{text: text, nodes: make([]jsonNode, 0, min(16+len(text)/8, l.Nodes))}, limits: l}
	if p.value(0) && p.space() != 0 || p.refusal == nil && p.at < len(text) {
		p.broken("nothing behind the end of the JSON")
	}
	if p.refusal != nil {
		return jsonValue{}, p.refusal
	}
	return jsonValue{p.tree, 0}, nil
}

type jsonParser struct {
	tree    *jsonTree
	at      int
	limits  Limits
	refusal *Refusal
}

// broken says what belongs at the current byte, which counts from 1 as in
// editors.
func (p *jsonParser) broken(want string) bool {
	text := p.tree.text
	switch {
	case p.refusal != nil:
	case p.at >= len(text):
		p.refusal = refusef(BadPayload, "The JSON ends behind byte %d where %s belongs.", len(text), want)
	default:
		p.refusal = refusef(BadPayload, "The JSON is broken at byte %d, %s, where %s belongs.", p.at+1, quote(text[p.at:min(p.at+8, len(text))]), want)
	}
	return false
}

// space skips white space and returns the byte behind it, 0 at the end.
func (p *jsonParser) space() byte {
	for p.at < len(p.tree.text) {
		switch c := p.tree.text[p.at]; c {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return c
		}
	}
	return 0
}

// value reads one value and adds its node.
func (p *jsonParser) value(depth int) bool {
	c := p.space()
	if len(p.tree.nodes) >= p.limits.Nodes {
		p.refusal = refusef(TooLarge, "The JSON holds more than %d values. Send them in several messages.", p.limits.Nodes)
		return false
	}
	at := len(p.tree.nodes)
	p.tree.nodes = append(p.tree.nodes, jsonNode{start: int32(p.at)})
	kind, escaped, ok := jsonAbsent, false, true
	switch {
	case c == '{' || c == '[':
		kind, ok = p.nested(c, depth+1)
	case c == '"':
		kind = jsonString
		escaped, ok = p.str()
	case p.word("true"):
		kind = jsonTrue
	case p.word("false"):
		kind = jsonFalse
	case p.word("null"):
		kind = jsonNull
	case p.nonFinite():
		kind = jsonNonFinite
	case c == '-' || '0' <= c && c <= '9':
		kind, ok = jsonNumber, p.number()
	default:
		ok = p.broken("a value")
	}
	n := &p.tree.nodes[at]
	n.kind, n.escaped, n.end, n.skip = kind, escaped, int32(p.at), int32(len(p.tree.nodes))
	return ok
}

// nested reads a list or an object behind its bracket.
func (p *jsonParser) nested(open byte, depth int) (jsonKind, bool) {
	kind, end := jsonArray, byte(']')
	if open == '{' {
		kind, end = jsonObject, '}'
	}
	if depth > p.limits.Depth {
		p.refusal = refusef(BadPayload, "The JSON is nested more than %d deep at byte %d.", p.limits.Depth, p.at+1)
		return kind, false
	}
	first := len(p.tree.nodes)
	p.at++
	if p.space() == end {
		p.at++
		return kind, true
	}
	for {
		if kind == jsonObject && !p.member(depth) || kind == jsonArray && !p.value(depth) {
			return kind, false
		}
		switch c := p.space(); c {
		case ',':
			p.at++
		case end:
			p.at++
			return kind, kind == jsonArray || p.unique(first)
		default:
			return kind, p.broken("a comma or the closing " + string(rune(end)))
		}
	}
}

func (p *jsonParser) member(depth int) bool {
	if p.space() != '"' {
		return p.broken("a name in double quotes")
	}
	name := p.at
	escaped, ok := p.str()
	nameEnd := p.at
	if !ok {
		return false
	}
	if p.space() != ':' {
		return p.broken("a colon")
	}
	p.at++
	at := len(p.tree.nodes)
	if !p.value(depth) {
		return false
	}
	n := &p.tree.nodes[at]
	n.name, n.nameEnd, n.nameEscaped = int32(name), int32(nameEnd), escaped
	return true
}

// unique checks the names of the object whose first member is the node first.
func (p *jsonParser) unique(first int) bool {
	nodes := p.tree.nodes
	count, escaped := 0, false
	for i := int32(first); int(i) < len(nodes); i = nodes[i].skip {
		count++
		escaped = escaped || nodes[i].nameEscaped
	}
	if count <= 16 && !escaped {
		for i := int32(first); int(i) < len(nodes); i = nodes[i].skip {
			name := p.tree.text[nodes[i].name:nodes[i].nameEnd]
			for j := nodes[i].skip; int(j) < len(nodes); j = nodes[j].skip {
				if bytes.Equal(name, p.tree.text[nodes[j].name:nodes[j].nameEnd]) {
					return p.twice(jsonValue{p.tree, j}.name())
				}
			}
		}
		return true
	}
	seen := make(map[string]struct{}, count)
	for i := int32(first); int(i) < len(nodes); i = nodes[i].skip {
		name := jsonValue{p.tree, i}.name()
		if _, there := seen[name]; there {
			return p.twice(name)
		}
		seen[name] = struct{}{}
	}
	return true
}

func (p *jsonParser) twice(name string) bool {
	p.refusal = refusef(BadPayload, "The name %s comes twice in one object. Leave one of them out.", quote(name))
	return false
}

// str skips a string and reports whether it holds escapes.
func (p *jsonParser) str() (escaped, ok bool) {
	text := p.tree.text
	for p.at++; p.at < len(text); p.at++ {
		switch c := text[p.at]; {
		case c == '"':
			p.at++
			return escaped, true
		case c == '\\':
			escaped = true
			if !p.escape() {
				return escaped, false
			}
		case c < ' ':
			return escaped, p.broken("no control character in a string")
		}
	}
	return escaped, p.broken("the end of a string")
}

// escape moves to the last byte of an escape sequence.
func (p *jsonParser) escape() bool {
	text := p.tree.text
	if p.at++; p.at >= len(text) {
		return p.broken("the rest of an escape")
	}
	switch text[p.at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			if p.at++; p.at >= len(text) || !hexDigit(text[p.at]) {
				return p.broken(`four hexadecimal digits behind \u`)
			}
		}
		return true
	}
	return p.broken(`one of " \ / b f n r t u behind a backslash`)
}

func hexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// word skips w if it stands here as a whole word.
func (p *jsonParser) word(w string) bool {
	end := p.at + len(w)
	if end > len(p.tree.text) || string(p.tree.text[p.at:end]) != w || end < len(p.tree.text) && wordByte(p.tree.text[end]) {
		return false
	}
	p.at = end
	return true
}

func (p *jsonParser) nonFinite() bool {
	start := p.at
	if c := p.tree.text; start < len(c) && (c[start] == '-' || c[start] == '+') {
		p.at++
	}
	for _, w := range [...]string{"NaN", "nan", "Infinity", "infinity", "Inf", "inf"} {
		if p.word(w) {
			return true
		}
	}
	p.at = start
	return false
}

func wordByte(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c == '.'
}

// number skips a number by the grammar of RFC 8259 section 6.
func (p *jsonParser) number() bool {
	text := p.tree.text
	if text[p.at] == '-' {
		p.at++
	}
	leadingZero := p.at < len(text) && text[p.at] == '0'
	if digits := p.digits(); digits == 0 || leadingZero && digits > 1 {
		return p.broken("a number without a leading zero or plus")
	}
	if p.at < len(text) && text[p.at] == '.' {
		p.at++
		if p.digits() == 0 {
			return p.broken("a digit behind the decimal point")
		}
	}
	if p.at < len(text) && text[p.at]|0x20 == 'e' {
		p.at++
		if p.at < len(text) && (text[p.at] == '+' || text[p.at] == '-') {
			p.at++
		}
		if p.digits() == 0 {
			return p.broken("a digit in the exponent")
		}
	}
	return true
}

func (p *jsonParser) digits() int {
	start := p.at
	for p.at < len(p.tree.text) && p.tree.text[p.at]-'0' <= 9 {
		p.at++
	}
	return p.at - start
}
