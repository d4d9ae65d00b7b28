package formats

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"
)

// cborKind is what a CBOR item is, as far as SenML cares.
type cborKind uint8

const (
	cborOther cborKind = iota // read, but of no use here
	cborNumber
	cborText
	cborBytes
	cborBool
	cborBreak // the end of something of indefinite length
)

// cborItem is one item that holds no others. decimal is a number as text, from
// which a time is read exactly.
type cborItem struct {
	kind    cborKind
	number  float64
	decimal string
	text    string
	bytes   []byte
	yes     bool
}

// The major types of RFC 8949.
const (
	cborUnsigned = iota
	cborNegative
	cborByteString
	cborTextString
	cborArray
	cborMap
	cborTag
	cborSimple
)

const indefinite = math.MaxUint64

// cborReader reads CBOR item by item, without a tree: SenML needs lists of maps
// of scalars only, and whatever else is in them is skipped. [FM-5.2]
type cborReader struct {
	b       []byte
	at      int
	items   int
	limits  Limits
	refusal *Refusal
}

func (r *cborReader) broken(format string, args ...any) bool {
	if r.refusal == nil {
		r.refusal = refusef(BadPayload, "The CBOR is broken at byte %d: "+format, append([]any{min(r.at, len(r.b)) + 1}, args...)...)
	}
	return false
}

// head reads the head of an item. The argument is indefinite if the length is.
func (r *cborReader) head() (major byte, argument uint64, short byte, ok bool) {
	if r.items++; r.items > r.limits.Nodes {
		r.refusal = refusef(TooLarge, "The CBOR holds more than %d items. Send them in several messages.", r.limits.Nodes)
		return 0, 0, 0, false
	}
	if r.at >= len(r.b) {
		return 0, 0, 0, r.broken("it ends too early.")
	}
	first := r.b[r.at]
	major, short = first>>5, first&31
	size := 0
	switch {
	case short < 24:
		r.at++
		return major, uint64(short), short, true
	case short < 28:
		size = 1 << (short - 24)
	case short == 31 && major >= cborByteString && major != cborTag:
		r.at++
		return major, indefinite, short, true
	default:
		return 0, 0, 0, r.broken("no item begins with %#02x.", first)
	}
	if len(r.b)-r.at-1 < size {
		return 0, 0, 0, r.broken("it ends too early.")
	}
	var padded [8]byte
	copy(padded[8-size:], r.b[r.at+1:])
	r.at += 1 + size
	if argument = binary.BigEndian.Uint64(padded[:]); argument == indefinite && (major == cborByteString || major == cborTextString || major == cborArray || major == cborMap) {
		return 0, 0, 0, r.broken("a length of 2^64-1 does not fit.")
	}
	return major, argument, short, true
}

// item reads one item. What holds others is skipped and comes as cborOther.
func (r *cborReader) item(depth int) (cborItem, bool) {
	if depth > r.limits.Depth {
		return cborItem{}, r.broken("it is nested more than %d deep.", r.limits.Depth)
	}
	major, n, short, ok := r.head()
	if !ok {
		return cborItem{}, false
	}
	switch major {
	case cborUnsigned:
		return cborItem{kind: cborNumber, number: float64(n), decimal: strconv.FormatUint(n, 10)}, true
	case cborNegative:
		if n > math.MaxInt64 {
			return cborItem{kind: cborNumber, number: -1 - float64(n), decimal: "-1e19"}, true
		}
		return cborItem{kind: cborNumber, number: float64(-1 - int64(n)), decimal: strconv.FormatInt(-1-int64(n), 10)}, true
	case cborByteString, cborTextString:
		return r.str(major, n)
	case cborArray:
		return cborItem{}, r.skip(n, 1, depth)
	case cborMap:
		return cborItem{}, r.skip(n, 2, depth)
	case cborTag:
		if n == 4 {
			return r.decimalFraction()
		}
		_, ok := r.item(depth + 1)
		return cborItem{}, ok
	}
	return r.simple(n, short)
}

// simple reads what major type 7 is: floats, booleans, null, and the break.
func (r *cborReader) simple(n uint64, short byte) (cborItem, bool) {
	float := func(v float64) (cborItem, bool) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return cborItem{kind: cborNumber, number: v, decimal: "0"}, true
		}
		return cborItem{kind: cborNumber, number: v, decimal: strconv.FormatFloat(v, 'e', -1, 64)}, true
	}
	switch short {
	case 20, 21:
		return cborItem{kind: cborBool, yes: short == 21}, true
	case 25:
		return float(half(uint16(n)))
	case 26:
		return float(float64(math.Float32frombits(uint32(n))))
	case 27:
		return float(math.Float64frombits(n))
	case 31:
		return cborItem{kind: cborBreak}, true
	}
	return cborItem{}, true
}

// half is a float of 16 bits.
func half(h uint16) float64 {
	sign := 1.0
	if h&0x8000 != 0 {
		sign = -1
	}
	exponent, fraction := int(h>>10&31), float64(h&1023)
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 31:
		if fraction != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

// str reads a byte or text string, which may come in pieces.
func (r *cborReader) str(major byte, n uint64) (cborItem, bool) {
	var out []byte
	for pieces := n == indefinite; ; {
		if pieces {
			m, length, short, ok := r.head()
			if !ok {
				return cborItem{}, false
			}
			if m == cborSimple && short == 31 {
				break
			}
			if m != major || length == indefinite {
				return cborItem{}, r.broken("the pieces of a string must be strings of the same kind.")
			}
			n = length
		}
		if n > uint64(len(r.b)-r.at) {
			return cborItem{}, r.broken("a string of %d bytes is longer than what is left.", n)
		}
		piece := r.b[r.at : r.at+int(n)]
		r.at += int(n)
		if !pieces {
			out = piece
			break
		}
		out = append(out, piece...)
	}
	if major == cborByteString {
		return cborItem{kind: cborBytes, bytes: out}, true
	}
	if !utf8.Valid(out) {
		return cborItem{}, r.broken("a text is not valid UTF-8.")
	}
	return cborItem{kind: cborText, text: string(out)}, true
}

// skip reads over n times as many items as given, or up to the break.
func (r *cborReader) skip(n uint64, each, depth int) bool {
	for i := uint64(0); i < n; i++ {
		for j := range each {
			item, ok := r.item(depth + 1)
			if !ok {
				return false
			}
			if item.kind == cborBreak {
				return n == indefinite && j == 0 || r.broken("there is an end where none belongs.")
			}
		}
	}
	return true
}

// decimalFraction reads the two numbers of tag 4: a power of ten and what it
// multiplies.
func (r *cborReader) decimalFraction() (cborItem, bool) {
	major, n, _, ok := r.head()
	if !ok {
		return cborItem{}, false
	}
	if major != cborArray || n != 2 {
		return cborItem{}, r.broken("a decimal fraction is a list of two numbers.")
	}
	var parts [2]int64
	for i := range parts {
		m, v, _, ok := r.head()
		switch {
		case !ok:
			return cborItem{}, false
		case m > cborNegative || v > math.MaxInt64:
			return cborItem{}, r.broken("a decimal fraction is made of two integers.")
		}
		if parts[i] = int64(v); m == cborNegative {
			parts[i] = -1 - parts[i]
		}
	}
	text := strconv.FormatInt(parts[1], 10) + "e" + strconv.FormatInt(parts[0], 10)
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		v = math.Inf(1)
	}
	return cborItem{kind: cborNumber, number: v, decimal: text}, true
}
