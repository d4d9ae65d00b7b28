package mqtt_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/ingest/mqtt"
)

// bad packets of a connected client, each with the code of the DISCONNECT that
// MQTT 5 gets, and the clause of the standard.
var bad = map[string]struct {
	clause string
	v3, v5 []byte
	code   byte
}{
	"QoS 3":                         {"MQTT-3.3.1-4", frame(0x36, str("a")), frame(0x36, str("a")), 0x81},
	"second CONNECT":                {"MQTT-3.1.0-2", as(4, pump).encode(), as(5, pump).encode(), 0x82},
	"CONNACK":                       {"", frame(0x20, []byte{0, 0}), frame(0x20, []byte{0, 0, 0}), 0x82},
	"type 0":                        {"", []byte{0, 0}, []byte{0, 0}, 0x81},
	"SUBSCRIBE without flags":       {"MQTT-3.8.1-1", frame(0x80, nil), frame(0x80, nil), 0x81},
	"SUBSCRIBE to nothing":          {"MQTT-3.8.3-2", frame(0x82, num(1)), frame(0x82, cat(num(1), []byte{0})), 0x82},
	"SUBSCRIBE that ends too early": {"", frame(0x82, cat(num(1), str("a"))), frame(0x82, cat(num(1), []byte{0}, str("a"))), 0x81},
	"packet identifier 0":           {"MQTT-2.2.1-3", frame(0x32, cat(str("a"), num(0))), frame(0x32, cat(str("a"), num(0), []byte{0})), 0x82},
	"wildcard in a topic":           {"MQTT-3.3.2-2", frame(0x30, str("a/#")), frame(0x30, cat(str("a/#"), []byte{0})), 0x82},
	"topic that is not UTF-8":       {"MQTT-3.3.2-1", frame(0x30, str("\xff")), frame(0x30, cat(str("\xff"), []byte{0})), 0x81},
	"topic longer than its packet":  {"", frame(0x30, []byte{0, 9, 'a'}), frame(0x30, []byte{0, 9, 'a'}), 0x81},
	"length of five bytes":          {"MQTT-1.5.5-1", []byte{0x30, 0x80, 0x80, 0x80, 0x80, 1}, []byte{0x30, 0x80, 0x80, 0x80, 0x80, 1}, 0x81},
	"PINGREQ with a body":           {"", frame(0xC0, []byte{0}), frame(0xC0, []byte{0}), 0x81},
	"AUTH out of the blue":          {"", frame(0xF0, nil), frame(0xF0, nil), 0x82},
	"an HTTP request":               {"", []byte("GET / HTTP/1.1\r\n\r\n"), []byte("GET / HTTP/1.1\r\n\r\n"), 0x81},
	"unknown topic alias":           {"MQTT-3.3.2-9", nil, frame(0x30, []byte{0, 0, 3, 0x23, 0, 5}), 0x94},
	"topic alias that is too large": {"MQTT-3.3.2-9", nil, frame(0x30, cat(str("a"), []byte{3, 0x23, 0, 17})), 0x94},
	"subscription identifier":       {"MQTT-3.3.4-6", nil, frame(0x30, cat(str("a"), []byte{2, 0x0B, 1})), 0x82},
	"session expiry in DISCONNECT":  {"MQTT-3.14.2-2", nil, frame(0xE0, []byte{0, 5, 0x11, 0, 0, 0, 9}), 0x82},
}

func TestBadPacketsEndTheirConnectionOnly(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t, func(o *mqtt.Options) { o.Limits.Handshake = time.Minute })
		bystander := d.device(t, as(version, other))
		for name, b := range bad {
			packet := b.v3
			if version == 5 {
				packet = b.v5
			}
			if packet == nil {
				continue
			}
			t.Run(b.clause+" "+name, func(t *testing.T) {
				w := d.device(t, as(version, pump))
				w.publish(telemetryTopic, 1, 1, "x")
				w.send(packet)
				w.wantAck(puback, 1) // what came before is not lost
				w.wantEnd(b.code)
			})
		}
		bystander.alive()
		d.wantCount(t, 1, "forecare_mqtt_connections")
	})
}

