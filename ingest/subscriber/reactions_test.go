package subscriber_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/ingest/subscriber"
)

// The access list of [TP-10.7]: a device reaches its own topics only.
const (
	accessList = "user forecare\ntopic read fleet/#\ntopic read $SYS/broker/publish/messages/dropped\ntopic write fleet/+/+/cmd/+\n\npattern readwrite fleet/%u/#\n"
	secret     = "canary-31415"
)

func users() map[string]string {
	return map[string]string{"forecare": secret, "acme/d1": "device-password"}
}

func as(user, password string) func(*subscriber.Options) {
	return func(o *subscriber.Options) {
		o.Username = user
		o.Password = func() (string, error) { return password, nil }
	}
}

func TestPasswords(t *testing.T) {
	b := startBroker(t, brokerOptions{users: users(), acl: accessList})

	t.Run("wrong", func(t *testing.T) {
		d := openDoor(t, b, newLog(), as("forecare", "wrong-"+secret))
		d.notReady(`refuses the user name "forecare" or its password`)
		d.said.wait(t, "not connected to the MQTT broker")
		if strings.Contains(d.said.String(), secret) || strings.Contains(fmt.Sprint(d.Ready()), secret) {
			t.Errorf("the password is told:\n%s", d.said)
		}
		if n := strings.Count(d.said.String(), "not connected"); n != 1 {
			t.Errorf("one reason is told %d times", n)
		}
	})
	t.Run("none", func(t *testing.T) {
		openDoor(t, b, newLog()).notReady("refuses the user name")
	})
	t.Run("unreadable", func(t *testing.T) {
		d := openDoor(t, b, newLog(), func(o *subscriber.Options) {
			o.Password = func() (string, error) { return "", errors.New("no such file") }
		})
		d.notReady("no such file")
	})
	t.Run("right, with the documented access list", func(t *testing.T) {
		log := newLog()
		d := openDoor(t, b, log, as("forecare", secret)).ready()
		dev := connectDevice(t, b, "c1", "acme/d1", "device-password")
		intruder := connectDevice(t, b, "c2", "acme/d1", "device-password")
		intruder.send("fleet/acme/d2/telemetry", reading{"d2", 1}.payload(), 0, false)
		b.said.wait(t, "Denied PUBLISH")
		dev.send("fleet/acme/d1/telemetry", reading{"d1", 2}.payload(), 1, false)
		log.wantAll(t, map[reading]bool{{"d1", 2}: true})
		if n := log.count(); n != 1 {
			t.Errorf("%d readings are stored, want the device's own only", n)
		}
		dev.subscribe("fleet/acme/d1/cmd/+")
		if err := d.SendCommand(devices.Command{ID: "c1", Key: devices.Key{Tenant: "acme", Device: "d1"}, Name: "recalibrate"}); err != nil {
			t.Error(err)
		}
		if p, ok := dev.read().(*packets.PublishPacket); !ok || p.TopicName != "fleet/acme/d1/cmd/c1" {
			t.Errorf("got %v", p)
		}
	})
}

