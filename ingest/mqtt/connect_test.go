package mqtt_test

import (
	"strings"
	"testing"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest/mqtt"
)

func TestRefusedConnections(t *testing.T) {
	canary := "fc_canary-in-a-login"
	for name, tt := range map[string]struct {
		login  func(l *login)
		reason string
	}{
		"wrong password":         {func(l *login) { l.password = canary }, "wrong_token"},
		"empty password":         {func(l *login) { l.password = "" }, ""},
		"another's password":     {func(l *login) { l.password = token(other) }, "wrong_token"},
		"unknown device":         {func(l *login) { l.user, l.password = "acme/nobody", canary }, "unknown_device"},
		"unknown tenant":         {func(l *login) { l.user = "nobody/pump:1" }, "unknown_device"},
		"disabled device":        {func(l *login) { l.user, l.password = off.String(), token(off) }, "device_disabled"},
		"disabled, wrong":        {func(l *login) { l.user, l.password = off.String(), canary }, "device_disabled"},
		"anonymous":              {func(l *login) { l.anonymous = true }, "no_credentials"},
		"user name is a token":   {func(l *login) { l.user = canary }, "bad_user_name"},
		"user name is too deep":  {func(l *login) { l.user = "acme/pump:1/x" }, "bad_user_name"},
		"user name with a space": {func(l *login) { l.user = "acme/pump 1" }, "bad_user_name"},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, version byte) {
				d := open(t)
				l := as(version, pump)
				l.client = canary
				tt.login(&l)
				w, p := d.connect(t, l)
				want := byte(4)
				if version == 5 {
					want = 0x86
				}
				if tt.reason == "" { // must not get in
					if p.body[1] == 0 {
						t.Fatal("it was let in")
					}
				} else if p.body[0] != 0 || p.body[1] != want {
					t.Fatalf("CONNACK %s, want 0x%x", p, want)
				}
				w.wantClosed()
				if tt.reason != "" {
					d.wantCount(t, 1, "forecare_mqtt_refused_total", "reason="+tt.reason)
					if !strings.Contains(d.log.String(), "reason="+tt.reason) || !strings.Contains(d.log.String(), "hint=") {
						t.Errorf("the log does not help:\n%s", d.log)
					}
				}
				for _, secret := range []string{canary, token(other), token(off)} {
					if strings.Contains(d.log.String(), secret) {
						t.Errorf("the log holds a secret:\n%s", d.log)
					}
				}
			})
		})
	}
}

func TestRefusalsAreNotLoggedAThousandTimes(t *testing.T) {
	d := open(t)
	for range 20 {
		l := as(4, pump)
		l.password = "wrong"
		d.connect(t, l)
	}
	d.wantCount(t, 20, "forecare_mqtt_refused_total")
	if n := strings.Count(d.log.String(), "connection refused"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

func TestNothingThatIsSentReachesTheLog(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		w := d.device(t, as(version, pump))
		w.send(as(version, pump).encode()) // a second CONNECT, with the password again
		w.wantEnd(0x82)
		v := d.device(t, as(version, pump))
		v.publish("fleet/+/canary", 1, 1, "canary-payload") // a violation of the protocol
		v.wantEnd(0x82)
		d.wantCount(t, 2, "forecare_mqtt_ended_total", "reason=protocol")
		for _, secret := range []string{token(pump), "canary"} {
			if strings.Contains(d.log.String(), secret) {
				t.Errorf("the log holds %q:\n%s", secret, d.log)
			}
		}
	})
}

func TestClientIdentifiersBelongToTheirDevice(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		mine := as(version, pump)
		mine.client, mine.persist, mine.expiry = "esp32", true, 60
		w := d.device(t, mine)
		w.subscribe("fleet/acme/pump:1/cmd/#", 1)

		theirs := as(version, other)
		theirs.client, theirs.persist, theirs.expiry = "esp32", true, 60
		v, p := d.connect(t, theirs)
		if p.body[0] != 0 || p.body[1] != 0 {
			t.Fatalf("CONNACK %s: a session of another device", p)
		}
		w.alive()
		if err := d.SendCommand(devices.Command{ID: "1", Key: pump, Name: "n"}); err != nil {
			t.Fatal(err)
		}
		w.wantDelivered()
		v.alive() // it got nothing
	})
}

func TestTheSameDeviceTakesOver(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		l := as(version, pump)
		l.persist, l.expiry = true, 60
		first, p := d.connect(t, l)
		if p.body[0] != 0 {
			t.Error("a session is present at first")
		}
		first.subscribe("fleet/acme/pump:1/cmd/#", 1)
		second, p := d.connect(t, l)
		if p.body[0] != 1 || p.body[1] != 0 {
			t.Errorf("CONNACK %s, want the session present", p)
		}
		first.wantEnd(0x8E)
		if err := d.SendCommand(devices.Command{ID: "1", Key: pump, Name: "n"}); err != nil {
			t.Fatal(err)
		}
		second.wantDelivered() // without subscribing again
		d.wantCount(t, 1, "forecare_mqtt_connections")
	})
}

func TestConnackTellsLimits(t *testing.T) {
	d := open(t, func(o *mqtt.Options) {
		o.Limits = mqtt.Limits{Packet: 0x12345, Inflight: 7, Keepalive: 30 * time.Second, Session: 50 * time.Second}
	})
	l := as(5, pump)
	l.expiry = 5000
	_, p := d.connect(t, l)
	for name, property := range map[string]string{
		"Maximum Packet Size":           "\x27\x00\x01\x23\x45",
		"Receive Maximum":               "\x21\x00\x07",
		"Server Keep Alive":             "\x13\x00\x1e",
		"Session Expiry Interval":       "\x11\x00\x00\x00\x32",
		"Topic Alias Maximum":           "\x22\x00\x10",
		"Shared Subscription Available": "\x2a\x00",
	} {
		if !strings.Contains(string(p.body), property) {
			t.Errorf("CONNACK %s does not say %s", p, name)
		}
	}
}

func TestTopicAlias(t *testing.T) {
	d := open(t)
	w := d.device(t, as(5, pump))
	alias := []byte{3, 0x23, 0, 1}
	w.send(frame(publish<<4|2, cat(str(telemetryTopic), num(1), alias, []byte("first"))))
	w.wantAck(puback, 1)
	w.send(frame(publish<<4|2, cat(str(""), num(2), alias, []byte("second"))))
	w.wantAck(puback, 2)
	for i, m := range d.accept.wait(t, 2) {
		if m.Topic != telemetryTopic {
			t.Errorf("message %d is for %q", i, m.Topic)
		}
	}
}

func TestDisconnectEndsOnlyThatDevice(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		l := as(version, pump)
		first := d.device(t, l)
		l.client = "c2"
		second := d.device(t, l)
		bystander := d.device(t, as(version, other))
		s := snapshot()
		s.Devices[0].Disabled = true
		d.registry.Replace(s)
		d.Disconnect(pump)
		first.wantEnd(0x87)
		second.wantEnd(0x87)
		bystander.alive()
		d.wantCount(t, 2, "forecare_mqtt_ended_total", "reason=registry")
		_, p := d.connect(t, l)
		if p.body[1] == 0 {
			t.Error("it was let in again")
		}
	})
}
