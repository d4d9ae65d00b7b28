package mqtt_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest/mqtt"
)

func TestStopSendsWhatIsDue(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		d.accept.byHand = true
		w := d.device(t, as(version, pump))
		w.publish(telemetryTopic, 1, 1, "x")
		d.accept.wait(t, 1)
		stopped := make(chan struct{})
		go func() { d.stop(); close(stopped) }()
		soon(t, func() error { // nobody is let in anymore
			nc, err := net.Dial("tcp", d.Addr().String())
			if err == nil {
				nc.Close()
				return errorf("it still listens")
			}
			return nil
		})
		d.accept.settle(0, stored)
		w.wantAck(puback, 1)
		w.wantEnd(0x8B)
		<-stopped
		d.wantCount(t, 1, "forecare_mqtt_ended_total", "reason=stop")
	})
}

func TestStopDoesNotWaitForever(t *testing.T) {
	d := open(t, func(o *mqtt.Options) { o.Limits.Stop = 200 * time.Millisecond })
	d.accept.byHand = true
	w := d.device(t, as(4, pump))
	w.publish(telemetryTopic, 1, 1, "x")
	d.accept.wait(t, 1)
	d.stop()
	w.wantClosed()
	d.accept.settle(0, stored) // too late, and harmless
}

func TestStopWhileSomeoneIsAtTheDoor(t *testing.T) {
	d := open(t)
	w := d.dial(t)
	w.send([]byte{0x10})
	d.stop()
	w.wantClosed()
}

func TestAddressInUse(t *testing.T) {
	d := open(t)
	_, err := mqtt.New(mqtt.Options{Address: d.Addr().String(), Registry: d.registry, Accept: d.accept.accept})
	wantCode(t, err, devices.Invalid)
}

func TestComingsAndGoings(t *testing.T) {
	type event struct {
		Key       devices.Key
		Connected bool
		Reason    string
	}
	var mu sync.Mutex
	var events []event
	d := open(t, func(o *mqtt.Options) {
		o.OnConnection = func(key devices.Key, connected bool, reason string, at time.Time) {
			if at.IsZero() {
				t.Error("no time")
			}
			mu.Lock()
			defer mu.Unlock()
			events = append(events, event{key, connected, reason})
		}
	})
	first := d.device(t, as(4, pump))
	l := as(4, pump)
	l.client = "c2"
	second := d.device(t, l)
	first.net.Close() // not the last
	d.wantCount(t, 1, "forecare_mqtt_connections")
	again := d.device(t, l) // takes over
	second.wantClosed()
	again.send([]byte{disconnect << 4, 0})
	again.wantClosed()
	d.wantCount(t, 0, "forecare_mqtt_connections")
	bad := as(4, pump)
	bad.password = "wrong"
	d.connect(t, bad)
	third := d.device(t, as(5, pump))
	d.Disconnect(pump)
	third.wantEnd(0x87)
	want := []event{{pump, true, ""}, {pump, false, "takeover"}, {pump, true, ""}, {pump, false, "device"}, {pump, true, ""}, {pump, false, "registry"}}
	soon(t, func() error {
		mu.Lock()
		defer mu.Unlock()
		if diff := cmp.Diff(want, events); diff != "" {
			return errorf("%s", diff)
		}
		return nil
	})
}

func TestTooManyClients(t *testing.T) {
	d := open(t, func(o *mqtt.Options) { o.Limits.Clients = 2 })
	first := d.device(t, as(5, pump))
	d.device(t, as(5, other))
	if _, p := d.connect(t, as(5, gateway)); p.body[1] != 0x89 {
		t.Errorf("CONNACK %s", p)
	}
	if _, p := d.connect(t, as(4, gateway)); p.body[1] != 3 {
		t.Errorf("CONNACK %s", p)
	}
	first.net.Close()
	d.wantCount(t, 1, "forecare_mqtt_connections")
	d.device(t, as(5, gateway)).alive()
}

func TestConnectionsAreLetInAtARate(t *testing.T) {
	d := open(t, func(o *mqtt.Options) { o.Limits.ConnectBurst, o.Limits.ConnectRate = 5, 20 })
	begin := time.Now()
	for range 15 {
		d.device(t, as(4, pump))
	}
	if took := time.Since(begin); took < 400*time.Millisecond {
		t.Errorf("15 connections within %s", took)
	}
}

// certificate is one of 127.0.0.1 for itself.
func certificate(t *testing.T) (server *tls.Config, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: roots}
}

func TestTLS(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		server, client := certificate(t)
		d := open(t, func(o *mqtt.Options) { o.TLS = server })
		nc, err := tls.Dial("tcp", d.Addr().String(), client)
		if err != nil {
			t.Fatal(err)
		}
		w := newWire(t, nc)
		w.version = version
		w.send(as(version, pump).encode())
		if p := w.next(); p.kind != connack || p.body[1] != 0 {
			t.Fatalf("CONNACK %s", p)
		}
		for id := uint16(1); id <= 100; id++ {
			w.publish(telemetryTopic, 1, id, long(int(id)*100, "x"))
		}
		for id := uint16(1); id <= 100; id++ {
			w.wantAck(puback, id)
		}
		w.subscribe("fleet/acme/pump:1/cmd/#", 1)
		if err := d.SendCommand(calibrate(pump)); err != nil {
			t.Fatal(err)
		}
		w.wantDelivered()
		plain := d.dial(t)
		plain.send(as(version, pump).encode())
		if p, err := plain.read(10 * time.Second); err == nil && p.kind == connack {
			t.Error("let in without TLS")
		}
		d.Disconnect(pump)
		w.wantEnd(0x87)
	})
}

// Paho's client, which is not ours, with a session that it keeps.
func TestPahoResumes(t *testing.T) {
	d := open(t)
	var got sync.Map
	options := func() *paho.ClientOptions {
		return paho.NewClientOptions().AddBroker("tcp://" + d.Addr().String()).SetClientID("paho").SetCleanSession(false).
			SetUsername(pump.String()).SetPassword(token(pump)).SetAutoReconnect(false).SetConnectRetry(false).SetProtocolVersion(4).
			SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { got.Store(m.Topic(), string(m.Payload())) })
	}
	wait := func(tok paho.Token) {
		t.Helper()
		if !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
			t.Fatal(tok.Error())
		}
	}
	first := paho.NewClient(options())
	wait(first.Connect())
	wait(first.Subscribe("fleet/acme/pump:1/cmd/#", 2, nil))
	first.Disconnect(50)
	second := paho.NewClient(options())
	wait(second.Connect())
	defer second.Disconnect(50)
	for qos := range byte(3) {
		wait(second.Publish(telemetryTopic, qos, false, "x"))
	}
	if err := d.SendCommand(calibrate(pump)); err != nil {
		t.Fatal(err)
	}
	soon(t, func() error {
		if _, ok := got.Load("fleet/acme/pump:1/cmd/c-17"); !ok {
			return errorf("no command")
		}
		return nil
	})
	d.accept.wait(t, 3)
}

func TestRunEndsWithItsContext(t *testing.T) {
	s, err := mqtt.New(mqtt.Options{Address: "127.0.0.1:0", Registry: devices.NewRegistry(), Accept: (&acceptor{}).accept})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
}