func TestEveryKindOfMessage(t *testing.T) {
	b := startBroker(t, brokerOptions{})
	log := newLog()
	d := openDoor(t, b, log).ready()
	dev := connectDevice(t, b, "c", "", "")
	dev.send("fleet/acme/d1/telemetry", reading{"d1", 1}.payload(), 1, false)
	dev.send("fleet/acme/d1/event", `{"a":1}`, 1, false)
	dev.send("fleet/acme/d1/state", `{"online":true}`, 1, true)
	dev.send("fleet/acme/d1/cmd/c1/ack", `{"ok":true}`, 1, false)
	dev.send("fleet/acme/d1/telemetry", reading{"d1", 2}.payload(), 0, false)
	log.wantAll(t, map[reading]bool{{"d1", 1}: true, {"d1", 2}: true})

	// What is not accepted is a dead letter, and acknowledged: it never comes
	// again.
	dev.send("fleet/acme/d1/telemetry", `{"temp":`, 1, false)
	dev.send("fleet/acme/d1/telemetry", `{"temp":"hot"}`, 1, false)
	dev.send("fleet/acme/nobody/telemetry", `{"temp":1}`, 1, false)
	dev.send("fleet/acme/d 1/telemetry", `{"temp":1}`, 1, false)
	dev.send("fleet/not a tenant/d1/telemetry", `{"temp":1}`, 1, false)
	dev.send("fleet/acme/d1/event", "\xff\x00", 1, false)
	dev.send("fleet/acme/d1/telemetry", strings.Repeat("x", 300<<10), 1, false)
	// These nobody has asked for.
	dev.send("elsewhere/acme/d1/telemetry", `{"temp":1}`, 1, false)
	dev.send("fleet/acme/d1/cmd/c2", `{"id":"c2"}`, 1, false)
	dev.send("fleet/acme/d1/telemetry/more", `{"temp":1}`, 1, false)

	type verdict struct {
		Reason    ingest.Reason
		Publisher string
	}
	soon(t, func() error {
		got := map[verdict]int{}
		for _, l := range log.deadLetters() {
			got[verdict{l.Reason, l.Publisher.String()}]++
		}
		want := map[verdict]int{
			{ingest.BadPayload, "acme/d1"}:          2,
			{ingest.NotANumber, "acme/d1"}:          1,
			{ingest.TooLarge, "acme/d1"}:            1,
			{ingest.UnknownDevice, "acme/nobody"}:   1,
			{ingest.BadTopic, "acme/forecare-test"}: 1,
			{ingest.BadTopic, "/forecare-test"}:     1,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return errors.New(diff)
		}
		return nil
	})
	d.wantCount(7, "messages_total", "outcome=rejected")
	d.wantCount(5, "messages_total", "outcome=accepted")
	d.stop()
	again := openDoor(t, b, log).ready()
	again.wantCount(1, "messages_total", "outcome=accepted") // the retained state
	again.wantCount(0, "redelivered_total")
	if n := len(log.deadLetters()); n != 7 {
		t.Errorf("%d dead letters after a reconnect, want 7", n)
	}
}

// A retained reading without a time would be born again with every
// connection. [TP-10.5]
func TestRetainedCopies(t *testing.T) {
	b := startBroker(t, brokerOptions{})
	dev := connectDevice(t, b, "c", "", "")
	dev.send("fleet/acme/d1/telemetry", `{"temp":7}`, 1, true)
	dev.send("fleet/acme/d1/state", `{"online":true}`, 1, true)
	log := newLog()
	d := openDoor(t, b, log).ready()
	d.wantCount(1, "messages_total", "outcome=retained")
	d.wantCount(1, "messages_total", "outcome=accepted")
	dev.send("fleet/acme/d1/telemetry", `{"temp":8}`, 1, true) // live, although it is retained too
	soon(t, func() error {
		log.mu.Lock()
		defer log.mu.Unlock()
		if !slices.Equal([]reading{{"d1", 8}}, log.order) {
			return fmt.Errorf("stored are %v, want what was published live", log.order)
		}
		return nil
	})
	if e := log.eventList(); len(e) != 1 || e[0].Kind != devices.EventState {
		t.Errorf("events are %v, want the state", e)
	}
}

// [TP-10.4]
func TestOtherTenantsAreNotTaken(t *testing.T) {
	b := startBroker(t, brokerOptions{})
	log := newLog()
	all := openDoor(t, b, log).ready() // its session subscribes to every tenant
	all.stop()
	dev := connectDevice(t, b, "c", "", "")
	dev.send("fleet/globex/d1/telemetry", `{"temp":1}`, 1, false)
	d := openDoor(t, b, log, func(o *subscriber.Options) { o.Tenants = []string{"acme"} }).ready()
	dev.send("fleet/acme/d1/telemetry", reading{"d1", 5}.payload(), 1, false)
	log.wantAll(t, map[reading]bool{{"d1", 5}: true})
	soon(t, func() error {
		dead := log.deadLetters()
		if len(dead) != 1 || dead[0].Reason != ingest.NotAuthorized || dead[0].Publisher.Tenant != "" {
			return fmt.Errorf("dead letters are %+v", dead)
		}
		return nil
	})
	if n := log.count(); n != 1 {
		t.Errorf("%d readings are stored, want acme's only", n)
	}
	err := d.SendCommand(devices.Command{ID: "c1", Key: devices.Key{Tenant: "globex", Device: "d1"}, Name: "x"})
	if devices.CodeOf(err) != devices.Forbidden {
		t.Errorf("a command to another tenant: %v", err)
	}
}

