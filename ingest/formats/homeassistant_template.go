package formats

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// haTemplate is a template that leads to one value. Home Assistant's templates
// are a language of their own, of which this is what most devices use. [FM-10.4]
type haTemplate struct {
	json    bool // value_json, not value
	path    path
	filters []haFilter
}

type haFilter struct {
	name   string
	places int // of round
}

var (
	haExpression = regexp.MustCompile(`^\s*\{\{-?\s*(value_json|value)((?:\.[A-Za-z_][A-Za-z0-9_]*|\[\s*(?:'[^'\\]*'|"[^"\\]*"|[0-9]{1,6})\s*\])*)\s*((?:\|\s*[a-z_]+\s*(?:\([^()]*\)\s*)?)*)-?\}\}\s*$`)
	haStep       = regexp.MustCompile(`\.([A-Za-z_][A-Za-z0-9_]*)|\[\s*(?:'([^']*)'|"([^"]*)"|([0-9]+))\s*\]`)
	haPipe       = regexp.MustCompile(`\|\s*([a-z_]+)\s*(?:\(\s*([^()]*?)\s*\))?`)
)

// parseHATemplate reads a template. It is nil for one of another form.
func parseHATemplate(s string) *haTemplate {
	if s == "" {
		return &haTemplate{}
	}
	parts := haExpression.FindStringSubmatch(s)
	if parts == nil {
		return nil
	}
	t := &haTemplate{json: parts[1] == "value_json"}
	for _, m := range haStep.FindAllStringSubmatch(parts[2], -1) {
		if m[4] != "" {
			index, err := strconv.Atoi(m[4])
			if err != nil {
				return nil
			}
			t.path = append(t.path, step{kind: stepIndex, index: index})
			continue
		}
		t.path = append(t.path, step{key: m[1] + m[2] + m[3]})
	}
	if !t.json && len(t.path) > 0 {
		return nil
	}
	for _, m := range haPipe.FindAllStringSubmatch(parts[3], -1) {
		f := haFilter{name: m[1]}
		switch f.name {
		case "float", "int", "is_defined", "default":
		case "round":
			if m[2] != "" {
				places, err := strconv.Atoi(m[2])
				if err != nil || places < 0 || places > 15 {
					return nil
				}
				f.places = places
			}
		default:
			return nil
		}
		t.filters = append(t.filters, f)
	}
	return t
}

// text is the value that the template leads to, as Home Assistant would write
// it. It is not ok if there is none; a default is no measurement. [FM-10.4]
func (t *haTemplate) text(payload string, root jsonValue) (string, bool) {
	out := payload
	if t.json {
		switch v := t.path.in(root); v.kind() {
		case jsonTrue:
			out = "True"
		case jsonFalse:
			out = "False"
		case jsonString:
			out = v.text()
		case jsonNumber, jsonNonFinite:
			out = string(v.raw())
		default:
			return "", false
		}
	}
	for _, f := range t.filters {
		n, ok := parseNumber(strings.TrimSpace(out))
		if !ok {
			continue
		}
		switch f.name {
		case "int":
			out = number(math.Trunc(n))
		case "round":
			scale := math.Pow(10, float64(f.places))
			if r := math.Round(n*scale) / scale; finite(r) {
				out = number(r)
			}
		}
	}
	return out, true
}
