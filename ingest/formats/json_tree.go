package formats

import (
	"encoding/json"
	"iter"
	"math"
	"strconv"
)

// jsonKind is what a JSON value is.
type jsonKind uint8

const (
	jsonAbsent jsonKind = iota
	jsonNull
	jsonTrue
	jsonFalse
	jsonNumber
	jsonString
	jsonArray
	jsonObject
	jsonNonFinite // NaN, inf and the like, which are no JSON but are printed by firmware [FM-1.5]
)

// jsonNode is one value of a tree. Offsets are into the text; name is the place
// of a member's name with its quotes.
type jsonNode struct {
	kind             jsonKind
	escaped          bool // the string holds escapes
	nameEscaped      bool
	name, nameEnd    int32
	start, end, skip int32 // skip is the index of the node behind this one and all in it
}

// jsonTree is parsed JSON: the nodes stand in the order of the text in one
// slice, 28 bytes each, whatever the shape.
type jsonTree struct {
	text  []byte
	nodes []jsonNode
}

// jsonValue is a place in a tree. Its zero value is absent and answers as such.
type jsonValue struct {
	tree *jsonTree
	at   int32
}

func (v jsonValue) node() *jsonNode { return &v.tree.nodes[v.at] }

func (v jsonValue) kind() jsonKind {
	if v.tree == nil {
		return jsonAbsent
	}
	return v.node().kind
}

// raw is the value as it stands in the text, shared with it.
func (v jsonValue) raw() []byte {
	if v.tree == nil {
		return nil
	}
	n := v.node()
	return v.tree.text[n.start:n.end]
}

// inside yields the values directly in v.
func (v jsonValue) inside() iter.Seq[jsonValue] {
	return func(yield func(jsonValue) bool) {
		if k := v.kind(); k != jsonArray && k != jsonObject {
			return
		}
		for i, end := v.at+1, v.node().skip; i < end; i = v.tree.nodes[i].skip {
			if !yield(jsonValue{v.tree, i}) {
				return
			}
		}
	}
}

// name is that of the member which v is the value of, its escapes resolved.
func (v jsonValue) name() string {
	n := v.node()
	if n.nameEnd == 0 {
		return ""
	}
	raw := v.tree.text[n.name:n.nameEnd]
	if n.nameEscaped {
		return unescape(raw)
	}
	return string(raw[1 : len(raw)-1])
}

func (v jsonValue) named(name string) bool {
	n := v.node()
	if n.nameEscaped {
		return v.name() == name
	}
	return n.nameEnd > 0 && string(v.tree.text[n.name+1:n.nameEnd-1]) == name
}

// member returns the member of that name of an object.
func (v jsonValue) member(name string) jsonValue {
	if v.kind() != jsonObject {
		return jsonValue{}
	}
	for m := range v.inside() {
		if m.named(name) {
			return m
		}
	}
	return jsonValue{}
}

// element returns an element of a list.
func (v jsonValue) element(index int) jsonValue {
	if v.kind() != jsonArray {
		return jsonValue{}
	}
	for e := range v.inside() {
		if index == 0 {
			return e
		}
		index--
	}
	return jsonValue{}
}

// text returns a string's text, "" for any other value.
func (v jsonValue) text() string {
	if v.kind() != jsonString {
		return ""
	}
	raw := v.raw()
	if v.node().escaped {
		return unescape(raw)
	}
	return string(raw[1 : len(raw)-1])
}

// number returns a number's value. It is not ok for another kind and for a
// number beyond a float64.
func (v jsonValue) number() (float64, bool) {
	if v.kind() != jsonNumber {
		return 0, false
	}
	return parseNumber(string(v.raw()))
}

// parseNumber reads a decimal number as in JSON; -0 becomes 0.
func parseNumber(s string) (float64, bool) {
	if !plainNumber(s) {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) {
		return 0, false
	}
	return f + 0, true
}

// plainNumber keeps away what ParseFloat reads beyond decimal numbers: names,
// hexadecimal and underscores.
func plainNumber(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return false
		}
	}
	return s != ""
}

func unescape(raw []byte) string {
	var s string
	if json.Unmarshal(raw, &s) != nil { // the parser has checked the grammar
		return string(raw)
	}
	return s
}
