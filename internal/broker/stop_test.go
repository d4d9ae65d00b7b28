package broker_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/broker"
)

func TestStopSendsWhatIsStillDue(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		d.accept.byHand = true
		idle := d.dial(t)
		w := d.device(t, as(version, pump))
		bystander := d.device(t, as(version, other))
		w.publish(telemetryTopic, 1, 1, "x")
		w.publish(telemetryTopic, 1, 2, "x")
		d.accept.wait(t, 2)
		stopped := make(chan struct{})
		go func() {
			d.stop()
			close(stopped)
		}()
		bystander.wantEnd(0x8B)
		idle.wantClosed()
		d.accept.settle(0, stored)
		w.wantAck(puback, 1)
		select {
		case <-stopped:
			t.Fatal("it stopped with an acknowledgement outstanding")
		default:
		}
		d.accept.settle(1, stored)
		w.wantAck(puback, 2)
		w.wantEnd(0x8B)
		<-stopped
		if got := len(d.accept.got()); got != 2 {
			t.Errorf("%d messages were taken", got)
		}
		if _, err := net.Dial("tcp", d.Addr().String()); err == nil {
			t.Error("it still listens")
		}
	})
}

func TestStopDoesNotWaitForever(t *testing.T) {
	d := open(t, func(o *broker.Options) { o.Limits.Stop = 100 * time.Millisecond })
	d.accept.byHand = true
	for _, qos := range []byte{1, 2} {
		l := as(5, pump)
		l.client = string('a' + rune(qos))
		w := d.device(t, l)
		w.publish(telemetryTopic, qos, 1, "x")
	}
	d.accept.wait(t, 2) // and never answered
	begin := time.Now()
	d.stop()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestAddressInUse(t *testing.T) {
	d := open(t)
	_, err := broker.New(broker.Options{Address: d.Addr().String(), Registry: d.registry, Accept: d.accept.accept})
	wantCode(t, err, devices.Invalid)
}

func TestConnectionsAreTold(t *testing.T) {
	type told struct {
		key       devices.Key
		connected bool
		reason    string
	}
	all := make(chan told, 100)
	d := open(t, func(o *broker.Options) {
		o.OnConnection = func(key devices.Key, connected bool, reason string, at time.Time) {
			if at.IsZero() {
				t.Error("no time")
			}
			all <- told{key, connected, reason}
		}
	})
	want := func(w told) {
		t.Helper()
		select {
		case got := <-all:
			if got != w {
				t.Fatalf("told %+v, want %+v", got, w)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("not told %+v", w)
		}
	}
	l := as(5, pump)
	l.client = "one"
	first := d.device(t, l)
	want(told{pump, true, ""})
	l.client = "two"
	second := d.device(t, l) // the device is there already
	d.wantCount(t, 2, "forecare_broker_connections")
	first.net.Close()
	d.wantCount(t, 1, "forecare_broker_ended_total")
	second.send([]byte{disconnect << 4, 0})
	want(told{pump, false, "device"})

	d.device(t, l)
	want(told{pump, true, ""})
	d.device(t, l) // takes over
	want(told{pump, false, "takeover"})
	want(told{pump, true, ""})
	refused := l
	refused.password = "wrong"
	d.connect(t, refused)
	d.Disconnect(pump)
	want(told{pump, false, "registry"})
	d.device(t, as(4, other))
	want(told{other, true, ""})
	d.stop()
	want(told{other, false, "stop"})
	if len(all) != 0 {
		t.Errorf("told more: %+v", <-all)
	}
}

func TestTLS(t *testing.T) {
	certificate, pool := selfSigned(t)
	d := open(t, func(o *broker.Options) { o.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}} })
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: pool, ServerName: "localhost"}}
	nc, err := dialer.DialContext(context.Background(), "tcp", d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t, nc)
	w.version = 5
	w.send(as(5, pump).encode())
	if p := w.next(); p.kind != connack || p.body[1] != 0 {
		t.Fatalf("got %s", p)
	}
	w.publish(telemetryTopic, 1, 1, "x")
	w.wantAck(puback, 1)

	plain := d.dial(t)
	plain.send(as(4, other).encode())
	if p, err := plain.read(10 * time.Second); err == nil && p.kind == connack {
		t.Errorf("plain TCP was answered with %s", p)
	}
}
