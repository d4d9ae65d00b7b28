package formats

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/forecare/forecare/devices"
)

// filter is an MQTT topic filter whose levels may have names: tele/{device}/SENSOR.
// {name} is one level like +, {name#} all that remain, at least one. [FM-2.1]
type filter struct {
	text   string
	levels []level
}

type level struct {
	kind levelKind
	text string // the literal, or the name
}

type levelKind uint8

const (
	levelLiteral levelKind = iota
	levelOne               // + or {name}
	levelRest              // # or {name#}
)

// maxTopic is the longest topic that MQTT can express.
const maxTopic = 65535

// parseFilter reads a filter. Its error is Invalid.
func parseFilter(s string) (filter, error) {
	f := filter{text: s}
	fault := func(format string, args ...any) (filter, error) {
		return filter{}, devices.Errorf(devices.Invalid, "the topic %s "+format, append([]any{quote(s)}, args...)...)
	}
	switch {
	case s == "":
		return filter{}, devices.Errorf(devices.Invalid, `a rule has no topic; give a filter such as "tele/{device}/SENSOR"`)
	case len(s) > maxTopic || !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return fault("is no MQTT topic filter; it must be UTF-8 without a zero character, of up to %d bytes", maxTopic)
	case strings.HasPrefix(s, "/"):
		return fault("begins with a slash, which is an empty level; write the topic exactly as the devices publish it")
	}
	parts := strings.Split(s, "/")
	if len(parts) > 128 {
		return fault("has more than 128 levels")
	}
	for i, part := range parts {
		l := level{text: part}
		last := i == len(parts)-1
		switch {
		case part == "+":
			l = level{kind: levelOne}
		case part == "#":
			l = level{kind: levelRest}
		case strings.ContainsAny(part, "{}"):
			name, whole := strings.CutPrefix(part, "{")
			name, closed := strings.CutSuffix(name, "}")
			l.kind = levelOne
			if rest, all := strings.CutSuffix(name, "#"); all {
				l.kind, name = levelRest, rest
			}
			if l.text = name; !whole || !closed || !partName(name) {
				return fault("has the level %s; a named part is a whole level, {name} or at the end {name#}, of small letters", quote(part))
			}
			if slices.ContainsFunc(f.levels, func(o level) bool { return o.kind != levelLiteral && o.text == name }) {
				return fault("has the part {%s} twice", name)
			}
		case strings.ContainsAny(part, "+#"):
			return fault("has the level %s; + and # stand alone in a level", quote(part))
		}
		if l.kind == levelRest && !last {
			return fault("has levels behind %s, which takes all that remain", quote(part))
		}
		f.levels = append(f.levels, l)
	}
	return f, nil
}

func partName(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == ""
}

// match reports whether a topic matches, and what the named parts of the filter
// stand for in it. Wildcards do not match a first level that begins with $.
// [FM-2.4]
func (f filter) match(topic string) (parts map[string]string, ok bool) {
	if strings.HasPrefix(topic, "$") && f.levels[0].kind != levelLiteral {
		return nil, false
	}
	rest, more := topic, true
	for _, l := range f.levels {
		if l.kind == levelRest {
			if !more {
				return parts, l.text == "" // # also takes the level above it
			}
			return named(parts, l.text, rest), true
		}
		if !more {
			return nil, false
		}
		var here string
		here, rest, more = strings.Cut(rest, "/")
		switch {
		case l.kind == levelOne:
			parts = named(parts, l.text, here)
		case l.text != here:
			return nil, false
		}
	}
	return parts, !more
}

func named(parts map[string]string, name, value string) map[string]string {
	if name == "" {
		return parts
	}
	if parts == nil {
		parts = map[string]string{}
	}
	parts[name] = value
	return parts
}

// covers reports whether every topic that g matches is matched by f.
func (f filter) covers(g filter) bool {
	if f.levels[0].kind != levelLiteral && g.levels[0].kind == levelLiteral && strings.HasPrefix(g.levels[0].text, "$") {
		return false
	}
	for i, l := range f.levels {
		if l.kind == levelRest {
			// {name#} does not take the level above it, # does.
			return i < len(g.levels) && (l.text == "" || g.levels[i].kind != levelRest || g.levels[i].text != "") || i == len(g.levels) && l.text == ""
		}
		if i >= len(g.levels) || g.levels[i].kind == levelRest {
			return false
		}
		if m := g.levels[i]; l.kind == levelLiteral && (m.kind != levelLiteral || m.text != l.text) {
			return false
		}
	}
	return len(f.levels) == len(g.levels)
}

// mqtt returns the filter as MQTT knows it, for a subscription.
func (f filter) mqtt() string {
	out := make([]string, len(f.levels))
	for i, l := range f.levels {
		switch l.kind {
		case levelOne:
			out[i] = "+"
		case levelRest:
			out[i] = "#"
		default:
			out[i] = l.text
		}
	}
	return strings.Join(out, "/")
}

// parts are the names in the filter.
func (f filter) parts() []string {
	var out []string
	for _, l := range f.levels {
		if l.kind != levelLiteral && l.text != "" {
			out = append(out, l.text)
		}
	}
	return out
}
