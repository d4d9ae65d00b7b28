package formats

import "math"

// senmlLabel is a field of a record, by its number in CBOR.
type senmlLabel int

// The fields of RFC 8428.
const (
	senmlBaseVersion senmlLabel = -1
	senmlBaseName    senmlLabel = -2
	senmlBaseTime    senmlLabel = -3
	senmlBaseUnit    senmlLabel = -4
	senmlBaseValue   senmlLabel = -5
	senmlBaseSum     senmlLabel = -6
	senmlName        senmlLabel = 0
	senmlUnit        senmlLabel = 1
	senmlValue       senmlLabel = 2
	senmlString      senmlLabel = 3
	senmlBool        senmlLabel = 4
	senmlSum         senmlLabel = 5
	senmlTime        senmlLabel = 6
	senmlUpdate      senmlLabel = 7
	senmlData        senmlLabel = 8
)

// senmlLabelOf knows the fields by their names in JSON.
func senmlLabelOf(name string) (senmlLabel, bool) {
	switch name {
	case "bver":
		return senmlBaseVersion, true
	case "bn":
		return senmlBaseName, true
	case "bt":
		return senmlBaseTime, true
	case "bu":
		return senmlBaseUnit, true
	case "bv":
		return senmlBaseValue, true
	case "bs":
		return senmlBaseSum, true
	case "n":
		return senmlName, true
	case "u":
		return senmlUnit, true
	case "v":
		return senmlValue, true
	case "vs":
		return senmlString, true
	case "vb":
		return senmlBool, true
	case "vd":
		return senmlData, true
	case "s":
		return senmlSum, true
	case "t":
		return senmlTime, true
	case "ut":
		return senmlUpdate, true
	}
	return 0, false
}

// senmlRecord is one record as it was sent. A field that is absent differs from
// one that is zero or empty: has tells.
type senmlRecord struct {
	has     uint32 // a bit for each field
	texts   [2]string
	bases   [2]string // base name, base unit
	value   Value     // of v, vs, vb or vd
	numbers map[senmlLabel]float64
	times   map[senmlLabel]int64 // nanoseconds
	values  int                  // how many of v, vs, vb, vd there are
	fault   *Refusal             // the record is of no use, but its base fields are
}

func (r *senmlRecord) given(l senmlLabel) bool { return r.has&(1<<(l+6)) != 0 }

func (l senmlLabel) base() bool { return l < 0 }

// bare reports whether the record has base fields only.
func (r *senmlRecord) bare() bool { return r.has>>6 == 0 }

// set takes one field. False means that it has the wrong type or comes twice.
func (r *senmlRecord) set(l senmlLabel, v cborItem) bool {
	if r.given(l) {
		return false
	}
	r.has |= 1 << (l + 6)
	switch l {
	case senmlBaseName, senmlBaseUnit:
		r.bases[(-2-l)/2] = v.text
		return v.kind == cborText
	case senmlName, senmlUnit:
		r.texts[l] = v.text
		return v.kind == cborText
	case senmlString:
		r.take(textValue(v.text))
		return v.kind == cborText
	case senmlBool:
		r.take(boolValue(v.yes))
		return v.kind == cborBool
	case senmlData:
		r.take(Value{Kind: Data, Data: append([]byte(nil), v.bytes...)})
		return v.kind == cborBytes
	case senmlBaseTime, senmlTime, senmlUpdate:
		if r.times == nil {
			r.times = map[senmlLabel]int64{}
		}
		if v.kind == cborNumber && finite(v.number) {
			r.times[l] = epochNanos(v.decimal, seconds)
			return true
		}
		return false
	case senmlValue:
		r.take(numberValue(v.number + 0))
		return v.kind == cborNumber && finite(v.number)
	}
	if r.numbers == nil {
		r.numbers = map[senmlLabel]float64{}
	}
	r.numbers[l] = v.number
	return v.kind == cborNumber && finite(v.number)
}

func (r *senmlRecord) take(v Value) {
	r.value = v
	r.values++
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
