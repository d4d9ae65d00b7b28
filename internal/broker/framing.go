package broker

import "errors"

// errTooLarge is a packet over the limit, errLength a length that is none.
var (
	errTooLarge = errors.New("packet too large")
	errLength   = errors.New("malformed packet length")
)

// framing follows the packets in a stream of bytes, so that one that is too
// large is known by its header, before anyone makes room for it.
type framing struct {
	limit  int
	pause  bool // scan stops behind the next packet, once
	rest   int  // bytes of the current packet's body that are still to come
	length int  // of the body, as far as its digits have been read
	digits int  // of the length that have been read
	header bool
}

// scan returns how many of the next bytes belong to packets within the limit.
// If these are not all, the error says what is wrong with the packet behind;
// there is none where scan was told to pause.
func (f *framing) scan(p []byte) (int, error) {
	whole := 0 // where the last packet header began that is not read to its end
	for i := 0; i < len(p); {
		if f.rest > 0 {
			skip := min(f.rest, len(p)-i)
			f.rest -= skip
			i += skip
			if f.rest == 0 && f.pause {
				f.pause = false
				return i, nil
			}
			continue
		}
		if !f.header {
			f.header = true
			f.length, f.digits = 0, 0
			whole = i
			i++
			continue
		}
		f.length |= int(p[i]&0x7f) << (7 * f.digits)
		f.digits++
		more := p[i]&0x80 != 0
		i++
		switch {
		case 1+f.digits+f.length > f.limit:
			return whole, errTooLarge
		case more && f.digits == 4:
			return whole, errLength
		case !more:
			f.header = false
			f.rest = f.length
			if f.rest == 0 && f.pause {
				f.pause = false
				return i, nil
			}
		}
	}
	return len(p), nil
}
