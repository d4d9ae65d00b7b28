package formats

import (
	"strconv"
	"unicode/utf8"
)

// ValueKind says what a Value holds.
type ValueKind string

// The kinds of value. Only Number and Bool can be stored as readings. [FM-1.3]
const (
	Number ValueKind = "number"
	Bool   ValueKind = "bool" // Number is 1 or 0
	Text   ValueKind = "text"
	Data   ValueKind = "data" // bytes without a meaning to us
	Null   ValueKind = "null" // the device says that it has no value now
)

// Value is a measured value. Number is always finite.
type Value struct {
	Kind   ValueKind `json:"kind"`
	Number float64   `json:"number,omitempty"`
	Text   string    `json:"text,omitempty"`
	Data   []byte    `json:"data,omitempty"`
}

// Numeric reports whether the value can be stored as a reading.
func (v Value) Numeric() bool { return v.Kind == Number || v.Kind == Bool }

// String shows the value to a person.
func (v Value) String() string {
	switch v.Kind {
	case Number:
		return number(v.Number)
	case Bool:
		return strconv.FormatBool(v.Number != 0)
	case Text:
		return quote(v.Text)
	case Data:
		return strconv.Itoa(len(v.Data)) + " bytes"
	}
	return "null"
}

func numberValue(v float64) Value { return Value{Kind: Number, Number: v} }
func textValue(s string) Value    { return Value{Kind: Text, Text: s} }

func boolValue(b bool) Value {
	if b {
		return Value{Kind: Bool, Number: 1}
	}
	return Value{Kind: Bool}
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// quote shows a part of a payload in a message, cut so that the message does
// not grow with what is sent to us.
func quote[T string | []byte](s T) string {
	const most = 64
	if len(s) <= most {
		return strconv.QuoteToASCII(string(s))
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return strconv.QuoteToASCII(string(s[:end])) + " (cut)"
}