func TestBadConnects(t *testing.T) {
	valid := as(4, pump).encode()
	for name, tt := range map[string]struct {
		send []byte
		want []byte // CONNACK, nil for none
	}{
		"MQTT 3.1":              {frame(0x10, cat(str("MQIsdp"), []byte{3, 2, 0, 60}, str("c"))), []byte{0x20, 2, 0, 1}},
		"level 6":               {frame(0x10, cat(str("MQTT"), []byte{6, 2, 0, 60}, str("c"))), []byte{0x20, 3, 0, 0x84, 0}},
		"level 2":               {frame(0x10, cat(str("MQTT"), []byte{2, 2, 0, 60}, str("c"))), []byte{0x20, 2, 0, 1}},
		"another protocol":      {frame(0x10, cat(str("AMQP"), []byte{4, 2, 0, 60}, str("c"))), nil},
		"no CONNECT":            {[]byte{0xC0, 0}, nil},
		"HTTP":                  {[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), nil},
		"TLS":                   {[]byte{0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3}, nil},
		"reserved flag":         {frame(0x10, cat(str("MQTT"), []byte{5, 3, 0, 60, 0}, str("c"))), []byte{0x20, 3, 0, 0x81, 0}},
		"no identifier, kept":   {frame(0x10, cat(str("MQTT"), []byte{4, 0xC0, 0, 60}, str(""), str(pump.String()), str(token(pump)))), []byte{0x20, 2, 0, 2}},
		"authentication":        {frame(0x10, cat(str("MQTT"), []byte{5, 0xC2, 0, 60, 4, 0x15, 0, 1, 'x'}, str("c"), str(pump.String()), str(token(pump)))), []byte{0x20, 3, 0, 0x8C, 0}},
		"one byte too long":     {append([]byte{0x10, valid[1] + 1}, append(valid[2:len(valid):len(valid)], 0)...), nil},
		"larger than a CONNECT": {frame(0x10, make([]byte, 70<<10)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			w := d.dial(t)
			_, _ = w.net.Write(tt.send)
			_ = w.net.SetReadDeadline(time.Now().Add(10 * time.Second))
			got, err := io.ReadAll(w.r)
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Fatal("the connection stays open")
			}
			if !bytes.Equal(got, tt.want) {
				t.Errorf("got %x, want %x", got, tt.want)
			}
			d.wantCount(t, 1, "forecare_mqtt_refused_total")
			d.device(t, as(4, pump)).alive()
		})
	}
}

func TestEmptyIdentifierGetsOne(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		l := as(version, pump)
		l.client = ""
		first, p := d.connect(t, l)
		if version == 5 && !bytes.Contains(p.body, []byte{0x12, 0, 26}) {
			t.Errorf("CONNACK %s assigns no client identifier", p)
		}
		second := d.device(t, l)
		first.alive() // they are two
		second.alive()
	})
}

func TestPacketLimit(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t, func(o *mqtt.Options) { o.Limits.Packet = 100_000 })
		w := d.device(t, as(version, pump))
		w.publish(telemetryTopic, 1, 1, strings.Repeat("x", 99_000))
		w.wantAck(puback, 1)
		// Only the header comes, and is enough.
		w.send(binary.AppendUvarint([]byte{0x32}, 100_000))
		w.wantEnd(0x95)
		d.wantCount(t, 1, "forecare_mqtt_ended_total", "reason=packet_size")
	})
}

func TestPayloadsOfEverySizeArriveWhole(t *testing.T) {
	d := open(t)
	w := d.device(t, as(4, pump))
	random := rand.New(rand.NewPCG(1, 2))
	var all []byte
	var want [][]byte
	for i := range 300 {
		size := random.IntN(300)
		switch i % 20 {
		case 7:
			size = 3000 + random.IntN(3000)
		case 13:
			size = 20_000 + random.IntN(60_000)
		}
		payload := make([]byte, size)
		for j := range payload {
			payload[j] = byte(random.Uint32())
		}
		want = append(want, payload)
		all = append(all, w.publication(telemetryTopic, 1, uint16(i+1), string(payload))...)
	}
	go func() { // ends with the last byte
		for len(all) > 0 {
			n := min(len(all), 1+random.IntN(9000))
			if random.IntN(3) == 0 {
				n = min(len(all), 1+random.IntN(5))
			}
			if _, err := w.net.Write(all[:n]); err != nil {
				return
			}
			all = all[n:]
		}
	}()
	for i := range want {
		w.wantAck(puback, uint16(i+1))
	}
	for i, m := range d.accept.got() {
		if !bytes.Equal(m.Payload, want[i]) {
			t.Fatalf("message %d of %d bytes arrived otherwise", i, len(want[i]))
		}
	}
}

