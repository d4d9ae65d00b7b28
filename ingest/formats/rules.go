package formats

import (
	"fmt"
	"slices"
	"strings"

	"github.com/forecare/forecare/devices"
)

// Rule says who speaks on a topic, and how. Topic is an MQTT filter with named
// parts. Tenant and Device may use these parts: "{device}", "plant-{line}". An
// empty Device means {device} if the topic has that part, else the device that
// the payload names or else the publisher; an empty Tenant means {tenant} if
// the topic has that part, else the publisher's. [FM-2.2]
type Rule struct {
	Topic   string  `json:"topic" yaml:"topic"`
	Tenant  string  `json:"tenant,omitempty" yaml:"tenant"`
	Device  string  `json:"device,omitempty" yaml:"device"`
	Format  string  `json:"format" yaml:"format"`
	Options Options `json:"options,omitzero" yaml:"options"`
}

// Rules are checked rules, in their order. They are immutable.
type Rules struct{ rules []rule }

type rule struct {
	Rule
	filter  filter
	decoder *Decoder
}

// Match is what the rules say about one topic. Tenant and Device are empty if
// the publisher's hold. Index is that of the rule.
type Match struct {
	Index   int
	Rule    Rule
	Tenant  string
	Device  string
	Parts   map[string]string
	Decoder *Decoder
}

// NewRules checks rules. The error is Invalid and names the rule, counting
// from 1. [FM-2.5]
func NewRules(list []Rule, l Limits) (*Rules, error) {
	out := &Rules{}
	for i, r := range list {
		checked, err := newRule(r, l)
		if err == nil {
			for j, earlier := range out.rules {
				if earlier.filter.covers(checked.filter) {
					err = devices.Errorf(devices.Invalid, "the topic %s is never reached, because rule %d, %s, takes every such topic before; put the narrower rule first", quote(r.Topic), j+1, quote(earlier.Topic))
					break
				}
			}
		}
		if err != nil {
			return nil, devices.Errorf(devices.Invalid, "rule %d: %s", i+1, devices.MessageOf(err))
		}
		out.rules = append(out.rules, checked)
	}
	return out, nil
}

func newRule(r Rule, l Limits) (rule, error) {
	out := rule{Rule: r}
	var err error
	if out.filter, err = parseFilter(r.Topic); err != nil {
		return out, err
	}
	switch first := out.filter.levels[0]; {
	case first.kind == levelLiteral && first.text == "fleet":
		return out, devices.Errorf(devices.Invalid, "the topic %s begins with fleet/, where Forecare's own protocol is spoken; choose other topics", quote(r.Topic))
	case first.kind == levelRest:
		return out, devices.Errorf(devices.Invalid, "the topic %s takes every topic there is; name the first level at least", quote(r.Topic))
	}
	for _, t := range []struct {
		name, text string
		into       *string
	}{{"tenant", r.Tenant, &out.Tenant}, {"device", r.Device, &out.Device}} {
		if t.text == "" && slices.Contains(out.filter.parts(), t.name) {
			*t.into = "{" + t.name + "}"
		}
		if err := checkPattern(t.name, *t.into, out.filter.parts()); err != nil {
			return out, err
		}
	}
	out.decoder, err = NewDecoder(r.Format, r.Options, l)
	return out, err
}

// checkPattern checks a text with parts of the topic in it.
func checkPattern(name, s string, parts []string) error {
	if s == "" {
		return nil
	}
	plain := s
	for _, p := range parts {
		plain = strings.ReplaceAll(plain, "{"+p+"}", "x")
	}
	if strings.ContainsAny(plain, "{}") {
		have := "the topic has no named parts"
		if len(parts) > 0 {
			have = "the topic has {" + strings.Join(parts, "}, {") + "}"
		}
		return devices.Errorf(devices.Invalid, "the %s %s names a part that the topic does not have; %s", name, quote(s), have)
	}
	if !devices.ValidID(plain) {
		return devices.Errorf(devices.Invalid, "the %s is %s; use 1 to 64 letters, digits, colons, dots, underscores, hyphens and parts of the topic like {device}", name, quote(s))
	}
	return nil
}

// expand puts the parts of a topic into a pattern.
func expand(s string, parts map[string]string) string {
	if !strings.Contains(s, "{") {
		return s
	}
	pairs := make([]string, 0, 2*len(parts))
	for name, value := range parts {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

// ForTopic returns what the first rule that matches says about a topic. It is
// not ok if none does. The error is Invalid if no tenant or device can be made
// of the topic. [FM-2.3]
func (r *Rules) ForTopic(topic string) (m Match, ok bool, err error) {
	for i := range r.rules {
		rule := &r.rules[i]
		parts, matches := rule.filter.match(topic)
		if !matches {
			continue
		}
		m = Match{Index: i, Rule: rule.Rule, Parts: parts, Decoder: rule.decoder}
		for _, t := range []struct {
			name, pattern string
			into          *string
		}{{"tenant", rule.Tenant, &m.Tenant}, {"device", rule.Device, &m.Device}} {
			if t.pattern == "" {
				continue
			}
			text := expand(t.pattern, parts)
			if *t.into = DeviceID(text); *t.into == "" || t.name == "tenant" && *t.into != text {
				return Match{}, true, devices.Errorf(devices.Invalid, "the topic makes the %s %s; that is no identifier of 1 to 64 letters, digits, colons, dots, underscores or hyphens", t.name, quote(text))
			}
		}
		return m, true, nil
	}
	return Match{}, false, nil
}

// Filters returns the filters of the rules as MQTT knows them, to subscribe to.
func (r *Rules) Filters() []string {
	var out []string
	for _, rule := range r.rules {
		if f := rule.filter.mqtt(); !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

// String names the rules in their order, for logs.
func (r *Rules) String() string {
	var b strings.Builder
	for i, rule := range r.rules {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s as %s", rule.Topic, rule.Format)
	}
	return b.String()
}
