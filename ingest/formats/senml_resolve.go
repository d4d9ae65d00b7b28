package formats

import (
	"slices"
	"strings"
)

// senmlVersion is the version of SenML that is read, and the default.
const senmlVersion = 10

// relativeBelow is where times begin to be absolute: 2^28 seconds. [FM-5.4]
const relativeBelow = int64(1<<28) * 1e9

// senmlMeasured is a record that stands for itself: nothing in it depends on
// another one.
type senmlMeasured struct {
	record     int
	name, unit string
	nanos      int64
	timed      bool // there was a time in the pack
	value      Value
	hasValue   bool
	sum        float64
	hasSum     bool
	update     int64 // nanoseconds, 0 if not given
}

// senmlBases are the base fields in force.
type senmlBases struct {
	name, unit      string
	nanos           int64
	value, sum      float64
	hasTime         bool
	hasValue        bool
	hasSum          bool
	version         float64
	versionSettled  bool
	versionMismatch bool
}

func (b *senmlBases) apply(r *senmlRecord) {
	if r.given(senmlBaseName) {
		b.name = r.bases[0]
	}
	if r.given(senmlBaseUnit) {
		b.unit = r.bases[1]
	}
	if r.given(senmlBaseTime) {
		b.nanos, b.hasTime = r.times[senmlBaseTime], true
	}
	if r.given(senmlBaseValue) {
		b.value, b.hasValue = r.numbers[senmlBaseValue], true
	}
	if r.given(senmlBaseSum) {
		b.sum, b.hasSum = r.numbers[senmlBaseSum], true
	}
	if v := r.numbers[senmlBaseVersion]; r.given(senmlBaseVersion) {
		b.versionMismatch = b.versionSettled && v != b.version
		b.version = v
	}
	b.versionSettled = true
}

// resolveSenML makes every record stand for itself, as RFC 8428 section 4.6
// says, and sorts them by time. Times that are relative are counted from
// received. [FM-5.3]
func resolveSenML(pack []senmlRecord, received int64, l Limits) (out []senmlMeasured, faults []Refusal, _ *Refusal) {
	bases := senmlBases{version: senmlVersion}
	for i := range pack {
		r := &pack[i]
		bases.apply(r)
		switch v := bases.version; {
		case bases.versionMismatch:
			return nil, nil, refusef(BadPayload, "Record %d has another version (bver) than the records before it.", i+1)
		case v > senmlVersion:
			return nil, nil, refusef(Unsupported, "The pack is of version %s; versions up to %d are known here.", number(v), senmlVersion)
		case v < 1 || v != float64(int(v)):
			return nil, nil, refusef(BadPayload, "The version (bver) is %s, which is no positive integer.", number(v))
		}
		m, fault := bases.measured(r, i, received, l)
		switch {
		case fault != nil:
			fault.Path = "record " + number(float64(i+1))
			faults = append(faults, *fault)
		case m != nil:
			out = append(out, *m)
		}
	}
	slices.SortStableFunc(out, func(a, b senmlMeasured) int {
		switch {
		case a.nanos < b.nanos:
			return -1
		case a.nanos > b.nanos:
			return 1
		}
		return 0
	})
	return out, faults, nil
}

// measured resolves one record. It is nil if the record only sets base fields.
func (b *senmlBases) measured(r *senmlRecord, at int, received int64, l Limits) (*senmlMeasured, *Refusal) {
	switch {
	case r.fault != nil:
		return nil, r.fault
	case r.bare() && !r.given(senmlBaseValue) && !r.given(senmlBaseSum):
		return nil, nil
	case r.values > 1:
		return nil, refusef(BadPayload, "The record has %d values. One of v, vs, vb and vd belongs in a record.", r.values)
	case len(b.name)+len(r.texts[0]) > l.Name:
		return nil, refusef(TooLarge, "The name is longer than %d bytes.", l.Name)
	}
	m := &senmlMeasured{record: at, name: b.name + r.texts[0], unit: b.unit, value: r.value, hasValue: r.values == 1, update: r.times[senmlUpdate]}
	if r.given(senmlUnit) {
		m.unit = r.texts[1]
	}
	if !senmlNameValid(m.name) {
		return nil, refusef(BadPayload, "The name is %s. It begins with a letter or digit and goes on with letters, digits and - : . / _", quote(m.name))
	}
	if b.hasValue && (!m.hasValue || m.value.Kind == Number) {
		m.value, m.hasValue = numberValue(b.value+m.value.Number), true
	}
	if b.hasSum || r.given(senmlSum) {
		m.sum, m.hasSum = b.sum+r.numbers[senmlSum], true
	}
	switch {
	case !m.hasValue && !m.hasSum:
		return nil, refusef(BadPayload, "The record has no value: none of v, vs, vb, vd and s, and no base value is in force.")
	case m.hasValue && !finite(m.value.Number) || !finite(m.sum):
		return nil, refusef(NotANumber, "The value is too large for a float64.")
	case m.update < 0:
		return nil, refusef(BadPayload, "The update time (ut) is negative.")
	}
	m.timed = b.hasTime || r.given(senmlTime)
	if m.nanos = addNanos(b.nanos, r.times[senmlTime]); m.nanos < relativeBelow {
		m.nanos = addNanos(received, m.nanos)
	}
	return m, nil
}

func senmlNameValid(s string) bool {
	for i := range len(s) {
		c := s[i]
		alphanumeric := '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !alphanumeric && (i == 0 || !strings.ContainsRune("-:./_", rune(c))) {
			return false
		}
	}
	return s != ""
}
