package formats

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/forecare/forecare/devices"
)

// step is one step of a path into JSON.
type step struct {
	kind  stepKind
	key   string // for stepKey
	index int    // for stepIndex
}

type stepKind uint8

const (
	stepKey      stepKind = iota // .name
	stepIndex                    // [3]
	stepAnyKey                   // .*
	stepAnyIndex                 // [*]
)

// path leads from a value to values inside it: a.b[0].c, with * for any name,
// [*] for any element, and ["..."] for a name that is not plain. The empty path
// is the value itself. [FM-4.2]
type path []step

// maxSteps is more than values can be nested deep.
const maxSteps = 64

// parsePath reads a path. Its error is Invalid.
func parsePath(s string) (path, error) {
	var p path
	if s == "" || s == "$" {
		return nil, nil
	}
	rest := s
	for first := true; rest != ""; first = false {
		var st step
		var err error
		switch {
		case rest[0] == '[':
			st, rest, err = bracketStep(rest)
		case first || rest[0] == '.':
			st, rest, err = nameStep(strings.TrimPrefix(rest, "."), first && rest[0] == '.')
		default:
			err = devices.Errorf(devices.Invalid, "has %s where a dot or a bracket belongs", quote(rest))
		}
		if err == nil && len(p) == maxSteps {
			err = devices.Errorf(devices.Invalid, "has more than %d steps", maxSteps)
		}
		if err != nil {
			return nil, devices.Errorf(devices.Invalid, "the path %s %s; write it as a.b[0].c, with * for any name and [*] for any element", quote(s), devices.MessageOf(err))
		}
		p = append(p, st)
	}
	return p, nil
}

func nameStep(s string, dotFirst bool) (step, string, error) {
	end := strings.IndexAny(s, ".[")
	if end < 0 {
		end = len(s)
	}
	name := s[:end]
	switch {
	case dotFirst:
		return step{}, "", devices.Errorf(devices.Invalid, "begins with a dot")
	case name == "*":
		return step{kind: stepAnyKey}, s[end:], nil
	case !plainKey(name):
		return step{}, "", devices.Errorf(devices.Invalid, `has the name %s, which must be written as [%s]`, quote(name), quote(name))
	}
	return step{key: name}, s[end:], nil
}

// bracketStep reads [3], [*] or ["name"].
func bracketStep(s string) (step, string, error) {
	if strings.HasPrefix(s, `["`) {
		end := stringEnd(s[1:])
		var key string
		if end < 0 || !strings.HasPrefix(s[1+end:], "]") || !utf8.ValidString(s) || json.Unmarshal([]byte(s[1:1+end]), &key) != nil {
			return step{}, "", devices.Errorf(devices.Invalid, `has %s, which does not end as ["name"] does`, quote(s))
		}
		return step{key: key}, s[end+2:], nil
	}
	inside, rest, closed := strings.Cut(s[1:], "]")
	if closed && inside == "*" {
		return step{kind: stepAnyIndex}, rest, nil
	}
	n, err := strconv.Atoi(inside)
	if !closed || err != nil || n < 0 || inside != strconv.Itoa(n) {
		return step{}, "", devices.Errorf(devices.Invalid, `has %s, which is none of [0], [*] and ["name"]`, quote(s))
	}
	return step{kind: stepIndex, index: n}, rest, nil
}

// stringEnd returns the length of the JSON string that s begins with, -1 if it
// does not end.
func stringEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// plainKey reports whether a name stands in a path without brackets.
func plainKey(s string) bool {
	return s != "" && !strings.ContainsAny(s, ".[]\"*$ \t\r\n\\")
}

// appendStep writes a step as parsePath reads it.
func appendStep(b []byte, s step) []byte {
	switch s.kind {
	case stepIndex:
		return append(strconv.AppendInt(append(b, '['), int64(s.index), 10), ']')
	case stepAnyIndex:
		return append(b, "[*]"...)
	}
	if s.kind == stepKey && !plainKey(s.key) {
		text, err := json.Marshal(s.key)
		if err != nil { // a string always can be
			text = []byte(strconv.QuoteToASCII(s.key))
		}
		return append(append(append(b, '['), text...), ']')
	}
	if len(b) > 0 {
		b = append(b, '.')
	}
	if s.kind == stepAnyKey {
		return append(b, '*')
	}
	return append(b, s.key...)
}

// String is the inverse of parsePath.
func (p path) String() string {
	var b []byte
	for _, s := range p {
		b = appendStep(b, s)
	}
	return string(b)
}

// wildcards counts the steps that match more than one thing.
func (p path) wildcards() int {
	n := 0
	for _, s := range p {
		if s.kind == stepAnyKey || s.kind == stepAnyIndex {
			n++
		}
	}
	return n
}

// matches reports whether p leads along the steps of a path without wildcards,
// and what its wildcards stand for there.
func (p path) matches(q path) (captures []string, ok bool) {
	if len(p) != len(q) {
		return nil, false
	}
	for i, s := range p {
		switch t := q[i]; {
		case s.kind == stepAnyKey && t.kind == stepKey:
			captures = append(captures, t.key)
		case s.kind == stepAnyIndex && t.kind == stepIndex:
			captures = append(captures, strconv.Itoa(t.index))
		case s != t:
			return nil, false
		}
	}
	return captures, true
}

// in returns the value that a path without wildcards leads to.
func (p path) in(v jsonValue) jsonValue {
	for _, s := range p {
		if s.kind == stepIndex {
			v = v.element(s.index)
		} else {
			v = v.member(s.key)
		}
	}
	return v
}

// each calls f for every value that a path leads to, with the way to it, until
// f returns false.
func (p path) each(v jsonValue, way path, f func(way path, v jsonValue) bool) bool {
	if v.kind() == jsonAbsent {
		return true
	}
	if len(p) == 0 {
		return f(way, v)
	}
	switch s := p[0]; s.kind {
	case stepKey:
		return p[1:].each(v.member(s.key), append(way, s), f)
	case stepIndex:
		return p[1:].each(v.element(s.index), append(way, s), f)
	case stepAnyKey:
		if v.kind() != jsonObject {
			return true
		}
		for m := range v.inside() {
			if !p[1:].each(m, append(way, step{key: m.name()}), f) {
				return false
			}
		}
	case stepAnyIndex:
		if v.kind() != jsonArray {
			return true
		}
		i := 0
		for e := range v.inside() {
			if !p[1:].each(e, append(way, step{kind: stepIndex, index: i}), f) {
				return false
			}
			i++
		}
	}
	return true
}
