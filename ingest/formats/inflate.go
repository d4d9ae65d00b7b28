package formats

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"strings"
)

// inflate undoes the compression of a payload, at most up to limit bytes. The
// hint is the content encoding that the sender names, "" if none; then gzip
// and zlib are recognised by their first bytes. One layer is undone. [FM-3.3]
func inflate(payload []byte, hint string, limit int) ([]byte, *Refusal) {
	var r io.Reader
	var err error
	switch hint = strings.ToLower(strings.TrimSpace(hint)); hint {
	case "", "identity":
		switch {
		case bytes.HasPrefix(payload, []byte{0x1f, 0x8b, 8}):
			hint = "gzip"
			r, err = gzip.NewReader(bytes.NewReader(payload))
		case zlibMagic(payload):
			hint = "deflate"
			r, err = zlib.NewReader(bytes.NewReader(payload))
		case len(payload) > limit:
			return nil, refusef(TooLarge, "The payload is longer than %d bytes.", limit)
		default:
			return payload, nil
		}
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(bytes.NewReader(payload))
	case "deflate", "zlib":
		// The standard means zlib, many senders leave its header out. [FM-3.2]
		if zlibHeader(payload) {
			r, err = zlib.NewReader(bytes.NewReader(payload))
		} else {
			r = flate.NewReader(bytes.NewReader(payload))
		}
	default:
		return nil, refusef(Unsupported, "The content encoding is %s. Use gzip, deflate or none.", quote(hint))
	}
	if err != nil {
		return nil, refusef(BadPayload, "The payload is no %s: its head is broken.", hint)
	}
	out, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	switch {
	case len(out) > limit:
		return nil, refusef(TooLarge, "The payload becomes longer than %d bytes when its %s is undone.", limit, hint)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, refusef(BadPayload, "The %s of the payload ends too early, behind %d bytes.", hint, len(out))
	case err != nil:
		return nil, refusef(BadPayload, "The %s of the payload is broken behind %d bytes.", hint, len(out))
	}
	return out, nil
}

// zlibMagic recognises zlib without a hint. 78 5e is left out, which could be
// the text "x^". [FM-3.1]
func zlibMagic(b []byte) bool {
	return zlibHeader(b) && b[0] == 0x78 && b[1] != 0x5e
}

func zlibHeader(b []byte) bool {
	return len(b) >= 2 && b[0]&15 == 8 && b[0]>>4 <= 7 && (int(b[0])<<8|int(b[1]))%31 == 0 && b[1]&0x20 == 0
}
