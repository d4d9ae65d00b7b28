package anomaly

import (
	"encoding/binary"
	"errors"
	"math"
)

// codec writes values to bytes or reads them back. Each type has one function
// that names its fields in order and serves both ways, so that the two cannot
// differ.
type codec struct {
	buf     []byte
	reading bool
	err     error
}

var (
	errTruncated = errors.New("it ends too early")
	errTrailing  = errors.New("there is more than it should hold")
	errChecksum  = errors.New("its checksum is wrong")
)

// fixed returns n bytes to write to, or to read from; nil after an error.
func (c *codec) fixed(n int) []byte {
	if c.reading {
		if c.err != nil || len(c.buf) < n {
			c.err = errTruncated
			return nil
		}
		b := c.buf[:n]
		c.buf = c.buf[n:]
		return b
	}
	c.buf = append(c.buf, make([]byte, n)...)
	return c.buf[len(c.buf)-n:]
}

func (c *codec) u64(p *uint64) {
	b := c.fixed(8)
	switch {
	case b == nil:
	case c.reading:
		*p = binary.LittleEndian.Uint64(b)
	default:
		binary.LittleEndian.PutUint64(b, *p)
	}
}

func (c *codec) u32(p *uint32) {
	b := c.fixed(4)
	switch {
	case b == nil:
	case c.reading:
		*p = binary.LittleEndian.Uint32(b)
	default:
		binary.LittleEndian.PutUint32(b, *p)
	}
}

func (c *codec) i64(p *int64) {
	v := uint64(*p)
	c.u64(&v)
	*p = int64(v)
}

func (c *codec) i32(p *int32) {
	v := uint32(*p)
	c.u32(&v)
	*p = int32(v)
}

func (c *codec) u16(p *uint16) {
	v := uint32(*p)
	c.u32(&v)
	*p = uint16(v)
}

func (c *codec) u8(p *uint8) {
	if b := c.fixed(1); b != nil {
		if c.reading {
			*p = b[0]
		} else {
			b[0] = *p
		}
	}
}

func (c *codec) flag(p *bool) {
	var v uint8
	if *p {
		v = 1
	}
	c.u8(&v)
	*p = v != 0
}

func (c *codec) f64(p *float64) {
	v := math.Float64bits(*p)
	c.u64(&v)
	*p = math.Float64frombits(v)
}

func (c *codec) f32(p *float32) {
	v := math.Float32bits(*p)
	c.u32(&v)
	*p = math.Float32frombits(v)
}

func (c *codec) f32s(p []float32) {
	for i := range p {
		c.f32(&p[i])
	}
}

func (c *codec) text(p *string) {
	n := c.length(len(*p), 1)
	b := c.fixed(n)
	switch {
	case b == nil:
	case c.reading:
		*p = string(b)
	default:
		copy(b, *p)
	}
}

// length codes the number of elements of a list, each at least size bytes: a
// count that the rest of the input cannot hold is an error, and not an attempt
// to allocate it.
func (c *codec) length(n, size int) int {
	v := uint32(n)
	c.u32(&v)
	if c.reading && int64(v)*int64(size) > int64(len(c.buf)) {
		c.err = errTruncated
		return 0
	}
	return int(v)
}

// list codes a slice, element by element.
func list[T any](c *codec, p *[]T, size int, each func(*T)) {
	n := c.length(len(*p), size)
	if c.reading {
		*p = make([]T, n)
	}
	for i := range *p {
		each(&(*p)[i])
	}
}

// optional codes a pointer that may be nil.
func optional[T any](c *codec, p **T, each func(*T)) {
	has := *p != nil
	c.flag(&has)
	if c.reading {
		*p = nil
		if has {
			*p = new(T)
		}
	}
	if has {
		each(*p)
	}
}
