package mqtt_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/ingest/mqtt"
)

func keeping(version byte, k devices.Key) login {
	l := as(version, k)
	l.persist, l.expiry = true, 60
	return l
}

// [MQTT-4.4.0-1]
func TestCommandThatWasNotAcknowledgedComesAgain(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		w := d.device(t, keeping(version, pump))
		w.subscribe("fleet/acme/pump:1/cmd/#", 1)
		for i := range 3 {
			cmd := calibrate(pump)
			cmd.ID = fmt.Sprint("c-", i)
			if err := d.SendCommand(cmd); err != nil {
				t.Fatal(err)
			}
		}
		first, second, third := w.wantDelivered(), w.wantDelivered(), w.wantDelivered()
		w.send(frame(puback<<4, num(second.id)))
		w.alive()
		w.net.Close()
		d.wantCount(t, 1, "forecare_mqtt_ended_total")

		again := d.device(t, keeping(version, pump))
		for _, want := range []delivered{first, third} {
			p := again.next()
			if p.kind != publish || p.flag != 0x0A || !strings.Contains(string(p.body), want.topic) {
				t.Fatalf("got %s, want %s again", p, want.topic)
			}
			n := int(binary.BigEndian.Uint16(p.body))
			if id := binary.BigEndian.Uint16(p.body[2+n:]); id != want.id {
				t.Errorf("with the identifier %d, not %d", id, want.id)
			}
			again.send(frame(puback<<4, num(want.id)))
		}
		again.alive()
		again.net.Close()
		d.wantCount(t, 2, "forecare_mqtt_ended_total")
		d.device(t, keeping(version, pump)).alive() // nothing is left
	})
}

func TestCleanStartForgets(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		w := d.device(t, keeping(version, pump))
		w.subscribe("fleet/acme/pump:1/cmd/#", 1)
		if err := d.SendCommand(calibrate(pump)); err != nil {
			t.Fatal(err)
		}
		w.wantDelivered()
		clean, p := d.connect(t, as(version, pump))
		if p.body[0] != 0 {
			t.Error("the session is present")
		}
		clean.alive()
		wantCode(t, d.SendCommand(calibrate(pump)), devices.Unavailable)
	})
}

func TestSessionExpires(t *testing.T) {
	d := open(t)
	l := keeping(5, pump)
	l.expiry = 1
	d.device(t, l).net.Close()
	d.wantCount(t, 1, "forecare_mqtt_ended_total")
	if _, p := d.connect(t, l); p.body[0] != 1 {
		t.Error("it is gone at once")
	}
	// DISCONNECT may change it. [MQTT-3.14.2.2.2]
	w := d.device(t, l)
	w.send(frame(disconnect<<4, []byte{0, 5, 0x11, 0, 0, 0, 0}))
	w.wantClosed()
	d.wantCount(t, 3, "forecare_mqtt_ended_total")
	w, p := d.connect(t, l)
	if p.body[0] != 0 {
		t.Error("DISCONNECT did not end it")
	}
	w.net.Close()
	begin := time.Now()
	soon(t, func() error {
		if time.Since(begin) < 1300*time.Millisecond {
			return errorf("too early")
		}
		return nil
	})
	if _, p := d.connect(t, l); p.body[0] != 0 {
		t.Error("it has not expired")
	}
}

func TestSessionsOfADeviceAreBounded(t *testing.T) {
	d := open(t, func(o *mqtt.Options) { o.Limits.Sessions = 3 })
	l := keeping(5, pump)
	connections := map[string]*wire{}
	for _, name := range []string{"a", "b", "c"} {
		l.client = name
		connections[name] = d.device(t, l)
	}
	l.client = "d"
	_, p := d.connect(t, l)
	if p.body[1] != 0x97 {
		t.Fatalf("CONNACK %s, want 0x97", p)
	}
	connections["b"].net.Close()
	d.wantCount(t, 1, "forecare_mqtt_ended_total")
	d.device(t, l).alive() // instead of b
	l.client = "b"
	if _, p := d.connect(t, l); p.body[1] != 0x97 {
		t.Errorf("CONNACK %s, want 0x97", p)
	}
	connections["a"].alive()
}

