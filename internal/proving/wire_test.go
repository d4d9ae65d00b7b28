package proving_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// wire is an MQTT connection of which the test writes every byte: it sends
// what no client library would.
type wire struct {
	net.Conn
	r       *bufio.Reader
	version byte // 4 is MQTT 3.1.1
	next    uint16
}

// packet is what came back.
type packet struct {
	kind byte // the first byte
	body []byte
}

func dialWire(t *testing.T, address string, version byte) *wire {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return &wire{Conn: c, r: bufio.NewReader(c), version: version}
}

func text(s string) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...) }

// connect returns the code of the CONNACK.
func (w *wire) connect(t *testing.T, user, password string) byte {
	t.Helper()
	body := append(text("MQTT"), w.version, 0xC2, 0, 60)
	if w.version == 5 {
		body = append(body, 0) // no properties
	}
	body = append(append(append(body, text("")...), text(user)...), text(password)...)
	w.send(t, 0x10, body)
	p, err := w.receive()
	if err != nil || p.kind != 0x20 {
		t.Fatalf("no CONNACK but % x (%v)", p, err)
	}
	return p.body[1]
}

// publish sends at QoS 1 and returns what comes back, which is a PUBACK unless
// the connection is ended.
func (w *wire) publish(t *testing.T, topic string, payload []byte) (packet, error) {
	t.Helper()
	w.next++
	body := binary.BigEndian.AppendUint16(text(topic), w.next)
	if w.version == 5 {
		body = append(body, 0)
	}
	w.send(t, 0x32, append(body, payload...))
	p, err := w.receive()
	if err == nil && p.kind == 0x40 && binary.BigEndian.Uint16(p.body) != w.next {
		return p, fmt.Errorf("a PUBACK of another message: % x", p.body)
	}
	return p, err
}

// send writes a packet; the peer may have had enough of it before its end.
func (w *wire) send(t *testing.T, kind byte, body []byte) {
	t.Helper()
	_, _ = w.Write(append(binary.AppendUvarint([]byte{kind}, uint64(len(body))), body...))
}

func (w *wire) receive() (packet, error) {
	kind, err := w.r.ReadByte()
	if err != nil {
		return packet{}, err
	}
	size, err := binary.ReadUvarint(w.r)
	if err != nil {
		return packet{}, err
	}
	p := packet{kind: kind, body: make([]byte, size)}
	_, err = io.ReadFull(w.r, p.body)
	return p, err
}

// code is a PUBACK's reason code: 0 where it is left out, as it always is in
// MQTT 3.1.1.
func (p packet) code() byte {
	if len(p.body) > 2 {
		return p.body[2]
	}
	return 0
}
