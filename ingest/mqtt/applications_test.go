package mqtt_test

import (
	"fmt"
	"testing"

	"github.com/forecare/forecare/ingest/mqtt"
)

// dashboards are applications whose password is their name.
type dashboards struct{}

func (dashboards) Authorize(user, password string) (tenant string, ok bool) {
	return "acme", user == password && (user == "dashboard" || user == "acme/export")
}

func application(version byte, user, client string) login {
	l := as(version, pump)
	l.user, l.password, l.client = user, user, client
	return l
}

func openApplications(t *testing.T, change ...func(*mqtt.Options)) *door {
	return open(t, append(change, func(o *mqtt.Options) { o.Applications = dashboards{} })...)
}

func TestApplicationReadsItsTenant(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := openApplications(t)
		a := d.device(t, application(version, "dashboard", "a"))
		if code := a.subscribe("fleet/acme/+/telemetry", 1); code != 1 {
			t.Fatalf("SUBACK 0x%x", code)
		}
		b := d.device(t, application(version, "acme/export", "b"))
		if code := b.subscribe("fleet/acme/#", 0); code != 0 {
			t.Fatalf("SUBACK 0x%x", code)
		}
		w := d.device(t, as(version, pump))
		f := d.device(t, as(version, foreign))
		f.publish("fleet/globex/pump:1/telemetry", 1, 1, "secret")
		f.wantAck(puback, 1)
		w.publish(telemetryTopic, 1, 1, "one")
		w.wantAck(puback, 1)
		if got := a.wantDelivered(); got.topic != telemetryTopic || got.payload != "one" || got.qos != 1 {
			t.Errorf("got %+v", got)
		}
		if got := b.wantDelivered(); got.payload != "one" || got.qos != 0 {
			t.Errorf("got %+v", got)
		}
		w.publish("fleet/acme/pump:1/event", 0, 0, "two")
		if got := b.wantDelivered(); got.payload != "two" {
			t.Errorf("got %+v", got)
		}
		a.alive()
		b.alive()
	})
}

func TestApplicationsFilters(t *testing.T) {
	d := openApplications(t)
	w := d.device(t, application(5, "dashboard", "a"))
	for filter, want := range map[string]byte{
		"fleet/acme/#":                 0,
		"fleet/acme/+/state":           0,
		"$share/g/fleet/acme/#":        0,
		"fleet/globex/#":               0x87,
		"fleet/+/pump:1/#":             0x87,
		"fleet/#":                      0x87,
		"#":                            0x87,
		"fleet/acme":                   0x87,
		"$share/g/fleet/globex/#":      0x87,
		"$share/g/#":                   0x87,
		"$share/fleet/acme/#":          0x87,
		"$share/+/fleet/acme/#":        0x8F,
		"$share//fleet/acme/#":         0x8F,
		"fleet/acme/#/x":               0x8F,
		"fleet/acme/x+":                0x8F,
		"$SYS/#":                       0x87,
		"fleet/acme/" + long(600, "x"): 0x8F,
	} {
		if code := w.subscribe(filter, 0); code != want {
			t.Errorf("%s: SUBACK 0x%x, want 0x%x", filter, code, want)
		}
	}
}

func long(n int, s string) string {
	out := ""
	for range n {
		out += s
	}
	return out
}

func TestApplicationsDoNotPublish(t *testing.T) {
	d := openApplications(t)
	w := d.device(t, application(5, "dashboard", "a"))
	w.publish(telemetryTopic, 1, 1, "x")
	if a := w.wantAck(puback, 1); a.code != 0x87 {
		t.Errorf("PUBACK 0x%x", a.code)
	}
	w.publish(telemetryTopic, 2, 2, "x")
	if a := w.wantAck(pubrec, 2); a.code != 0x87 {
		t.Errorf("PUBREC 0x%x", a.code)
	}
	w.publish(telemetryTopic, 0, 0, "x")
	w.wantEnd(0x87)
	l := application(4, "dashboard", "a")
	l.willTopic, l.will = telemetryTopic, "x"
	old := d.device(t, l)
	old.publish(telemetryTopic, 1, 1, "x")
	old.wantClosed()
	if got := d.accept.got(); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestApplicationIsRefused(t *testing.T) {
	d := openApplications(t)
	l := application(5, "dashboard", "a")
	l.password = "wrong"
	if _, p := d.connect(t, l); p.body[1] != 0x86 {
		t.Errorf("CONNACK %s", p)
	}
	// The name of a device is never an application's.
	l = application(5, pump.String(), "a")
	if _, p := d.connect(t, l); p.body[1] != 0x86 {
		t.Errorf("CONNACK %s", p)
	}
	w := d.device(t, application(5, "dashboard", "a"))
	d.DisconnectUser("acme", "dashboard")
	w.wantEnd(0x87)
}

// [MQTT-4.8.2-4]
func TestSharedSubscriptionsSpread(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := openApplications(t)
		var members []*wire
		for i := range 3 {
			a := d.device(t, application(version, "dashboard", fmt.Sprint(i)))
			a.subscribe("$share/g/fleet/acme/+/telemetry", 1)
			members = append(members, a)
		}
		all := d.device(t, application(version, "acme/export", "all"))
		all.subscribe("fleet/acme/+/telemetry", 0)
		w := d.device(t, as(version, pump))
		for id := uint16(1); id <= 30; id++ {
			w.publish(telemetryTopic, 1, id, fmt.Sprint(id))
			w.wantAck(puback, id)
			if got := all.wantDelivered(); got.payload != fmt.Sprint(id) {
				t.Fatalf("got %+v", got)
			}
		}
		seen := map[string]bool{}
		for i, m := range members {
			for range 10 {
				got := m.wantDelivered()
				if seen[got.payload] {
					t.Errorf("%s came twice", got.payload)
				}
				seen[got.payload] = true
				m.send(frame(puback<<4, num(got.id)))
			}
			t.Logf("member %d has its share", i)
			m.alive()
		}
		members[0].net.Close()
		d.wantCount(t, 1, "forecare_mqtt_ended_total")
		for id := uint16(1); id <= 4; id++ {
			w.publish(telemetryTopic, 1, id, "x")
			w.wantAck(puback, id)
		}
		for _, m := range members[1:] {
			m.wantDelivered()
			m.wantDelivered()
		}
	})
}

func TestApplicationThatDoesNotReadLosesOnlyItsOwn(t *testing.T) {
	d := openApplications(t)
	a := d.device(t, application(5, "dashboard", "a"))
	a.subscribe("fleet/acme/#", 0)
	w := d.device(t, as(5, pump))
	payload := long(1000, "0123456789")
	for range 4 { // more than the sockets' buffers hold
		for id := uint16(1); id <= 500; id++ {
			w.publish(telemetryTopic, 1, id, payload)
			w.wantAck(puback, id)
		}
	}
	if n := d.counted(t, "forecare_mqtt_dropped_total", "reason=not_reading"); n == 0 {
		t.Error("nothing was dropped")
	}
}
