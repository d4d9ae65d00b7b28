package mqtt_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/forecare/forecare/ingest/mqtt"
)

const upgradeRequest = "GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqttv3.1, mqtt\r\n\r\n"

func openWebSocket(t *testing.T) *door {
	return open(t, func(o *mqtt.Options) { o.WebSocket = true })
}

// masked is a frame of a client.
func masked(first byte, payload []byte) []byte {
	out := []byte{first}
	switch {
	case len(payload) < 126:
		out = append(out, 0x80|byte(len(payload)))
	default:
		out = binary.BigEndian.AppendUint16(append(out, 0x80|126), uint16(len(payload)))
	}
	mask := [4]byte{1, 2, 3, 250}
	out = append(out, mask[:]...)
	for i, b := range payload {
		out = append(out, b^mask[i&3])
	}
	return out
}

// unwrapped reads what is in the frames of the server.
type unwrapped struct {
	r    *bufio.Reader
	left int
	seen []byte // kinds of frames without data
}

func (u *unwrapped) Read(p []byte) (int, error) {
	for u.left == 0 {
		var head [2]byte
		if _, err := io.ReadFull(u.r, head[:]); err != nil {
			return 0, err
		}
		u.left = int(head[1])
		if head[1] == 126 {
			var more [2]byte
			if _, err := io.ReadFull(u.r, more[:]); err != nil {
				return 0, err
			}
			u.left = int(binary.BigEndian.Uint16(more[:]))
		}
		if kind := head[0] & 15; kind != 2 {
			if _, err := u.r.Discard(u.left); err != nil {
				return 0, err
			}
			u.seen, u.left = append(u.seen, kind), 0
		}
	}
	n, err := u.r.Read(p[:min(len(p), u.left)])
	u.left -= n
	return n, err
}

func (d *door) upgrade(t *testing.T) (*wire, *unwrapped) {
	t.Helper()
	w := d.dial(t)
	w.send([]byte(upgradeRequest))
	_ = w.net.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer, err := http.ReadResponse(w.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != 101 || answer.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || answer.Header.Get("Sec-WebSocket-Protocol") != "mqtt" {
		t.Fatalf("got %v", answer)
	}
	u := &unwrapped{r: w.r}
	w.r = bufio.NewReader(u)
	return w, u
}

func TestWebSocket(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := openWebSocket(t)
		w, u := d.upgrade(t)
		w.version = version
		connect := as(version, pump).encode()
		// A packet in two frames, with a ping between, and two packets in one.
		w.send(masked(0x02, connect[:5]))
		w.send(masked(0x89, []byte("hi")))
		w.send(masked(0x80, connect[5:]))
		if p := w.next(); p.kind != connack || p.body[1] != 0 {
			t.Fatalf("got %s", p)
		}
		w.send(masked(0x82, cat(w.publication(telemetryTopic, 1, 1, long(300, "x")), w.publication(telemetryTopic, 1, 2, "y"))))
		w.wantAck(puback, 1)
		w.wantAck(puback, 2)
		if string(u.seen) != "\x0a" {
			t.Errorf("frames %x, want a pong", u.seen)
		}
		if m := d.accept.wait(t, 2); string(m[0].Payload) != long(300, "x") {
			t.Errorf("got %q", m[0].Payload)
		}
		d.Disconnect(pump)
		w.wantEnd(0x87)
		d.device(t, as(version, pump)).alive() // without a WebSocket, at the same address
	})
}

func TestBadWebSockets(t *testing.T) {
	connect := as(4, pump).encode()
	for name, bytes := range map[string][]byte{
		"not masked":            {0x82, 2, 0xC0, 0},
		"text":                  masked(0x81, connect),
		"reserved bit":          masked(0xC2, connect),
		"unknown kind":          masked(0x8B, nil),
		"continues nothing":     masked(0x80, connect),
		"message in a message":  cat(masked(0x02, connect[:2]), masked(0x82, connect[2:])),
		"ping in pieces":        masked(0x09, nil),
		"long ping":             masked(0x89, make([]byte, 126)),
		"negative length":       {0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0},
		"close":                 masked(0x88, []byte{3, 0xE8}),
		"another request":       []byte(upgradeRequest),
		"rubbish in the frames": masked(0x82, []byte("GET / HTTP/1.1\r\n\r\n")),
	} {
		t.Run(name, func(t *testing.T) {
			d := openWebSocket(t)
			w, _ := d.upgrade(t)
			w.send(bytes)
			w.wantClosed()
		})
	}
	for name, request := range map[string]string{
		"no key":         strings.Replace(upgradeRequest, "Sec-WebSocket-Key", "X", 1),
		"no protocol":    strings.Replace(upgradeRequest, "mqttv3.1, mqtt", "chat", 1),
		"no upgrade":     "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"endless header": "GET / HTTP/1.1\r\nX: " + long(1000, "0123456789") + "\r\n\r\n",
		"no HTTP":        "GET it while it is hot\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			d := openWebSocket(t)
			w := d.dial(t)
			w.send([]byte(request))
			_ = w.net.SetReadDeadline(time.Now().Add(10 * time.Second))
			answer, err := io.ReadAll(w.r)
			if ne, ok := err.(interface{ Timeout() bool }); ok && ne.Timeout() {
				t.Fatal("the connection stays open")
			}
			if len(answer) > 0 && !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
				t.Errorf("got %q", answer)
			}
			d.wantCount(t, 1, "forecare_mqtt_refused_total")
		})
	}
}

func TestPahoOverAWebSocket(t *testing.T) {
	d := openWebSocket(t)
	o := paho.NewClientOptions().AddBroker(fmt.Sprintf("ws://%s/mqtt", d.Addr())).SetClientID("paho").SetProtocolVersion(4).
		SetUsername(pump.String()).SetPassword(token(pump)).SetAutoReconnect(false).SetConnectRetry(false)
	c := paho.NewClient(o)
	if tok := c.Connect(); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		t.Fatal(tok.Error())
	}
	defer c.Disconnect(50)
	for qos := range byte(3) {
		if tok := c.Publish(telemetryTopic, qos, false, long(100, "0123456789")); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
			t.Fatal(tok.Error())
		}
	}
	d.accept.wait(t, 3)
}
