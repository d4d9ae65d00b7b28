package mqtt

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// errUpgrade is a connection that begins like a request of HTTP.
var errUpgrade = errors.New("an HTTP request")

// errWebSocket is a violation of RFC 6455, or of what MQTT asks of it.
var errWebSocket = errors.New("no valid WebSocket frame")

// maxRequest bounds the request that opens a WebSocket.
const maxRequest = 8 << 10

// upgrade answers the request that opens a WebSocket; from then on its frames
// are the network. [MQTT-6.0.0-3] [MQTT-6.0.0-4]
func (c *connection) upgrade() error {
	had := bytes.Clone(c.chunk.buf[c.lo:c.hi])
	c.drop()
	c.need, c.since = 0, time.Time{}
	limited := &io.LimitedReader{R: io.MultiReader(bytes.NewReader(had), c.net), N: maxRequest}
	reader := bufio.NewReader(limited)
	request, err := http.ReadRequest(reader)
	if err != nil {
		return err
	}
	limited.N = 1 << 62
	if !wantsMQTT(request.Header) {
		_, _ = io.WriteString(c.net, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		return errWebSocket
	}
	sum := sha1.Sum([]byte(request.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, err = io.WriteString(c.net, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: "+base64.StdEncoding.EncodeToString(sum[:])+"\r\n\r\n")
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.net, c.raw = &webSocket{Conn: c.net, reader: reader}, nil
	return nil
}

func wantsMQTT(h http.Header) bool {
	has := func(name, token string) bool {
		return slices.ContainsFunc(strings.Split(strings.Join(h.Values(name), ","), ","), func(s string) bool {
			return strings.EqualFold(strings.TrimSpace(s), token)
		})
	}
	key, err := base64.StdEncoding.DecodeString(h.Get("Sec-WebSocket-Key"))
	return err == nil && len(key) == 16 && has("Connection", "upgrade") && has("Upgrade", "websocket") &&
		has("Sec-WebSocket-Version", "13") && has("Sec-WebSocket-Protocol", "mqtt")
}

// webSocket is a network connection whose bytes come and go in binary frames.
// Packets need not begin where frames do. [MQTT-6.0.0-2]
type webSocket struct {
	net.Conn
	reader *bufio.Reader

	// Of the data frame that is being read.
	left    uint64
	mask    [4]byte
	at      int  // in mask
	partial bool // a message has begun that goes on in another frame

	writing sync.Mutex // a pong may come between
}

// The kinds of frame.
const (
	frameContinuation = 0
	frameBinary       = 2
	frameClose        = 8
	framePing         = 9
	framePong         = 10
)

// Read returns what is in data frames and sees to the others.
func (w *webSocket) Read(p []byte) (int, error) {
	for w.left == 0 {
		if err := w.frame(); err != nil {
			return 0, err
		}
	}
	n, err := w.reader.Read(p[:min(uint64(len(p)), w.left)])
	w.left -= uint64(n)
	w.unmask(p[:n])
	return n, err
}

func (w *webSocket) unmask(p []byte) {
	for i := range p {
		p[i] ^= w.mask[w.at&3]
		w.at++
	}
}

// frame reads the header of a frame, and the whole of one that holds no data.
func (w *webSocket) frame() error {
	var head [14]byte
	if _, err := io.ReadFull(w.reader, head[:2]); err != nil {
		return err
	}
	final, kind, size := head[0]&0x80 != 0, head[0]&15, uint64(head[1]&0x7f)
	control := kind >= frameClose
	if head[0]&0x70 != 0 || head[1]&0x80 == 0 || control && (!final || size > 125) {
		return errWebSocket
	}
	more := map[uint64]int{126: 2, 127: 8}[size]
	if _, err := io.ReadFull(w.reader, head[2:2+more+4]); err != nil {
		return err
	}
	switch more {
	case 2:
		size = uint64(binary.BigEndian.Uint16(head[2:]))
	case 8:
		size = binary.BigEndian.Uint64(head[2:])
	}
	copy(w.mask[:], head[2+more:])
	w.at = 0
	if control {
		return w.control(kind, int(size))
	}
	// Text is no MQTT [MQTT-6.0.0-1], and a message is over before the next.
	if kind != frameBinary && kind != frameContinuation || size>>63 != 0 || w.partial != (kind == frameContinuation) {
		return errWebSocket
	}
	w.left, w.partial = size, !final
	return nil
}

func (w *webSocket) control(kind byte, size int) error {
	body := make([]byte, size)
	if _, err := io.ReadFull(w.reader, body); err != nil {
		return err
	}
	w.unmask(body)
	switch kind {
	case framePing:
		return w.send(framePong, body)
	case framePong:
		return nil
	case frameClose:
		_ = w.send(frameClose, body[:min(2, len(body))])
		return io.EOF
	}
	return errWebSocket
}

// Write sends one frame.
func (w *webSocket) Write(p []byte) (int, error) {
	if err := w.send(frameBinary, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (w *webSocket) send(kind byte, p []byte) error {
	out := make([]byte, 0, len(p)+10)
	out = append(out, 0x80|kind)
	switch {
	case len(p) < 126:
		out = append(out, byte(len(p)))
	case len(p) < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, 126), uint16(len(p)))
	default:
		out = binary.BigEndian.AppendUint64(append(out, 127), uint64(len(p)))
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	_, err := w.Conn.Write(append(out, p...))
	return err
}

// CloseWrite says goodbye and closes our side.
func (w *webSocket) CloseWrite() error {
	err := w.send(frameClose, []byte{1000 >> 8, 1000 & 0xff})
	if half, ok := w.Conn.(interface{ CloseWrite() error }); ok {
		return errors.Join(err, half.CloseWrite())
	}
	return err
}
