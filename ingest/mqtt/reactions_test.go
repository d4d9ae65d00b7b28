package mqtt_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/ingest/mqtt"
)

// memoryLog keeps what ingest makes durable.
type memoryLog struct {
	mu        sync.Mutex
	telemetry []string
	letters   []ingest.DeadLetter
	events    []devices.Event
}

func (l *memoryLog) AppendTelemetry(_ context.Context, _ int, lines []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.telemetry = append(l.telemetry, string(lines))
	return nil
}

func (l *memoryLog) AppendDeadLetter(_ context.Context, d ingest.DeadLetter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.letters = append(l.letters, d)
	return nil
}

func (l *memoryLog) AppendEvent(_ context.Context, e devices.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
	return nil
}

func (l *memoryLog) all() (telemetry []string, letters []ingest.DeadLetter, events []devices.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.telemetry, l.letters, l.events
}

// openIngest runs a server with the real ingest behind it.
func openIngest(t *testing.T) (*door, *memoryLog) {
	t.Helper()
	log := &memoryLog{}
	commit := ingest.NewCommitter(log, ingest.CommitterOptions{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- commit.Run(ctx) }()
	t.Cleanup(func() { // after the server has ended
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	d := open(t, func(o *mqtt.Options) {
		o.Accept = ingest.NewAcceptor(ingest.AcceptorOptions{Registry: o.Registry, Commit: commit, Log: log}).Accept
	})
	return d, log
}

const telemetryTopic = "fleet/acme/pump:1/telemetry"

// rejections are messages that ingest never accepts. [TP-4.3] and section 5 of
// docs/protocol.md
var rejections = map[string]struct {
	topic, payload string
	reason         ingest.Reason
	code           byte
}{
	"no JSON":        {telemetryTopic, "temp is 21", ingest.BadPayload, 0x99},
	"unknown metric": {telemetryTopic, `{"tmp":21}`, ingest.UnknownMetric, 0x99},
	"NaN":            {telemetryTopic, `{"temp":NaN}`, ingest.NotANumber, 0x99},
	"1970":           {telemetryTopic, `{"ts":1000,"temp":21}`, ingest.ClockPast, 0x99},
	"no metric":      {telemetryTopic, `{}`, ingest.NoFields, 0x99},
	"2 MB":           {telemetryTopic, strings.Repeat("x", 2<<20), ingest.TooLarge, 0x97},
	"foreign device": {"fleet/acme/pump:2/telemetry", `{"temp":21}`, ingest.NotAuthorized, 0x87},
	"foreign tenant": {"fleet/globex/pump:1/telemetry", `{"temp":21}`, ingest.NotAuthorized, 0x87},
	"a command":      {"fleet/acme/pump:1/cmd/1", `{}`, ingest.NotAuthorized, 0x87},
	"not registered": {"fleet/acme/nobody/telemetry", `{"temp":21}`, ingest.UnknownDevice, 0x87},
	"disabled":       {"fleet/acme/old/telemetry", `{"temp":21}`, ingest.DeviceOff, 0x87},
	"other topic":    {"home/kitchen", `{"temp":21}`, ingest.BadTopic, 0x90},
	"dollar topic":   {"$SYS/broker/version", `{"temp":21}`, ingest.BadTopic, 0x90},
}

func TestRejectionsAreAcknowledgedAndKept(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d, log := openIngest(t)
		w := d.device(t, as(version, pump))
		id := uint16(0)
		for name, r := range rejections {
			t.Run(name, func(t *testing.T) {
				w.t = t
				id++
				w.publish(r.topic, 1, id, r.payload)
				a := w.wantAck(puback, id)
				_, letters, _ := log.all()
				letter := letters[len(letters)-1]
				if letter.Reason != r.reason || letter.Topic != r.topic || letter.Publisher != pump || letter.Size != len(r.payload) {
					t.Errorf("the dead letter is %s of %s for %s with %d bytes: %s", letter.Reason, letter.Publisher, letter.Topic, letter.Size, letter.Detail)
				}
				if version == 5 && (a.code != r.code || a.reason == "" || !strings.HasPrefix(letter.Detail, strings.TrimSuffix(a.reason, "..."))) {
					t.Errorf("PUBACK 0x%x %q, want 0x%x and the detail %q", a.code, a.reason, r.code, letter.Detail)
				}
				w.alive() // the connection stays open
			})
		}
		if telemetry, _, _ := log.all(); len(telemetry) != 0 {
			t.Errorf("stored: %q", telemetry)
		}
		d.wantCount(t, float64(len(rejections)), "forecare_mqtt_publishes_total", "outcome=rejected")
	})
}

func TestGoodMessagesAreStored(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d, log := openIngest(t)
		w := d.device(t, as(version, pump))
		w.publish(telemetryTopic, 1, 1, `{"ts":1772625600,"temp":21.5}`)
		if a := w.wantAck(puback, 1); a.code != 0 {
			t.Errorf("PUBACK 0x%x %s", a.code, a.reason)
		}
		w.publish("fleet/acme/pump:1/event", 1, 2, `{"button":3}`)
		w.wantAck(puback, 2)
		w.publish("fleet/acme/pump:1/cmd/c-1/ack", 1, 3, `{"ok":true}`)
		w.wantAck(puback, 3)
		g := d.device(t, as(version, gateway))
		g.publish("fleet/acme/sensor.7/telemetry", 1, 1, `{"ts":1772625600,"temp":4}`)
		if a := g.wantAck(puback, 1); a.code != 0 {
			t.Errorf("gateway: PUBACK 0x%x %s", a.code, a.reason)
		}
		telemetry, letters, events := log.all()
		want := "telemetry,device=pump:1,model=k2,tenant=acme temp=21.5 1772625600000000000\ntelemetry,device=sensor.7,model=k2,tenant=acme temp=4 1772625600000000000\n"
		if got := strings.Join(telemetry, ""); got != want {
			t.Errorf("stored %q", got)
		}
		if len(letters) != 0 || len(events) != 2 || events[1].Kind != devices.EventAck || events[1].ID != "c-1" {
			t.Errorf("letters %v, events %v", letters, events)
		}
	})
}

