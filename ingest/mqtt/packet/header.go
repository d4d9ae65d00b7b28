package packet

// Header is the fixed header of a packet.
type Header struct {
	First  byte // type and flags
	Length int  // of what follows the header
	// Padded says that the length is written in more bytes than it needs. MQTT 5
	// forbids that [MQTT-1.5.5-1]; firmware that speaks 3.1.1 does it.
	Padded bool
}

// Type returns the packet's type.
func (h Header) Type() Type { return Type(h.First >> 4) }

// ReadHeader reads the fixed header at the beginning of b. n is its size, 0
// while there is too little of it. The header of a packet that may not exist is
// an error as soon as its first byte is there.
func ReadHeader(b []byte) (h Header, n int, err error) {
	if len(b) == 0 {
		return h, 0, nil
	}
	h.First = b[0]
	if t := h.Type(); t != PUBLISH {
		if t == 0 {
			return h, 0, errType
		}
		if h.First&15 != t.flags() {
			return h, 0, errFlags
		}
	} else if h.First&6 == 6 {
		return h, 0, errQoS // [MQTT-3.3.1-4]
	}
	for i := 1; i < len(b); i++ {
		h.Length |= int(b[i]&0x7f) << (7 * (i - 1))
		if b[i]&0x80 == 0 {
			h.Padded = b[i] == 0 && i > 1
			return h, i + 1, nil
		}
		if i == 4 {
			return h, 0, errVarint
		}
	}
	return h, 0, nil
}

// Check returns the error of a header that only MQTT 5 forbids.
func (h Header) Check(v Version) error {
	if v == V5 && h.Padded {
		return errVarint
	}
	return nil
}

// MaxLength is the largest length of what follows a header.
const MaxLength = 268_435_455

func appendVarint(dst []byte, n uint32) []byte {
	for n >= 0x80 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}

func varintSize(n int) int {
	switch {
	case n < 1<<7:
		return 1
	case n < 1<<14:
		return 2
	case n < 1<<21:
		return 3
	}
	return 4
}

// begin appends the first byte of a packet and a place for its length.
func begin(dst []byte, first byte) (out []byte, start int) {
	return append(dst, first, 0), len(dst)
}

// end puts in the length of the packet that begins at start.
func end(dst []byte, start int) []byte {
	return widen(dst, start+1)
}

// widen writes how much follows the byte at place there, as a variable byte
// integer, for which it makes room.
func widen(dst []byte, place int) []byte {
	n := len(dst) - place - 1
	if extra := varintSize(n) - 1; extra > 0 {
		dst = append(dst, 0, 0, 0)[:len(dst)+extra]
		copy(dst[place+1+extra:], dst[place+1:])
	}
	appendVarint(dst[:place], uint32(n))
	return dst
}
