package mqtt_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/forecare/forecare/devices"
)

// wire is a device that speaks MQTT byte by byte, 3.1.1 or 5, so that nothing
// between it and the server mends what it sends or hides what it gets.
type wire struct {
	t       *testing.T
	net     net.Conn
	r       *bufio.Reader
	version byte
}

// answer is a packet that came from the server.
type answer struct {
	kind byte // upper four bits of the first byte
	flag byte // lower four
	body []byte
}

func (p answer) String() string { return fmt.Sprintf("%x %x %x %q", p.kind, p.flag, p.body, p.body) }

// Packet types.
const (
	connect    = 1
	connack    = 2
	publish    = 3
	puback     = 4
	pubrec     = 5
	pubrel     = 6
	pubcomp    = 7
	subscribe  = 8
	suback     = 9
	pingreq    = 12
	pingresp   = 13
	disconnect = 14
)

func str(s string) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...) }

func num(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// login is what a CONNECT holds.
type login struct {
	version    byte
	client     string
	user       string
	password   string
	anonymous  bool
	persist    bool   // no clean session
	expiry     uint32 // of the session; MQTT 5
	keepalive  uint16
	properties []byte // further ones; MQTT 5
	willTopic  string
	will       string
	willFlags  byte   // QoS and retain, shifted as in the packet
	willDelay  uint32 // MQTT 5
}

func as(version byte, k devices.Key) login {
	return login{version: version, client: "c", user: k.String(), password: token(k), keepalive: 60}
}

func (l login) encode() []byte {
	flags := l.willFlags
	if !l.anonymous {
		flags |= 0xC0
	}
	if !l.persist {
		flags |= 2
	}
	if l.willTopic != "" {
		flags |= 4
	}
	body := cat(str("MQTT"), []byte{l.version, flags}, num(l.keepalive))
	if l.version == 5 {
		properties := l.properties
		if l.expiry > 0 {
			properties = cat(properties, []byte{0x11}, binary.BigEndian.AppendUint32(nil, l.expiry))
		}
		body = cat(body, prefixed(properties))
	}
	body = cat(body, str(l.client))
	if l.willTopic != "" {
		if l.version == 5 {
			var properties []byte
			if l.willDelay > 0 {
				properties = cat([]byte{0x18}, binary.BigEndian.AppendUint32(nil, l.willDelay))
			}
			body = cat(body, prefixed(properties))
		}
		body = cat(body, str(l.willTopic), str(l.will))
	}
	if !l.anonymous {
		body = cat(body, str(l.user), str(l.password))
	}
	return frame(connect<<4, body)
}

func frame(first byte, body []byte) []byte {
	return cat(binary.AppendUvarint([]byte{first}, uint64(len(body))), body)
}

func prefixed(properties []byte) []byte {
	return cat(binary.AppendUvarint(nil, uint64(len(properties))), properties)
}

// dial opens a connection and sends nothing yet.
func (d *door) dial(t *testing.T) *wire {
	t.Helper()
	nc, err := net.Dial("tcp", d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return newWire(t, nc)
}

func newWire(t *testing.T, nc net.Conn) *wire {
	t.Cleanup(func() { nc.Close() })
	return &wire{t: t, net: nc, r: bufio.NewReader(nc)}
}

// connect logs in and returns what CONNACK says.
func (d *door) connect(t *testing.T, l login) (*wire, answer) {
	t.Helper()
	w := d.dial(t)
	w.version = l.version
	w.send(l.encode())
	p := w.next()
	if p.kind != connack {
		t.Fatalf("got %s, want CONNACK", p)
	}
	return w, p
}

// device logs in a device that must be let in.
func (d *door) device(t *testing.T, l login) *wire {
	t.Helper()
	w, p := d.connect(t, l)
	if p.body[1] != 0 {
		t.Fatalf("CONNACK %s", p)
	}
	return w
}

func (w *wire) send(b []byte) {
	w.t.Helper()
	_ = w.net.SetWriteDeadline(time.Now().Add(10 * time.Second))
	if _, err := w.net.Write(b); err != nil {
		w.t.Fatalf("sending: %v", err)
	}
}

// read returns the next packet, or an error if the connection is over.
func (w *wire) read(within time.Duration) (answer, error) {
	_ = w.net.SetReadDeadline(time.Now().Add(within))
	first, err := w.r.ReadByte()
	if err != nil {
		return answer{}, err
	}
	size, err := binary.ReadUvarint(w.r)
	if err != nil {
		return answer{}, err
	}
	body := make([]byte, size)
	_, err = io.ReadFull(w.r, body)
	return answer{kind: first >> 4, flag: first & 15, body: body}, err
}

func (w *wire) next() answer {
	w.t.Helper()
	p, err := w.read(10 * time.Second)
	if err != nil {
		w.t.Fatalf("reading: %v", err)
	}
	return p
}

// wantClosed fails unless the server has closed the connection without another
// word.
func (w *wire) wantClosed() {
	w.t.Helper()
	if p, err := w.read(10 * time.Second); err == nil {
		w.t.Fatalf("got %s, want the connection closed", p)
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		w.t.Fatal("the connection stays open")
	}
}

// wantDisconnect expects an MQTT 5 DISCONNECT and then the end.
func (w *wire) wantDisconnect(code byte) {
	w.t.Helper()
	p := w.next()
	if p.kind != disconnect || len(p.body) == 0 || p.body[0] != code {
		w.t.Fatalf("got %s, want DISCONNECT 0x%x", p, code)
	}
	w.wantClosed()
}

// wantEnd is wantDisconnect for MQTT 5 and wantClosed for 3.1.1.
func (w *wire) wantEnd(code byte) {
	w.t.Helper()
	if w.version == 5 {
		w.wantDisconnect(code)
		return
	}
	w.wantClosed()
}

// publish sends a PUBLISH.
func (w *wire) publish(topic string, qos byte, id uint16, payload string, flags ...byte) {
	w.t.Helper()
	w.send(w.publication(topic, qos, id, payload, flags...))
}

func (w *wire) publication(topic string, qos byte, id uint16, payload string, flags ...byte) []byte {
	first := byte(publish<<4) | qos<<1
	for _, f := range flags {
		first |= f
	}
	body := str(topic)
	if qos > 0 {
		body = cat(body, num(id))
	}
	if w.version == 5 {
		body = cat(body, []byte{0})
	}
	return frame(first, cat(body, []byte(payload)))
}

// ack is what an acknowledgement says.
type ack struct {
	id     uint16
	code   byte
	reason string
}

func (w *wire) wantAck(kind byte, id uint16) ack {
	w.t.Helper()
	p := w.next()
	if p.kind != kind || len(p.body) < 2 {
		w.t.Fatalf("got %s, want an acknowledgement of kind %d", p, kind)
	}
	a := ack{id: binary.BigEndian.Uint16(p.body)}
	if a.id != id {
		w.t.Fatalf("acknowledgement of %d, want that of %d", a.id, id)
	}
	if len(p.body) > 2 {
		if w.version < 5 {
			w.t.Fatalf("MQTT 3.1.1 has no such acknowledgement: %s", p)
		}
		a.code = p.body[2]
	}
	if len(p.body) > 3 {
		size, n := binary.Uvarint(p.body[3:])
		if properties := p.body[3+n:]; uint64(len(properties)) != size {
			w.t.Fatalf("%d bytes of properties in %s", size, p)
		} else if size > 0 && properties[0] == 0x1F {
			a.reason = string(properties[3:])
		}
	}
	return a
}

// alive fails unless the connection answers a ping next.
func (w *wire) alive() {
	w.t.Helper()
	w.send([]byte{pingreq << 4, 0})
	if p := w.next(); p.kind != pingresp {
		w.t.Fatalf("got %s, want PINGRESP", p)
	}
}

// subscribe returns the code of SUBACK.
func (w *wire) subscribe(filter string, options byte) byte {
	w.t.Helper()
	body := num(77)
	if w.version == 5 {
		body = cat(body, []byte{0})
	}
	w.send(frame(subscribe<<4|2, cat(body, str(filter), []byte{options})))
	p := w.next()
	if p.kind != suback {
		w.t.Fatalf("got %s, want SUBACK", p)
	}
	return p.body[len(p.body)-1]
}

// delivered is a PUBLISH from the server.
type delivered struct {
	topic   string
	qos     byte
	retain  bool
	id      uint16
	props   []byte
	payload string
}

func (w *wire) wantDelivered() delivered {
	w.t.Helper()
	p := w.next()
	if p.kind != publish {
		w.t.Fatalf("got %s, want PUBLISH", p)
	}
	d := delivered{qos: p.flag >> 1 & 3, retain: p.flag&1 != 0}
	n := int(binary.BigEndian.Uint16(p.body))
	d.topic = string(p.body[2 : 2+n])
	rest := p.body[2+n:]
	if d.qos > 0 {
		d.id = binary.BigEndian.Uint16(rest)
		rest = rest[2:]
	}
	if w.version == 5 {
		size := int(rest[0])
		d.props = rest[1 : 1+size]
		rest = rest[1+size:]
	}
	d.payload = string(rest)
	return d
}

// both runs a test with either version of MQTT.
func both(t *testing.T, f func(t *testing.T, version byte)) {
	for _, version := range []byte{4, 5} {
		t.Run(map[byte]string{4: "MQTT 3.1.1", 5: "MQTT 5"}[version], func(t *testing.T) { f(t, version) })
	}
}
