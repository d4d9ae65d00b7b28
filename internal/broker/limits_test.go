package broker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/forecare/forecare/internal/broker"
)

func TestPacketOverTheLimitEndsTheConnection(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t, func(o *broker.Options) { o.Limits.Packet = 1000 })
		d.accept.byHand = true
		w := d.device(t, as(version, pump))
		exact := w.publication(telemetryTopic, 1, 1, "")
		fits := w.publication(telemetryTopic, 1, 1, strings.Repeat("x", 1000-len(exact)-1)) // one more digit of length
		if len(fits) != 1000 {
			t.Fatalf("the packet has %d bytes", len(fits))
		}
		over := w.publication(telemetryTopic, 1, 2, strings.Repeat("x", 1000-len(exact)))
		w.send(cat(fits, over[:10])) // its header is enough
		d.accept.wait(t, 1)
		d.accept.settle(0, stored)
		w.wantAck(puback, 1) // what came before it is still acknowledged
		w.wantEnd(0x95)
		d.wantCount(t, 1, "forecare_broker_ended_total", "reason=packet_size")
	})
}

func TestConnectOverTheLimitIsNotRead(t *testing.T) {
	d := open(t, func(o *broker.Options) { o.Limits.Connect = 200 })
	w := d.dial(t)
	w.send([]byte{connect << 4, 0xff, 0xff, 0x7f}) // 2 MiB are to come
	w.wantClosed()
	d.wantCount(t, 1, "forecare_broker_refused_total", "reason=malformed_connect")
	d.device(t, as(4, pump)).alive()
}

// A device need not wait for CONNACK, and what it sends then is judged by the
// limits that hold behind it.
func TestPacketsBehindConnectInOneWrite(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t, func(o *broker.Options) { o.Limits.Connect = 300 })
		w := d.dial(t)
		w.version = version
		w.send(cat(as(version, pump).encode(), w.publication(telemetryTopic, 1, 1, "small"), w.publication(telemetryTopic, 1, 2, strings.Repeat("x", 5000))))
		if p := w.next(); p.kind != connack || p.body[1] != 0 {
			t.Fatalf("got %s", p)
		}
		w.wantAck(puback, 1)
		w.wantAck(puback, 2)
		w.alive()
	})
}

// A device that pings in time is never let go, however short its keep-alive.
func TestShortKeepaliveIsKept(t *testing.T) {
	d := open(t)
	l := as(4, pump)
	l.keepalive = 1
	w := d.device(t, l)
	tick := time.NewTicker(930 * time.Millisecond)
	defer tick.Stop()
	for i := range 3 {
		w.alive()
		if i == 1 { // one that is early must not make the next one late
			w.alive()
		}
		<-tick.C
	}
	w.alive()
}

func TestWhatIsNoMQTTIsTurnedAway(t *testing.T) {
	for name, bytes := range map[string][]byte{
		"HTTP":               []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"TLS":                {0x16, 0x03, 0x01, 0x02, 0x00, 0x01},
		"PUBLISH first":      frame(publish<<4, cat(str("t"), []byte("x"))),
		"endless length":     {connect << 4, 0xff, 0xff, 0xff, 0xff, 0xff},
		"truncated CONNECT":  frame(connect<<4, []byte{0, 4, 'M', 'Q'}),
		"empty CONNECT":      {connect << 4, 0},
		"closed immediately": {},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			w := d.dial(t)
			w.send(bytes)
			if len(bytes) == 0 {
				w.net.Close()
			} else {
				w.wantClosed()
			}
			d.wantCount(t, 1, "forecare_broker_refused_total", "reason=malformed_connect")
			if !strings.Contains(d.log.String(), "hint=") {
				t.Errorf("the log does not help:\n%s", d.log)
			}
		})
	}
}

func TestUnknownProtocolVersion(t *testing.T) {
	d := open(t)
	l := as(4, pump)
	l.version = 6
	w, p := d.connect(t, l)
	if p.body[1] != 1 {
		t.Errorf("CONNACK %s, want return code 1", p)
	}
	w.wantClosed()
}

func TestConnectMustComeInTime(t *testing.T) {
	d := open(t, func(o *broker.Options) { o.Limits.Handshake = 50 * time.Millisecond })
	w := d.dial(t)
	w.send([]byte{connect << 4}) // and nothing more
	w.wantClosed()
	d.wantCount(t, 1, "forecare_broker_refused_total", "reason=no_connect_in_time")
	l := as(4, pump)
	l.keepalive = 0
	slow := d.device(t, l) // its time is not up when the handshake's is
	begin := time.Now()
	soon(t, func() error {
		if time.Since(begin) < 120*time.Millisecond {
			return errorf("too early")
		}
		return nil
	})
	slow.alive()
}