// A message of QoS 2 is stored once, also over a new connection, whether its
// PUBREC was sent or not. [MQTT-4.3.3-10]
func TestQoS2IsStoredOnceOverReconnects(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t, func(o *mqtt.Options) { o.Limits.Write = 200 * time.Millisecond })
		d.accept.byHand = true
		w := d.device(t, keeping(version, pump))
		w.publish(telemetryTopic, 2, 5, "x")
		w.publish(telemetryTopic, 2, 6, "x")
		d.accept.wait(t, 2)
		d.accept.settle(0, stored)
		w.wantAck(pubrec, 5)
		w.net.Close()
		d.wantCount(t, 1, "forecare_mqtt_ended_total")

		again := d.device(t, keeping(version, pump))
		again.publish(telemetryTopic, 2, 5, "x", 8)
		again.wantAck(pubrec, 5)
		again.publish(telemetryTopic, 2, 6, "x", 8) // still on its way
		again.alive()
		d.accept.settle(1, stored)
		again.wantAck(pubrec, 6)
		for _, id := range []uint16{5, 6} {
			again.send(frame(pubrel<<4|2, num(id)))
			again.wantAck(pubcomp, id)
		}
		if got := len(d.accept.got()); got != 2 {
			t.Errorf("%d messages were taken", got)
		}
		again.send(frame(pubrel<<4|2, num(7))) // nobody knows it
		if a := again.wantAck(pubcomp, 7); version == 5 && a.code != 0x92 {
			t.Errorf("PUBCOMP 0x%x", a.code)
		}
		again.publish(telemetryTopic, 2, 5, "y") // the identifier is free again
		d.accept.wait(t, 3)
	})
}

func TestQoS2AfterAFaultIsTakenAgain(t *testing.T) {
	d := open(t)
	d.accept.byHand = true
	w := d.device(t, keeping(5, pump))
	w.publish(telemetryTopic, 2, 5, "x")
	d.accept.wait(t, 1)
	d.accept.settle(0, errFull)
	w.wantEnd(0x89)
	again := d.device(t, keeping(5, pump))
	again.publish(telemetryTopic, 2, 5, "x", 8)
	d.accept.wait(t, 2)
	d.accept.settle(1, stored)
	again.wantAck(pubrec, 5)
}

func TestTooManyOpenQoS2(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t, func(o *mqtt.Options) { o.Limits.Inflight = 3 })
		w := d.device(t, as(version, pump))
		for id := uint16(1); id <= 3; id++ {
			w.publish(telemetryTopic, 2, id, "x")
			w.wantAck(pubrec, id)
		}
		w.publish(telemetryTopic, 2, 4, "x")
		w.wantEnd(0x93)
	})
}

// A state of QoS 2 goes to a gateway with QoS 2, and over its reconnect.
func TestOutgoingQoS2(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		g := d.device(t, keeping(version, gateway))
		g.subscribe("fleet/acme/sensor.7/state", 2)
		s := d.device(t, as(version, behind))
		s.publish("fleet/acme/sensor.7/state", 2, 1, `{"online":true}`)
		s.wantAck(pubrec, 1)
		got := g.wantDelivered()
		if got.qos != 2 {
			t.Fatalf("got %+v", got)
		}
		g.send(frame(pubrec<<4, num(got.id)))
		g.wantAck(pubrel, got.id)
		g.net.Close()
		d.wantCount(t, 1, "forecare_mqtt_ended_total")
		s.publish("fleet/acme/sensor.7/state", 1, 2, `{"online":1}`) // while it is away
		s.wantAck(puback, 2)

		g = d.device(t, keeping(version, gateway))
		g.wantAck(pubrel, got.id)
		next := g.wantDelivered()
		if next.qos != 1 || next.payload != `{"online":1}` || next.id == got.id {
			t.Errorf("got %+v", next)
		}
		g.send(frame(pubcomp<<4, num(got.id)))
		g.send(frame(puback<<4, num(next.id)))
		g.alive()
		g.send(frame(pubrec<<4, num(999)))
		if a := g.wantAck(pubrel, 999); version == 5 && a.code != 0x92 {
			t.Errorf("PUBREL 0x%x", a.code)
		}
	})
}

func TestQueueOfAnAbsentGatewayIsBounded(t *testing.T) {
	d := open(t, func(o *mqtt.Options) { o.Limits.Queue = 5 })
	g := d.device(t, keeping(5, gateway))
	g.subscribe("fleet/acme/sensor.7/state", 1)
	g.net.Close()
	d.wantCount(t, 1, "forecare_mqtt_ended_total")
	s := d.device(t, as(4, behind))
	for id := uint16(1); id <= 8; id++ {
		s.publish("fleet/acme/sensor.7/state", 1, id, fmt.Sprint(id))
		s.wantAck(puback, id)
	}
	d.wantCount(t, 3, "forecare_mqtt_dropped_total", "reason=queue_full")
	g = d.device(t, keeping(5, gateway))
	for i := range 5 {
		if got := g.wantDelivered(); got.payload != fmt.Sprint(i+1) {
			t.Errorf("got %+v", got)
		}
	}
	g.alive()
}

func TestPacketIdentifiersWrap(t *testing.T) {
	d := open(t)
	w := d.device(t, as(4, pump))
	w.subscribe("fleet/acme/pump:1/cmd/#", 1)
	stuck := calibrate(pump)
	if err := d.SendCommand(stuck); err != nil {
		t.Fatal(err)
	}
	held := w.wantDelivered().id // never acknowledged
	seen := map[uint16]int{}
	for range 66_000 {
		if err := d.SendCommand(calibrate(pump)); err != nil {
			t.Fatal(err)
		}
		got := w.wantDelivered()
		if got.id == 0 || got.id == held {
			t.Fatalf("identifier %d", got.id)
		}
		seen[got.id]++
		w.send(frame(puback<<4, num(got.id)))
		w.alive()
	}
	if len(seen) != 65_534 {
		t.Errorf("%d identifiers were used", len(seen))
	}
}

