package formats

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"
)

// spType is a datatype of Sparkplug B.
type spType uint32

// The datatypes that the code asks for by name. The arrays stand in the order of
// the scalars, from spTypeInt8Array on.
const (
	spTypeUnknown      spType = 0
	spTypeInt8         spType = 1
	spTypeInt64        spType = 4
	spTypeUInt8        spType = 5
	spTypeUInt64       spType = 8
	spTypeFloat        spType = 9
	spTypeDouble       spType = 10
	spTypeBoolean      spType = 11
	spTypeString       spType = 12
	spTypeDateTime     spType = 13
	spTypeUUID         spType = 15
	spTypeDataSet      spType = 16
	spTypeBytes        spType = 17
	spTypeFile         spType = 18
	spTypeTemplate     spType = 19
	spTypeInt8Array    spType = 22
	spTypeDateTimeList spType = 34
)

var spTypeNames = [...]string{
	"Unknown", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float", "Double", "Boolean", "String",
	"DateTime", "Text", "UUID", "DataSet", "Bytes", "File", "Template", "PropertySet", "PropertySetList", "Int8Array", "Int16Array",
	"Int32Array", "Int64Array", "UInt8Array", "UInt16Array", "UInt32Array", "UInt64Array", "FloatArray", "DoubleArray",
	"BooleanArray", "StringArray", "DateTimeArray",
}

// String returns the name that the standard gives the datatype.
func (t spType) String() string {
	if int(t) < len(spTypeNames) {
		return spTypeNames[t]
	}
	return strconv.Itoa(int(t))
}

// bits is the width of an integer's datatype, 0 for another.
func (t spType) bits() int {
	switch {
	case t >= spTypeInt8 && t <= spTypeInt64:
		return 8 << (t - spTypeInt8)
	case t >= spTypeUInt8 && t <= spTypeUInt64:
		return 8 << (t - spTypeUInt8)
	}
	return 0
}

// integer makes a number of the bits of an integer's datatype. Encoders differ
// in how they put a negative number into an unsigned field, sign-extended or
// not: what is beyond the width is cut, then the sign is taken from there.
// [FM-6.5]
func (t spType) integer(bits uint64) float64 {
	width := t.bits()
	switch {
	case width == 0:
		return float64(bits)
	case t <= spTypeInt64:
		return float64(int64(bits<<(64-width)) >> (64 - width))
	}
	return float64(bits << (64 - width) >> (64 - width))
}

// guess is the datatype of a value of which nobody has said it.
func (m *spMetric) guess() spType {
	switch m.field {
	case spInt:
		return 7
	case spLong:
		return spTypeUInt64
	case spFloat:
		return spTypeFloat
	case spDouble:
		return spTypeDouble
	case spBoolean:
		return spTypeBoolean
	case spString:
		return spTypeString
	case spBytes:
		return spTypeBytes
	case spDataSet:
		return spTypeDataSet
	case spTemplate:
		return spTypeTemplate
	}
	return spTypeUnknown
}

// number reads the value from whichever numeric field is set. [FM-6.5]
func (m *spMetric) number(t spType) (float64, bool) {
	switch m.field {
	case spInt, spLong, spBoolean:
		if t.bits() == 0 {
			return float64(int64(m.bits)), true
		}
		return t.integer(m.bits), true
	case spFloat:
		return float64(math.Float32frombits(uint32(m.bits))), true
	case spDouble:
		return math.Float64frombits(m.bits), true
	}
	return 0, false
}

// value reads the value of a metric that is no array. [FM-6.4]
func (m *spMetric) value(t spType) (Value, *Refusal) {
	switch {
	case t.bits() > 0 || t == spTypeFloat || t == spTypeDouble || t == spTypeBoolean:
		v, ok := m.number(t)
		switch {
		case !ok:
			return Value{}, m.misfit(t)
		case math.IsNaN(v) || math.IsInf(v, 0):
			return Value{}, refusef(NotANumber, "The value is %v.", v)
		case t == spTypeBoolean:
			return boolValue(v != 0), nil
		}
		return numberValue(v + 0), nil
	case t == spTypeDateTime:
		if m.field != spInt && m.field != spLong {
			return Value{}, m.misfit(t)
		}
		return textValue(millisTime(m.bits).Format(time.RFC3339Nano)), nil
	case t >= spTypeString && t <= spTypeUUID:
		if m.field != spString {
			return Value{}, m.misfit(t)
		}
		return textValue(validText(m.bytes)), nil
	case t == spTypeBytes || t == spTypeFile:
		if m.field != spBytes {
			return Value{}, m.misfit(t)
		}
		return Value{Kind: Data, Data: append([]byte(nil), m.bytes...)}, nil
	}
	return Value{}, refusef(Unsupported, "A value of the datatype %s is not read; only numbers, booleans, texts, bytes and lists of them are.", t)
}

