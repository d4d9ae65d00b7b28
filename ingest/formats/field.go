package formats

import (
	"fmt"
	"math"
	"strings"

	"github.com/forecare/forecare/devices"
)

// Field says what becomes of one quantity of a format, or of several if its
// path has wildcards. A number is multiplied by Scale (nil means 1), then
// Offset is added. Values gives texts a number, as {open: 1, closed: 0};
// ParseText reads a text that holds a number as that number. OfUnit restricts
// the field to values that the payload gives in that unit. [FM-1.8]
type Field struct {
	Path      string             `json:"path" yaml:"path"`
	OfUnit    string             `json:"of_unit,omitempty" yaml:"of_unit"`
	Metric    string             `json:"metric" yaml:"metric"` // {1} is what the first wildcard stands for
	Unit      string             `json:"unit,omitempty" yaml:"unit"`
	Scale     *float64           `json:"scale,omitempty" yaml:"scale"`
	Offset    float64            `json:"offset,omitempty" yaml:"offset"`
	Values    map[string]float64 `json:"values,omitempty" yaml:"values"`
	ParseText bool               `json:"parse_text,omitempty" yaml:"parse_text"`
}

// field is a checked Field.
type field struct {
	Field
	steps path
}

// newField checks a field. The names of formats that are not made of JSON are
// literal: each is one step, whatever is in it.
func newField(f Field, literal bool) (field, error) {
	out := field{Field: f}
	if f.Path == "" {
		return out, devices.Errorf(devices.Invalid, "a field has no path; say which value it is")
	}
	if literal {
		out.steps = path{{key: f.Path}}
	} else {
		var err error
		if out.steps, err = parsePath(f.Path); err != nil {
			return out, err
		}
	}
	captures := make([]string, out.steps.wildcards())
	for i := range captures {
		captures[i] = "0"
		if !strings.Contains(f.Metric, fmt.Sprintf("{%d}", i+1)) {
			return out, devices.Errorf(devices.Invalid, "the field %s has %d wildcards, but its metric %s lacks {%d}; without it several values would share one name", quote(f.Path), len(captures), quote(f.Metric), i+1)
		}
	}
	if name := fill(f.Metric, captures); !devices.ValidMetric(name) {
		return out, devices.Errorf(devices.Invalid, "the field %s has the metric %s; a metric is a letter followed by up to 63 letters, digits and underscores", quote(f.Path), quote(f.Metric))
	}
	if s := f.Scale; s != nil && (*s == 0 || math.IsNaN(*s) || math.IsInf(*s, 0)) {
		return out, devices.Errorf(devices.Invalid, "the field %s has the scale %v; it must be a number other than 0", quote(f.Path), *s)
	}
	for _, v := range append(valuesOf(f.Values), f.Offset) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return out, devices.Errorf(devices.Invalid, "the field %s holds %v; it must be a finite number", quote(f.Path), v)
		}
	}
	return out, nil
}

func valuesOf(m map[string]float64) []float64 {
	var out []float64
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// fill puts the captures into {1}, {2} and so on.
func fill(metric string, captures []string) string {
	if len(captures) == 0 {
		return metric
	}
	pairs := make([]string, 0, 2*len(captures))
	for i, c := range captures {
		pairs = append(pairs, fmt.Sprintf("{%d}", i+1), c)
	}
	return strings.NewReplacer(pairs...).Replace(metric)
}

// apply gives a sample the field's metric, unit and scale.
func (f *field) apply(s *Sample, captures []string) *Refusal {
	if s.Metric = fill(f.Metric, captures); len(captures) > 0 {
		s.Metric = MetricName(s.Metric)
	}
	if f.Unit != "" {
		s.Unit = f.Unit
	}
	if s.Value.Kind == Text {
		if v, there := f.Values[s.Value.Text]; there {
			s.Value = numberValue(v)
			return nil
		}
		if !f.ParseText {
			return nil
		}
		v, ok := parseNumber(strings.TrimSpace(s.Value.Text))
		if !ok {
			return refusef(NotANumber, "The text %s holds no number.", quote(s.Value.Text))
		}
		s.Value = numberValue(v)
	}
	if s.Value.Kind != Number {
		return nil
	}
	v := s.Value.Number
	if f.Scale != nil {
		v *= *f.Scale
	}
	if v += f.Offset; math.IsInf(v, 0) || math.IsNaN(v) {
		return refusef(NotANumber, "The value %s becomes too large for a float64 by scale and offset.", number(s.Value.Number))
	}
	s.Value.Number = v
	return nil
}
