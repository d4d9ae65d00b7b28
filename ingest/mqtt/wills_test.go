package mqtt_test

import (
	"testing"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

const stateTopic = "fleet/acme/pump:1/state"

func withWill(version byte, k devices.Key) login {
	l := as(version, k)
	l.willTopic, l.will, l.willFlags = "fleet/"+k.String()+"/state", `{"online":false}`, 0x28 // QoS 1, retained
	return l
}

func TestWillOfALostDeviceIsAccepted(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		w := d.device(t, withWill(version, pump))
		w.net.Close()
		m := d.accept.wait(t, 1)[0]
		if m.Publisher != pump || m.Topic != stateTopic || string(m.Payload) != `{"online":false}` || m.Received.IsZero() {
			t.Errorf("got %+v", m)
		}
	})
}

func TestGoodbyeTakesTheWillBack(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		w := d.device(t, withWill(version, pump))
		w.send([]byte{disconnect << 4, 0})
		w.wantClosed()
		d.wantCount(t, 1, "forecare_mqtt_ended_total", "reason=device")
		if got := d.accept.got(); len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})
}

func TestDisconnectWithWill(t *testing.T) {
	for _, body := range [][]byte{{4}, {4, 0}} {
		d := open(t)
		w := d.device(t, withWill(5, pump))
		w.send(frame(disconnect<<4, body))
		d.accept.wait(t, 1)
	}
}

// A will is where a device could reach others past ingest.
func TestForeignWillReachesNobody(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d, log := openIngest(t)
		victim := d.device(t, as(version, other))
		if code := victim.subscribe("fleet/acme/pump:2/cmd/#", 1); code != 1 {
			t.Fatalf("SUBACK 0x%x", code)
		}
		l := as(version, pump)
		l.willTopic, l.will = "fleet/acme/pump:2/cmd/evil", `{"id":"evil"}`
		d.device(t, l).net.Close()
		soon(t, func() error {
			if _, letters, _ := log.all(); len(letters) != 1 || letters[0].Reason != ingest.NotAuthorized {
				return errorf("dead letters %v", letters)
			}
			return nil
		})
		victim.alive()
	})
}

func TestWillComesBeforeTheWordsOfTheNextConnection(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		for i := range 20 {
			w := d.device(t, withWill(version, pump)) // takes over from the one before
			w.publish(stateTopic, 1, 1, `{"online":true}`)
			w.wantAck(puback, 1)
			got := d.accept.got()
			if len(got) != 2*i+1 {
				t.Fatalf("%d messages after %d connections", len(got), i+1)
			}
			if last := string(got[len(got)-1].Payload); last != `{"online":true}` {
				t.Fatalf("the last word is %s", last)
			}
		}
	})
}

func TestDelayedWill(t *testing.T) {
	l := withWill(5, pump)
	l.persist, l.expiry, l.willDelay = true, 60, 1
	t.Run("is published after its delay", func(t *testing.T) {
		d := open(t)
		begin := time.Now()
		d.device(t, l).net.Close()
		d.accept.wait(t, 1)
		if took := time.Since(begin); took < time.Second {
			t.Errorf("after %s", took)
		}
	})
	t.Run("is not, if the device is back before", func(t *testing.T) {
		d := open(t)
		first := d.device(t, l)
		first.net.Close()
		d.wantCount(t, 1, "forecare_mqtt_ended_total")
		d.device(t, l)
		third := d.device(t, l) // takes over from one that is not lost yet
		third.send([]byte{disconnect << 4, 0})
		third.wantClosed()
		begin := time.Now()
		soon(t, func() error {
			if time.Since(begin) < 1200*time.Millisecond {
				return errorf("too early")
			}
			return nil
		})
		if got := d.accept.got(); len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})
	t.Run("is published when a clean start ends the session", func(t *testing.T) {
		d := open(t)
		long := l
		long.willDelay = 50
		d.device(t, long).net.Close()
		d.wantCount(t, 1, "forecare_mqtt_ended_total")
		long.persist = false
		d.device(t, long)
		d.accept.wait(t, 1)
	})
	t.Run("is published when a clean start takes over", func(t *testing.T) {
		d := open(t)
		long := l
		long.willDelay = 50
		d.device(t, long)
		long.persist = false
		d.device(t, long)
		d.accept.wait(t, 1)
	})
	t.Run("does not outlive the session", func(t *testing.T) {
		d := open(t)
		short := l
		short.expiry, short.willDelay = 0, 50
		d.device(t, short).net.Close()
		d.accept.wait(t, 1)
	})
}

func TestStopPublishesNoWills(t *testing.T) {
	d := open(t)
	d.device(t, withWill(5, pump))
	late := withWill(5, other)
	late.persist, late.expiry, late.willDelay = true, 60, 50
	d.device(t, late).net.Close()
	d.wantCount(t, 1, "forecare_mqtt_ended_total")
	d.stop()
	if got := d.accept.got(); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestStateIsRetainedForSubscribers(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		g := d.device(t, as(version, gateway))
		g.publish("fleet/acme/sensor.7/state", 1, 1, `{"online":true}`, 1)
		g.wantAck(puback, 1)
		if code := g.subscribe("fleet/acme/sensor.7/#", 0); code != 0 {
			t.Fatalf("SUBACK 0x%x", code)
		}
		if got := g.wantDelivered(); got.payload != `{"online":true}` || !got.retain {
			t.Errorf("got %+v", got)
		}
		// A will is one, too; telemetry and events are not.
		s := d.device(t, withWill(version, behind))
		s.publish("fleet/acme/sensor.7/telemetry", 1, 1, `{"temp":1}`, 1)
		s.wantAck(puback, 1)
		s.publish("fleet/acme/sensor.7/event", 1, 2, `{}`, 1)
		s.wantAck(puback, 2)
		s.net.Close()
		if got := g.wantDelivered(); got.topic != "fleet/acme/sensor.7/state" || got.payload != `{"online":false}` {
			t.Errorf("got %+v", got)
		}
		g.alive()
	})
}

func TestRejectedStateReachesNobody(t *testing.T) {
	d := open(t)
	d.accept.verdict = func(ingest.Message) ingest.Outcome {
		return ingest.Outcome{Rejected: &ingest.Rejection{Reason: ingest.BadPayload, Detail: "no"}}
	}
	w := d.device(t, as(5, pump))
	w.subscribe("fleet/acme/pump:1/state", 0)
	w.publish(stateTopic, 1, 1, "online", 1)
	if a := w.wantAck(puback, 1); a.code != 0x99 {
		t.Errorf("PUBACK 0x%x", a.code)
	}
	w.alive()
	w.publish(stateTopic, 1, 2, string(make([]byte, 5000)), 1) // too large to be kept
	w.wantAck(puback, 2)
	w.alive()
	if code := d.device(t, as(4, pump)).subscribe("fleet/acme/pump:1/state", 0); code != 0 {
		t.Errorf("SUBACK 0x%x", code)
	}
}