func (m *spMetric) misfit(t spType) *Refusal {
	if m.field == 0 {
		return refusef(BadPayload, "The metric has no value and does not say that it is null.")
	}
	return refusef(BadPayload, "The value is in field %d, which cannot hold the datatype %s.", m.field, t)
}

// elements reads the value of a metric that is an array. Its numbers are packed
// little-endian, as Tahu does it; booleans stand behind their count, the highest
// bit of a byte first; texts each end in a zero byte. [FM-6.4]
func (m *spMetric) elements(t spType, most int) ([]Value, *Refusal) {
	if m.field != spBytes {
		return nil, m.misfit(t)
	}
	b := m.bytes
	scalar := t - spTypeInt8Array + spTypeInt8
	switch scalar {
	case spTypeBoolean:
		return booleans(b, most)
	case spTypeString:
		return texts(b, most)
	}
	width := scalar.bits() / 8
	switch scalar {
	case spTypeFloat:
		width = 4
	case spTypeDouble, spTypeDateTime:
		width = 8
	}
	switch {
	case len(b)%width != 0:
		return nil, refusef(BadPayload, "The %d bytes of the value are no whole number of elements of %d.", len(b), width)
	case len(b)/width > most:
		return nil, tooManyElements(most)
	}
	out := make([]Value, 0, len(b)/width)
	for ; len(b) > 0; b = b[width:] {
		var padded [8]byte
		copy(padded[:], b[:width])
		one := spMetric{field: spLong, bits: binary.LittleEndian.Uint64(padded[:])}
		switch scalar {
		case spTypeFloat:
			one.field = spFloat
		case spTypeDouble:
			one.field = spDouble
		}
		v, refusal := one.value(scalar)
		if refusal != nil {
			return nil, refusef(refusal.Reason, "Element %d: %s", len(out), refusal.Detail)
		}
		out = append(out, v)
	}
	return out, nil
}

func booleans(b []byte, most int) ([]Value, *Refusal) {
	if len(b) < 4 {
		return nil, refusef(BadPayload, "A list of booleans begins with their count in 4 bytes, but has %d.", len(b))
	}
	count := int64(binary.LittleEndian.Uint32(b))
	if b = b[4:]; count > 8*int64(len(b)) {
		return nil, refusef(BadPayload, "The list says that it holds %d booleans, but has %d bytes.", count, len(b))
	}
	if count > int64(most) {
		return nil, tooManyElements(most)
	}
	out := make([]Value, 0, count)
	for i := range count {
		out = append(out, boolValue(b[i/8]&(0x80>>(i%8)) != 0))
	}
	return out, nil
}

func texts(b []byte, most int) ([]Value, *Refusal) {
	parts := strings.SplitN(validText(b), "\x00", most+2)
	if parts[len(parts)-1] != "" {
		return nil, refusef(BadPayload, "The last text of the list does not end in a zero byte.")
	}
	if parts = parts[:len(parts)-1]; len(parts) > most {
		return nil, tooManyElements(most)
	}
	out := make([]Value, 0, len(parts))
	for _, s := range parts {
		out = append(out, textValue(s))
	}
	return out, nil
}

func tooManyElements(most int) *Refusal {
	return refusef(TooLarge, "The list has more than %d elements.", most)
}

func (t spType) array() bool { return t >= spTypeInt8Array && t <= spTypeDateTimeList }

// validText is text of which invalid UTF-8 is replaced.
func validText(b []byte) string { return strings.ToValidUTF8(string(b), "\ufffd") }