// Messages of a device are stored in their order. [TP-4.5]
func TestOrderIsKept(t *testing.T) {
	b := startBroker(t, brokerOptions{})
	log := newLog()
	openDoor(t, b, log).ready()
	acked := publish(t, b, "d1", 3000).wait()
	log.wantAll(t, acked)
	log.mu.Lock()
	defer log.mu.Unlock()
	for i, r := range log.order {
		if r.n != i+1 {
			t.Fatalf("message %d is stored in place %d", r.n, i+1)
		}
	}
}

// [TP-10.6]
func TestCommands(t *testing.T) {
	b := startBroker(t, brokerOptions{})
	d := openDoor(t, b, newLog()).ready()
	dev := connectDevice(t, b, "c", "", "")
	dev.subscribe("fleet/acme/d1/cmd/+")
	issued := time.Now().UTC().Truncate(time.Second)
	cmd := devices.Command{
		ID: "c1", Key: devices.Key{Tenant: "acme", Device: "d1"}, Name: "recalibrate",
		Args: map[string]any{"metric": "temp"}, Issued: issued, Expires: issued.Add(time.Hour),
	}
	if err := d.SendCommand(cmd); err != nil {
		t.Fatal(err)
	}
	p, ok := dev.read().(*packets.PublishPacket)
	if !ok || p.TopicName != "fleet/acme/d1/cmd/c1" || p.Qos != 1 || p.Retain {
		t.Fatalf("the device got %v", p)
	}
	var got map[string]any
	if err := json.Unmarshal(p.Payload, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"id": "c1", "name": "recalibrate", "args": map[string]any{"metric": "temp"},
		"issued": issued.Format(time.RFC3339), "expires": issued.Add(time.Hour).Format(time.RFC3339),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	for name, tc := range map[string]struct {
		change func(*devices.Command)
		code   devices.Code
	}{
		"expired":      {func(c *devices.Command) { c.Expires = time.Now().Add(-time.Second) }, devices.Conflict},
		"wildcard":     {func(c *devices.Command) { c.ID = "+" }, devices.Invalid},
		"another path": {func(c *devices.Command) { c.Key.Device = "d1/cmd" }, devices.Invalid},
		"no JSON":      {func(c *devices.Command) { c.Args = map[string]any{"f": func() {}} }, devices.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			c := cmd
			tc.change(&c)
			if err := d.SendCommand(c); devices.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %s", err, tc.code)
			}
		})
	}
	b.stop()
	d.notReady("not connected")
	if err := d.SendCommand(cmd); devices.CodeOf(err) != devices.Unavailable {
		t.Errorf("without a broker: %v", err)
	}
	d.wantCount(1, "commands_total", "outcome=sent")
}

func TestNewRefuses(t *testing.T) {
	for name, change := range map[string]func(*subscriber.Options){
		"no scheme":       func(o *subscriber.Options) { o.Broker = "broker:1883" },
		"another scheme":  func(o *subscriber.Options) { o.Broker = "http://broker" },
		"no host":         func(o *subscriber.Options) { o.Broker = "mqtt://:1883" },
		"no client id":    func(o *subscriber.Options) { o.ClientID = "" },
		"a bad client id": func(o *subscriber.Options) { o.ClientID = "a/b" },
		"a bad group":     func(o *subscriber.Options) { o.Group = "a/#" },
		"a bad tenant":    func(o *subscriber.Options) { o.Tenants = []string{"+"} },
	} {
		t.Run(name, func(t *testing.T) {
			o := subscriber.Options{Broker: "mqtt://broker", ClientID: "c"}
			change(&o)
			if _, err := subscriber.New(o); devices.CodeOf(err) != devices.Invalid {
				t.Errorf("got %v", err)
			}
		})
	}
	s, err := subscriber.New(subscriber.Options{Broker: "mqtt://broker", ClientID: "c"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(); devices.CodeOf(err) != devices.Unavailable || !strings.Contains(err.Error(), "broker:1883") {
		t.Errorf("before Run: %v", err)
	}
}
