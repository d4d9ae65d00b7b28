package packet

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// reader takes a packet's body apart. It remembers the first error; from then
// on it yields zeros.
type reader struct {
	b   []byte
	err *Error
}

func (r *reader) fail(err *Error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

func (r *reader) byte() byte {
	if len(r.b) < 1 {
		r.fail(errShort)
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) uint16() uint16 {
	if len(r.b) < 2 {
		r.fail(errShort)
		return 0
	}
	v := binary.BigEndian.Uint16(r.b)
	r.b = r.b[2:]
	return v
}

func (r *reader) uint32() uint32 {
	if len(r.b) < 4 {
		r.fail(errShort)
		return 0
	}
	v := binary.BigEndian.Uint32(r.b)
	r.b = r.b[4:]
	return v
}

// varint reads a variable byte integer, which must not be longer than its value
// needs. [MQTT-1.5.5-1]
func (r *reader) varint() uint32 {
	var v uint32
	for i := range 4 {
		c := r.byte()
		v |= uint32(c&0x7f) << (7 * i)
		if c&0x80 == 0 {
			if c == 0 && i > 0 {
				r.fail(errVarint)
			}
			return v
		}
	}
	r.fail(errVarint)
	return 0
}

func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		r.fail(errShort)
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// binary reads a length and as many bytes.
func (r *reader) binary() []byte { return r.take(int(r.uint16())) }

// text is binary for UTF-8. [MQTT-1.5.4-1] [MQTT-1.5.4-2]
func (r *reader) text() []byte {
	v := r.binary()
	for _, c := range v {
		if c == 0 || c >= utf8.RuneSelf {
			r.check(v)
			break
		}
	}
	return v
}

func (r *reader) check(v []byte) {
	if bytes.IndexByte(v, 0) >= 0 {
		r.fail(errNull)
	} else if !utf8.Valid(v) { // U+D800 to U+DFFF are not valid either
		r.fail(errUTF8)
	}
}

// id reads a packet identifier. [MQTT-2.2.1-3]
func (r *reader) id() uint16 {
	v := r.uint16()
	if v == 0 {
		r.fail(errID)
	}
	return v
}

// done returns the error, also if there is something left.
func (r *reader) done() error {
	if r.err == nil && len(r.b) > 0 {
		r.err = errSurplus
	}
	if r.err == nil {
		return nil // not a nil *Error
	}
	return r.err
}

func appendBinary(dst, v []byte) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(v))), v...)
}
