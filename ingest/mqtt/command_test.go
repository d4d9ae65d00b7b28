package mqtt_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest/mqtt"
)

func calibrate(k devices.Key) devices.Command {
	issued := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	return devices.Command{
		ID: "c-17", Key: k, Name: "calibrate", Args: map[string]any{"target": 93.5},
		Issued: issued, Expires: time.Now().Add(time.Hour).UTC().Truncate(time.Second),
	}
}

func wantCode(t *testing.T, err error, want devices.Code) {
	t.Helper()
	if got := devices.CodeOf(err); got != want {
		t.Errorf("code %q (%v), want %q", got, err, want)
	}
}

func TestCommandReachesItsDeviceOnly(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		w := d.device(t, as(version, pump))
		if code := w.subscribe("fleet/acme/pump:1/cmd/+", 1); code != 1 {
			t.Fatalf("SUBACK 0x%x", code)
		}
		bystander := d.device(t, as(version, other))
		bystander.subscribe("fleet/acme/pump:2/cmd/+", 1)

		cmd := calibrate(pump)
		if err := d.SendCommand(cmd); err != nil {
			t.Fatal(err)
		}
		got := w.wantDelivered()
		if got.topic != "fleet/acme/pump:1/cmd/c-17" || got.qos != 1 || got.retain || got.id == 0 {
			t.Errorf("got %+v", got)
		}
		var payload map[string]any
		if err := json.Unmarshal([]byte(got.payload), &payload); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"id": "c-17", "name": "calibrate", "args": map[string]any{"target": 93.5},
			"issued": "2026-03-04T12:00:00Z", "expires": cmd.Expires.Format(time.RFC3339),
		}
		if diff := cmp.Diff(want, payload); diff != "" {
			t.Error(diff)
		}
		if version == 5 && (len(got.props) != 5 || got.props[0] != 2) {
			t.Errorf("properties %x, want the Message Expiry Interval", got.props)
		}
		w.send(frame(puback<<4, num(got.id)))
		w.alive()
		bystander.alive()
		d.wantCount(t, 1, "forecare_mqtt_commands_total", "outcome=sent")
	})
}

func TestCommandForAnAbsentDeviceIsNotQueued(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		wantCode(t, d.SendCommand(calibrate(pump)), devices.Unavailable)

		w := d.device(t, as(version, pump))
		wantCode(t, d.SendCommand(calibrate(pump)), devices.Unavailable) // it does not listen
		w.alive()

		w.send([]byte{disconnect << 4, 0})
		w.wantClosed()
		l := as(version, pump)
		l.persist, l.expiry = true, 60
		w = d.device(t, l)
		w.subscribe("fleet/acme/pump:1/cmd/#", 1)
		w.net.Close()
		d.wantCount(t, 2, "forecare_mqtt_ended_total")
		wantCode(t, d.SendCommand(calibrate(pump)), devices.Unavailable)
		again, p := d.connect(t, l)
		if p.body[0] != 1 {
			t.Error("its session is gone")
		}
		again.alive() // nothing was waiting for it
		if err := d.SendCommand(calibrate(pump)); err != nil {
			t.Fatal(err)
		}
		again.wantDelivered()
	})
}

func TestCommandForADeviceBehindAGateway(t *testing.T) {
	d := open(t)
	g := d.device(t, as(5, gateway))
	g.subscribe("fleet/acme/sensor.7/cmd/#", 1)
	if err := d.SendCommand(calibrate(behind)); err != nil {
		t.Fatal(err)
	}
	if got := g.wantDelivered(); got.topic != "fleet/acme/sensor.7/cmd/c-17" {
		t.Errorf("got %+v", got)
	}
	s := snapshot()
	for i := range s.Devices {
		s.Devices[i].Gateway = ""
	}
	d.registry.Replace(s) // it moved away
	wantCode(t, d.SendCommand(calibrate(behind)), devices.Unavailable)
	g.alive()
}

func TestCommandAsTheSubscriptionWantsIt(t *testing.T) {
	d := open(t)
	w := d.device(t, as(5, pump))
	body := cat(num(1), prefixed([]byte{0x0B, 42}), str("fleet/acme/pump:1/cmd/c-17"), []byte{0})
	w.send(frame(subscribe<<4|2, body))
	w.next()
	if err := d.SendCommand(calibrate(pump)); err != nil {
		t.Fatal(err)
	}
	got := w.wantDelivered()
	if got.qos != 0 || string(got.props) != "\x02"+string(got.props[1:5])+"\x0b\x2a" {
		t.Errorf("got %+v", got)
	}
}

func TestCommandsThatCannotBeSent(t *testing.T) {
	d := open(t)
	w := d.device(t, as(5, pump))
	w.subscribe("fleet/acme/pump:1/cmd/#", 1)
	expired := calibrate(pump)
	expired.Expires = time.Now().Add(-time.Second)
	wantCode(t, d.SendCommand(expired), devices.Conflict)
	odd := calibrate(pump)
	odd.ID = "a/b"
	wantCode(t, d.SendCommand(odd), devices.Invalid)
	odd = calibrate(pump)
	odd.Args = map[string]any{"f": func() {}}
	wantCode(t, d.SendCommand(odd), devices.Invalid)
	w.alive()
}

func TestDeviceThatDoesNotAnswerCommandsIsSentNoMore(t *testing.T) {
	d := open(t)
	l := as(5, pump)
	l.properties = []byte{0x21, 0, 2} // Receive Maximum 2
	w := d.device(t, l)
	w.subscribe("fleet/acme/pump:1/cmd/#", 1)
	for range 2 {
		if err := d.SendCommand(calibrate(pump)); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, d.SendCommand(calibrate(pump)), devices.Unavailable)
	first := w.wantDelivered()
	second := w.wantDelivered()
	if first.id == second.id {
		t.Error("two commands have one packet identifier")
	}
	w.send(frame(puback<<4, num(first.id)))
	w.alive()
	if err := d.SendCommand(calibrate(pump)); err != nil {
		t.Fatal(err)
	}
	w.wantDelivered()
}

// A device that does not read must not keep commands from others for long.
func TestDeviceThatDoesNotReadIsLetGo(t *testing.T) {
	d := open(t, func(o *mqtt.Options) { o.Limits.Write = 300 * time.Millisecond })
	w := d.device(t, as(4, pump))
	w.subscribe("fleet/acme/pump:1/cmd/#", 0)
	big := calibrate(pump)
	big.Args = map[string]any{"blob": string(make([]byte, 4<<20))}
	begin := time.Now()
	soon(t, func() error {
		if err := d.SendCommand(big); err == nil {
			return fmt.Errorf("it still goes through after %s", time.Since(begin))
		}
		return nil
	})
}