// What messages lie in is not used again before they are dealt with.
func TestPayloadStaysUntilDone(t *testing.T) {
	var mu sync.Mutex
	type kept struct {
		m    ingest.Message
		was  string
		done func(ingest.Outcome)
	}
	var all []kept
	d := open(t, func(o *mqtt.Options) {
		o.Accept = func(m ingest.Message, done func(ingest.Outcome)) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, kept{m, string(m.Payload), done})
		}
	})
	w := d.device(t, as(4, pump))
	next := uint16(0)
	for round := range 50 {
		n := 1 + round%9
		for range n {
			next++
			w.publish(telemetryTopic, 1, next, strings.Repeat(fmt.Sprint(next, " "), 1+int(next)%700))
		}
		soon(t, func() error {
			mu.Lock()
			defer mu.Unlock()
			if len(all) < n {
				return errorf("%d of %d", len(all), n)
			}
			return nil
		})
		mu.Lock()
		for i, k := range all {
			if string(k.m.Payload) != k.was {
				t.Fatalf("message %d of round %d has changed", i, round)
			}
			if i != len(all)-1 || round%3 != 0 {
				k.done(stored)
			}
		}
		if round%3 != 0 {
			all = nil
		} else {
			all = all[len(all)-1:]
			all[0].done(stored)
			all = nil
		}
		mu.Unlock()
	}
	for id := range next {
		w.wantAck(puback, id+1)
	}
}

func TestSlowConnectionsEnd(t *testing.T) {
	d := open(t, func(o *mqtt.Options) {
		o.Limits.Handshake, o.Limits.Transfer = 300*time.Millisecond, 300*time.Millisecond
	})
	silent := d.dial(t)
	slow := d.dial(t)
	slow.send([]byte{0x10, 50, 0, 4, 'M'})
	late := d.device(t, as(4, pump))
	late.send([]byte{0x32, 50, 0})
	silent.wantClosed()
	slow.wantClosed()
	late.wantClosed()
	d.wantCount(t, 2, "forecare_mqtt_refused_total", "reason=no_connect_in_time")
}

func TestKeepaliveIsEnforced(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		l := as(version, pump)
		l.keepalive = 1
		begin := time.Now()
		w := d.device(t, l)
		w.wantEnd(0x8D)
		if took := time.Since(begin); took < 1400*time.Millisecond || took > 4*time.Second {
			t.Errorf("after %s", took)
		}
		d.wantCount(t, 1, "forecare_mqtt_ended_total", "reason=keepalive")
	})
}

func TestFailedLoginsAreThrottled(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t, func(o *mqtt.Options) { o.Limits.FailedBurst, o.Limits.FailedRate = 5, 1 })
		l := as(version, pump)
		l.password = "wrong"
		for range 5 {
			d.connect(t, l)
		}
		for range 20 { // the right password is not looked at either
			_, p := d.connect(t, as(version, pump))
			if want := map[byte]byte{4: 3, 5: 0x9F}[version]; p.body[1] != want {
				t.Fatalf("CONNACK %s, want 0x%x", p, want)
			}
		}
		d.wantCount(t, 20, "forecare_mqtt_refused_total", "reason=too_many_failed_logins")
		soon(t, func() error { // a second later it is forgotten
			if _, p := d.connect(t, as(version, pump)); p.body[1] != 0 {
				return errorf("CONNACK %s", p)
			}
			return nil
		})
	})
}

func TestPanicOfAcceptEndsOnlyItsConnection(t *testing.T) {
	d := open(t, func(o *mqtt.Options) {
		accept := o.Accept
		o.Accept = func(m ingest.Message, done func(ingest.Outcome)) {
			if string(m.Payload) == "boom" {
				panic("boom")
			}
			accept(m, done)
		}
	})
	bystander := d.device(t, as(5, other))
	for range 3 {
		w := d.device(t, as(5, pump))
		w.publish(telemetryTopic, 1, 1, "boom")
		w.wantClosed()
	}
	bystander.publish("fleet/acme/pump:2/telemetry", 1, 1, "x")
	bystander.wantAck(puback, 1)
	if n := strings.Count(d.log.String(), "panic="); n != 1 {
		t.Errorf("logged %d times", n)
	}
	d.wantCount(t, 1, "forecare_mqtt_connections")
	d.device(t, as(5, pump)).alive()
}