func TestSilentDeviceIsLetGo(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		l := withWill(version, pump)
		l.keepalive = 1
		w := d.device(t, l)
		begin := time.Now()
		w.wantEnd(0x8D)
		if took := time.Since(begin); took < time.Second || took > 5*time.Second {
			t.Errorf("after %s", took)
		}
		d.accept.wait(t, 1) // its will
		d.wantCount(t, 1, "forecare_broker_ended_total", "reason=keepalive")
	})
}

func TestTooManyClients(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t, func(o *broker.Options) { o.Limits.Clients = 1 })
		first := d.device(t, as(version, pump))
		d.wantCount(t, 1, "forecare_broker_connections")
		_, p := d.connect(t, as(version, other))
		if want := map[byte]byte{4: 3, 5: 0x89}[version]; p.body[1] != want {
			t.Errorf("CONNACK %s, want 0x%x", p, want)
		}
		d.wantCount(t, 1, "forecare_broker_refused_total", "reason=too_many_connections")
		first.send([]byte{disconnect << 4, 0})
		first.wantClosed()
		d.wantCount(t, 0, "forecare_broker_connections")
		soon(t, func() error {
			if w, p := d.connect(t, as(version, other)); p.body[1] != 0 {
				w.net.Close()
				return errorf("CONNACK %s", p)
			}
			return nil
		})
	})
}

func TestTooManyHandshakes(t *testing.T) {
	d := open(t, func(o *broker.Options) { o.Limits.Handshakes = 2 })
	idle := d.dial(t)
	second := d.device(t, as(4, pump)) // it is through and counts no more
	third := d.device(t, as(4, other))
	d.dial(t)
	soon(t, func() error { // the limit is reached when the broker has seen both
		w := d.dial(t)
		if _, err := w.read(50 * time.Millisecond); err == nil || strings.Contains(err.Error(), "timeout") {
			w.net.Close()
			return errorf("it was let in")
		}
		return nil
	})
	second.alive()
	third.alive()
	idle.net.Close()
	soon(t, func() error {
		w := d.dial(t)
		w.send(as(4, gateway).encode())
		_, err := w.read(100 * time.Millisecond)
		return err
	})
}

func TestSessionsOfADeviceAreBounded(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t, func(o *broker.Options) { o.Limits.Sessions = 3 })
		l := as(version, pump)
		l.persist, l.expiry = true, 600
		// Sessions that nobody uses make room, the oldest first.
		for i := range 6 {
			l.client = fmt.Sprint("c", i)
			w := d.device(t, l)
			w.net.Close()
			d.wantCount(t, float64(i+1), "forecare_broker_ended_total")
		}
		for client, want := range map[string]byte{"c5": 1, "c0": 0} {
			l.client = client
			w, p := d.connect(t, l)
			if p.body[0] != want {
				t.Errorf("session %s present: %d", client, p.body[0])
			}
			defer w.alive()
		}
		// Those in use do not.
		l.client = "c6"
		d.device(t, l)
		l.client = "c7"
		w, p := d.connect(t, l)
		if want := map[byte]byte{4: 3, 5: 0x97}[version]; p.body[1] != want {
			t.Errorf("CONNACK %s, want 0x%x", p, want)
		}
		w.wantClosed()
		d.device(t, as(version, other)).alive()
	})
}

func TestSessionExpires(t *testing.T) {
	d := open(t, func(o *broker.Options) { o.Limits.Session = time.Second })
	l := as(5, pump)
	l.persist, l.expiry = true, 1
	w := d.device(t, l)
	// DISCONNECT may change the time, but not beyond the limit.
	w.send(frame(disconnect<<4, cat([]byte{0}, prefixed([]byte{0x11, 0xff, 0xff, 0xff, 0xff}))))
	w.wantClosed()
	d.wantCount(t, 1, "forecare_broker_ended_total")
	begin := time.Now()
	soon(t, func() error {
		if time.Since(begin) < 3500*time.Millisecond {
			return errorf("too early")
		}
		return nil
	})
	if _, p := d.connect(t, l); p.body[0] != 0 {
		t.Error("the session is still there")
	}
}