// The same with the client library that most devices' makers know.
func TestPahoPublishesWithEveryQoS(t *testing.T) {
	d, log := openIngest(t)
	o := paho.NewClientOptions().AddBroker("tcp://" + d.Addr().String()).SetClientID("paho").
		SetUsername(pump.String()).SetPassword(token(pump)).SetAutoReconnect(false).SetConnectRetry(false).SetProtocolVersion(4)
	c := paho.NewClient(o)
	if tok := c.Connect(); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		t.Fatal(tok.Error())
	}
	defer c.Disconnect(100)
	for qos := range byte(3) {
		for _, payload := range []string{`{"ts":1772625600,"temp":1}`, `{"tmp":1}`} {
			if tok := c.Publish(telemetryTopic, qos, false, payload); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
				t.Fatalf("QoS %d: %v", qos, tok.Error())
			}
		}
	}
	soon(t, func() error {
		telemetry, letters, _ := log.all()
		if n := strings.Count(strings.Join(telemetry, ""), "\n"); n != 3 || len(letters) != 3 {
			return errorf("%d readings and %d dead letters of 3 each", n, len(letters))
		}
		return nil
	})
}

func TestPahoIsRefused(t *testing.T) {
	d := open(t)
	o := paho.NewClientOptions().AddBroker("tcp://" + d.Addr().String()).SetClientID("paho").
		SetUsername(pump.String()).SetPassword("wrong").SetAutoReconnect(false).SetConnectRetry(false).SetProtocolVersion(4)
	tok := paho.NewClient(o).Connect()
	if !tok.WaitTimeout(10*time.Second) || tok.Error() == nil || !strings.Contains(tok.Error().Error(), "bad user name or password") {
		t.Fatalf("got %v", tok.Error())
	}
}