// Device identifiers wrap too, and an identifier that is used again at once is
// another message: nobody here takes DUP for a sign of what is known.
func TestClientsMayUseIdentifiersAgain(t *testing.T) {
	d := open(t)
	w := d.device(t, as(4, pump))
	for range 3 {
		w.publish(telemetryTopic, 1, 65535, "x", 8)
		w.publish(telemetryTopic, 1, 1, "x")
		w.wantAck(puback, 65535)
		w.wantAck(puback, 1)
	}
	d.accept.wait(t, 6)
}

func TestUnsubscribe(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		w := d.device(t, as(version, pump))
		w.subscribe("fleet/acme/pump:1/cmd/#", 1)
		body := num(9)
		want := num(9)
		if version == 5 {
			body, want = append(body, 0), append(want, 0, 0, 0x11)
		}
		w.send(frame(0xA2, cat(body, str("fleet/acme/pump:1/cmd/#"), str("never"))))
		if p := w.next(); p.kind != 11 || string(p.body) != string(want) {
			t.Errorf("UNSUBACK %s, want %x", p, want)
		}
		wantCode(t, d.SendCommand(calibrate(pump)), devices.Unavailable)
	})
}

// With options of MQTT 5.
func TestSubscriptionOptions(t *testing.T) {
	d := open(t)
	const state = "fleet/acme/pump:1/state"
	w := d.device(t, as(5, pump))
	w.publish(stateTopic, 1, 1, `{"online":true}`, 1)
	w.wantAck(puback, 1)
	w.subscribe(state, 0x20) // no retained ones
	w.alive()
	w.subscribe(state, 0x10) // retained ones if it is new, which it is not
	w.alive()
	w.subscribe(state, 0) // retained ones always
	if got := w.wantDelivered(); !got.retain {
		t.Errorf("got %+v", got)
	}
	w.publish(stateTopic, 0, 0, `{}`, 1)
	if got := w.wantDelivered(); got.retain {
		t.Errorf("got %+v, without Retain As Published", got)
	}
	w.subscribe(state, 0x08|0x20)
	w.publish(stateTopic, 0, 0, `{}`, 1)
	if got := w.wantDelivered(); !got.retain {
		t.Errorf("got %+v, with Retain As Published", got)
	}
	w.subscribe(state, 0x04|0x20) // not one's own
	w.publish(stateTopic, 0, 0, `{}`, 1)
	w.alive()
	w.publish(stateTopic, 0, 0, "", 1) // forgets it
	w.alive()
	w.subscribe(state, 0)
	w.alive()
}

func TestPropertiesArePassedOn(t *testing.T) {
	d := open(t)
	g := d.device(t, as(5, gateway))
	g.subscribe("fleet/acme/sensor.7/#", 0)
	s := d.device(t, as(5, behind))
	properties := cat([]byte{1, 1, 2, 0, 0, 0, 60, 3}, str("application/json"), []byte{8}, str("r/t"), []byte{9}, str("id"),
		[]byte{0x23, 0, 1, 0x26}, str("k"), str("v"))
	s.send(frame(0x30, cat(str("fleet/acme/sensor.7/state"), prefixed(properties), []byte(`{}`))))
	got := g.wantDelivered()
	want := cat([]byte{2, 0, 0, 0, 60, 1, 1, 3}, str("application/json"), []byte{8}, str("r/t"), []byte{9}, str("id"), []byte{0x26}, str("k"), str("v"))
	if string(got.props) != string(want) {
		t.Errorf("properties\n%x, want\n%x", got.props, want)
	}
	s.send(frame(0x31, cat(str("fleet/acme/sensor.7/state"), prefixed([]byte{2, 0, 0, 0, 0}), []byte(`{"old":1}`)))) // expires at once
	g.wantDelivered()
	g.subscribe("fleet/acme/sensor.7/state", 0)
	g.alive() // it is not kept
}

func TestTakeoverFinishesWhatIsOnItsWay(t *testing.T) {
	d := open(t)
	d.accept.byHand = true
	first := d.device(t, keeping(5, pump))
	first.publish(telemetryTopic, 1, 1, "x")
	d.accept.wait(t, 1)
	second := d.device(t, keeping(5, pump))
	first.wantEnd(0x8E)
	d.accept.settle(0, stored)
	second.alive()
	second.publish(telemetryTopic, 1, 1, "x", 8)
	d.accept.wait(t, 2)
	d.accept.settle(1, ingest.Outcome{Stored: 1})
	second.wantAck(puback, 1)
}