// Two thousand devices come back at once. Those connected go on as if nothing
// had happened.
func TestReconnectStorm(t *testing.T) {
	if testing.Short() {
		t.Skip("two thousand connections")
	}
	d := open(t)
	steady := d.device(t, as(4, other))
	var all sync.WaitGroup
	failed := make(chan error, 2000)
	for i := range 2000 {
		all.Go(func() {
			l := as(4, pump)
			if i%4 != 0 { // most of them are the same eight clients, taking over again and again
				l.client = fmt.Sprint("c", i%8)
			} else {
				l.password = ""
			}
			nc, err := net.Dial("tcp", d.Addr().String())
			if err != nil {
				failed <- err
				return
			}
			defer nc.Close()
			_ = nc.SetDeadline(time.Now().Add(30 * time.Second))
			_, _ = nc.Write(l.encode())
			var answer [4]byte
			if _, err := io.ReadFull(nc, answer[:]); err != nil || answer[0] != 0x20 {
				failed <- errorf("%x, %v", answer, err)
			}
		})
	}
	worst := time.Duration(0)
	for id := range uint16(50) {
		begin := time.Now()
		steady.publish("fleet/acme/pump:2/telemetry", 1, id+1, "x")
		steady.wantAck(puback, id+1)
		worst = max(worst, time.Since(begin))
	}
	t.Logf("the slowest PUBACK took %s", worst)
	all.Wait()
	close(failed)
	n := 0
	for err := range failed {
		if n++; n == 1 {
			t.Log(err)
		}
	}
	if n > 20 { // a takeover may cut off a CONNACK that was never read
		t.Errorf("%d of 2000 got no answer", n)
	}
	steady.alive()
}

// Bytes at random, behind a good CONNECT and without one, end nothing but their
// connection.
func TestRandomBytes(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		random := rand.New(rand.NewPCG(3, uint64(version)))
		for range 300 {
			w := d.dial(t)
			var b []byte
			if random.IntN(4) > 0 {
				b = as(version, pump).encode()
			}
			for range 1 + random.IntN(5) {
				body := make([]byte, random.IntN(40))
				for i := range body {
					body[i] = byte(random.IntN(30))
				}
				b = append(b, frame(byte(random.Uint32()), body)...)
			}
			if random.IntN(3) == 0 {
				b[random.IntN(len(b))] ^= 1 << random.IntN(8)
			}
			_, _ = w.net.Write(b)
			w.net.Close()
		}
		d.wantCount(t, 0, "forecare_mqtt_connections")
		if strings.Contains(d.log.String(), "panic=") {
			t.Error(d.log.String())
		}
		d.device(t, as(version, other)).alive()
	})
}

// Who asks without end and reads nothing fills no memory: he is not read from
// any more, and then let go.
func TestClientThatOnlyAsksIsLetGo(t *testing.T) {
	d := open(t, func(o *mqtt.Options) { o.Limits.Write = 500 * time.Millisecond })
	w := d.device(t, as(4, pump))
	pings := bytes.Repeat([]byte{pingreq << 4, 0}, 32<<10)
	_ = w.net.SetWriteDeadline(time.Now().Add(20 * time.Second))
	written := 0
	for {
		n, err := w.net.Write(pings)
		if written += n; err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Fatal("the connection stays open")
			}
			break
		}
	}
	t.Logf("%d MiB went through", written>>20)
	d.wantCount(t, 0, "forecare_mqtt_connections")
	if n := d.counted(t, "forecare_mqtt_bytes_total", "direction=received"); n > 64<<20 {
		t.Errorf("%v bytes were read", n)
	}
}

// What is not a message may not be as large as one.
func TestLargeSubscribe(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		w := d.device(t, as(version, pump))
		w.send(frame(subscribe<<4|2, make([]byte, 100_000))[:70_000])
		w.wantEnd(0x95)
	})
}

func TestManyUserProperties(t *testing.T) {
	d := open(t)
	property := cat([]byte{0x26}, str("k"), str("v"))
	w := d.device(t, as(5, pump))
	w.send(frame(0x32, cat(str(telemetryTopic), num(1), prefixed(bytes.Repeat(property, 5000)), []byte("x"))))
	w.wantAck(puback, 1)
	w.send(frame(0x32, cat(str(telemetryTopic), num(2), prefixed(bytes.Repeat(property, 20_000)), []byte("x"))))
	w.wantEnd(0x83)
}

// A will is handed over when nobody is there to end with it.
func TestPanicOfAcceptOnAWill(t *testing.T) {
	d := open(t, func(o *mqtt.Options) {
		accept := o.Accept
		o.Accept = func(m ingest.Message, done func(ingest.Outcome)) {
			if strings.HasSuffix(m.Topic, "/state") {
				panic("boom")
			}
			accept(m, done)
		}
	})
	d.device(t, withWill(4, pump)).net.Close()
	d.wantCount(t, 0, "forecare_mqtt_connections")
	d.device(t, as(4, pump)).alive()
}
