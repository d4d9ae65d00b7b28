package formats

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// PathForTest reads a path and writes it again.
func PathForTest(s string) (string, error) {
	p, err := parsePath(s)
	return p.String(), err
}

// WayForTest writes the path of keys and, where a key is empty, of index 7.
func WayForTest(keys []string) string {
	var p path
	for _, k := range keys {
		if k == "" {
			p = append(p, step{kind: stepIndex, index: 7})
		} else {
			p = append(p, step{key: k})
		}
	}
	return p.String()
}

// FilterForTest is a filter with its two questions.
type FilterForTest struct{ f filter }

// ParseFilterForTest reads a filter.
func ParseFilterForTest(s string) (FilterForTest, error) {
	f, err := parseFilter(s)
	return FilterForTest{f}, err
}

// Match is filter.match.
func (f FilterForTest) Match(topic string) (map[string]string, bool) { return f.f.match(topic) }

// Covers is filter.covers.
func (f FilterForTest) Covers(g FilterForTest) bool { return f.f.covers(g.f) }

// MQTT is filter.mqtt.
func (f FilterForTest) MQTT() string { return f.f.mqtt() }

// ResolveSenMLForTest resolves a pack and writes it as JSON whose records stand
// for themselves.
func ResolveSenMLForTest(payload []byte, received time.Time) (string, error) {
	read := readSenMLJSON
	if cborPack(payload) {
		read = readSenMLCBOR
	}
	l := Limits{}.withDefaults()
	pack, refusal := read(payload, l)
	if refusal != nil {
		return "", refusal
	}
	measured, faults, refusal := resolveSenML(pack, received.UnixNano(), l)
	if refusal != nil {
		return "", refusal
	}
	if len(faults) > 0 {
		return "", &faults[0]
	}
	out := []string{}
	for _, m := range measured {
		r := fmt.Sprintf(`{"n":%q,"t":%d.%09d`, m.name, m.nanos/1e9, m.nanos%1e9)
		if m.unit != "" {
			unit, _ := json.Marshal(m.unit)
			r += `,"u":` + string(unit)
		}
		if m.hasValue {
			switch m.value.Kind {
			case Number:
				r += `,"v":` + number(m.value.Number)
			case Bool:
				r += fmt.Sprintf(`,"vb":%v`, m.value.Number != 0)
			case Text:
				text, _ := json.Marshal(m.value.Text)
				r += `,"vs":` + string(text)
			case Data:
				r += `,"vd":"` + base64.RawURLEncoding.EncodeToString(m.value.Data) + `"`
			}
		}
		if m.hasSum {
			r += `,"s":` + number(m.sum)
		}
		if m.update > 0 {
			r += fmt.Sprintf(`,"ut":%d.%09d`, m.update/1e9, m.update%1e9)
		}
		out = append(out, r+"}")
	}
	return "[" + strings.Join(out, ",") + "]", nil
}
