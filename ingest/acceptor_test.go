package ingest_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

// TestWhoMaySpeak is section 2, and the checks before the payload is opened.
func TestWhoMaySpeak(t *testing.T) {
	const good = `{"temp":1}`
	tests := []struct {
		name, publisher, topic, payload string
		reason                          ingest.Reason // "" for accepted
	}{
		{"itself", "d1", "fleet/acme/d1/telemetry", good, ""},
		{"[TP-2.3] gateway", "gw", "fleet/acme/d2/telemetry", good, ""},
		{"[TP-2.3] not its gateway", "gw", "fleet/acme/d1/telemetry", good, ingest.NotAuthorized},
		{"[TP-2.4] a neighbour", "d1", "fleet/acme/d2/telemetry", good, ingest.NotAuthorized},
		{"[TP-2.4] another tenant", "d1", "fleet/other/d9/telemetry", good, ingest.NotAuthorized},
		{"[TP-5.2] another tenant's device that is not", "d1", "fleet/other/none/telemetry", good, ingest.NotAuthorized},
		{"[TP-5.2] a command", "d1", "fleet/acme/d1/cmd/7", good, ingest.NotAuthorized},
		{"[TP-5.3] unknown", "gw", "fleet/acme/none/telemetry", good, ingest.UnknownDevice},
		{"[TP-2.6] removed while connected", "gone", "fleet/acme/gone/telemetry", good, ingest.UnknownDevice},
		{"[TP-2.6] disabled while connected", "off", "fleet/acme/off/telemetry", good, ingest.DeviceOff},
		{"[TP-5.4] disabled gateway", "off", "fleet/acme/d3/telemetry", good, ingest.DeviceOff},
		{"[TP-5.4] disabled, also for events", "off", "fleet/acme/off/state", `{"online":true}`, ingest.DeviceOff},
		{"[TP-5.1] bad topic", "d1", "fleet/acme/d1/temperature", good, ingest.BadTopic},
		{"[TP-5.1] no fleet", "d1", "v1/devices/me/telemetry", good, ingest.BadTopic},
		{"[TP-5.6] no model", "new", "fleet/acme/new/telemetry", good, ingest.UnknownModel},
		{"[TP-5.6] events need none", "new", "fleet/acme/new/event", good, ""},
		{"[TP-5] the device comes before the payload", "d1", "fleet/acme/d2/telemetry", "rubbish", ingest.NotAuthorized},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := openDoor(t, ingest.Limits{})
			o := d.send(t, key(test.publisher), test.topic, test.payload)
			if test.reason == "" {
				if o.Err != nil || o.Rejected != nil || o.Stored != 1 || len(d.log.dead) != 0 {
					t.Fatalf("outcome %+v, rejected %v", o, o.Rejected)
				}
				return
			}
			if o.Rejected == nil || o.Rejected.Reason != test.reason || o.Err != nil {
				t.Fatalf("outcome %+v, rejected %v, want %s", o, o.Rejected, test.reason)
			}
			want := []ingest.DeadLetter{{
				Publisher: key(test.publisher), Topic: test.topic, Reason: test.reason, Detail: o.Rejected.Detail,
				Payload: []byte(test.payload), Size: len(test.payload), Parts: 1, Received: received,
			}}
			if diff := cmp.Diff(want, d.log.dead); diff != "" {
				t.Errorf("dead letters (-want +got):\n%s", diff)
			}
			if d.log.text() != "" || len(d.log.event) != 0 {
				t.Errorf("stored %q and %v", d.log.text(), d.log.event)
			}
		})
	}
}

// TestReasonCodes: only codes that MQTT 5 allows in a PUBACK (3.4.2.1).
func TestReasonCodes(t *testing.T) {
	allowed := []byte{0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99}
	want := map[ingest.Reason]byte{
		ingest.BadTopic: 0x90, ingest.NotAuthorized: 0x87, ingest.UnknownDevice: 0x87, ingest.DeviceOff: 0x87,
		ingest.TooLarge: 0x97, ingest.BadPayload: 0x99, ingest.ClockPast: 0x99, ingest.UnknownMetric: 0x99,
	}
	for reason, code := range want {
		if got := reason.MQTT(); got != code || !bytes.Contains(allowed, []byte{got}) {
			t.Errorf("%s: 0x%x, want 0x%x", reason, got, code)
		}
	}
}

// TestLimits. [TP-7.1] [TP-7.2] [TP-5.5]
func TestLimits(t *testing.T) {
	d := openDoor(t, ingest.Limits{})
	big := `{"temp":1}` + strings.Repeat(" ", 2_000_000)
	o := d.telemetry(t, big)
	if o.Rejected == nil || o.Rejected.Reason != ingest.TooLarge || !strings.Contains(o.Rejected.Detail, "2000010 bytes") {
		t.Fatalf("2 MB: outcome %+v", o)
	}
	if l := d.log.dead[0]; len(l.Payload) != 64<<10 || l.Size != len(big) {
		t.Errorf("2 MB: the dead letter keeps %d bytes, size %d", len(l.Payload), l.Size)
	}
	if o := d.send(t, key("d1"), "fleet/acme/d1/event", `"`+strings.Repeat("x", 256<<10)+`"`); o.Rejected == nil || o.Rejected.Reason != ingest.TooLarge {
		t.Errorf("a large event: outcome %+v", o)
	}

	small := openDoor(t, ingest.Limits{Payload: 200, Readings: 3, Earliest: time.Unix(1e9, 0), Past: time.Hour, Future: time.Minute})
	tests := []struct {
		payload string
		reason  ingest.Reason
	}{
		{`[{"temp":1},{"temp":2},{"temp":3}]`, ""},
		{`[{"temp":1},{"temp":2},{"temp":3},{"temp":4}]`, ingest.TooLarge},
		{`[1,2,3,4]`, ingest.TooLarge},
		{"telemetry temp=1\ntelemetry temp=2\ntelemetry temp=3\n", ""},
		{"telemetry temp=1\ntelemetry temp=2\ntelemetry temp=3\ntelemetry temp=4\n", ingest.TooLarge},
		{strings.Repeat(" ", 190) + `{"temp":1}`, ""},
		{strings.Repeat(" ", 191) + `{"temp":1}`, ingest.TooLarge},
		{`{"temp":1,"ts":1772362800}`, ""},
		{`{"temp":1,"ts":1772362799}`, ingest.ClockPast},
		{`{"temp":1,"ts":1772366460}`, ""},
		{`{"temp":1,"ts":1772366461}`, ingest.ClockFuture},
	}
	for _, test := range tests {
		o := small.telemetry(t, test.payload)
		got := ingest.Reason("")
		if o.Rejected != nil {
			got = o.Rejected.Reason
		}
		if got != test.reason {
			t.Errorf("%.40q: %q, want %q", test.payload, got, test.reason)
		}
	}
}

// TestTheWholeMessageStaysWhole: a message of 10,000 readings, more than one
// log message holds, is in the log in order.
func TestTheWholeMessageStaysWhole(t *testing.T) {
	d := openDoor(t, ingest.Limits{})
	var payload strings.Builder
	sep := "["
	for i := range 10_000 {
		fmt.Fprintf(&payload, `%s{"ts":%d,"on":1}`, sep, 1772300000+i)
		sep = ","
	}
	payload.WriteString("]")
	if o := d.telemetry(t, payload.String()); o.Stored != 10_000 || o.Err != nil {
		t.Fatalf("outcome %+v", o)
	}
	appends := d.log.lines[ingest.ShardOf(key("d1"), 8)]
	if len(appends) < 2 {
		t.Errorf("%d appends, want several", len(appends))
	}
	last := int64(0)
	n := 0
	for _, body := range appends {
		if len(body) > 512<<10 {
			t.Errorf("an append of %d bytes", len(body))
		}
		scan := devices.ScanLines([]byte(body))
		for scan.Next() {
			if scan.UnixNano() <= last {
				t.Fatalf("line %d is out of order", n)
			}
			last = scan.UnixNano()
			n++
		}
		if err := scan.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if n != 10_000 {
		t.Errorf("%d lines", n)
	}
}

// TestEvents. [TP-8.1]
func TestEvents(t *testing.T) {
	d := openDoor(t, ingest.Limits{})
	for _, m := range []struct{ topic, payload string }{
		{"fleet/acme/d1/event", `{"door":"open"}`},
		{"fleet/acme/d1/state", `{"online":true}`},
		{"fleet/acme/d1/state", ""},
		{"fleet/acme/d1/cmd/c-7/ack", `{"ok":true}`},
	} {
		if o := d.send(t, key("d1"), m.topic, m.payload); o.Err != nil || o.Rejected != nil || o.Stored != 1 {
			t.Fatalf("%s: outcome %+v", m.topic, o)
		}
	}
	event := func(kind devices.EventKind, id, payload string) devices.Event {
		return devices.Event{Key: key("d1"), Kind: kind, ID: id, Received: received, Payload: []byte(payload)}
	}
	want := []devices.Event{
		event(devices.EventHappening, "", `{"door":"open"}`),
		event(devices.EventState, "", `{"online":true}`),
		event(devices.EventState, "", `null`),
		event(devices.EventAck, "c-7", `{"ok":true}`),
	}
	if diff := cmp.Diff(want, d.log.event); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for _, payload := range []string{"", "open", `{"a":1`, "\"\xff\""} {
		if o := d.send(t, key("d1"), "fleet/acme/d1/event", payload); o.Rejected == nil || o.Rejected.Reason != ingest.BadPayload {
			t.Errorf("%q: outcome %+v", payload, o)
		}
	}
}

// TestPassingFaults: what cannot be kept is not acknowledged, whichever part
// it is. [TP-4.6]
func TestPassingFaults(t *testing.T) {
	const mixed = `[{"temp":1},{"temp":999}]`
	tests := []struct{ fails, topic, payload string }{
		{"telemetry", "telemetry", `{"temp":1}`},
		{"telemetry", "telemetry", mixed},
		{"dead letter", "telemetry", mixed},
		{"dead letter", "telemetry", "rubbish"},
		{"dead letter", "nowhere", "rubbish"},
		{"event", "event", `{}`},
	}
	for _, test := range tests {
		for _, failure := range []error{errFull, errors.New("some other fault")} {
			d := openDoor(t, ingest.Limits{})
			d.log.fail = func(what string) error {
				if what == test.fails {
					return failure
				}
				return nil
			}
			o := d.send(t, key("d1"), "fleet/acme/d1/"+test.topic, test.payload)
			if !isUnavailable(o.Err) || !errors.Is(o.Err, failure) || o.Rejected != nil || o.Stored != 0 {
				t.Errorf("%s fails, %s %s: outcome %+v", test.fails, test.topic, test.payload, o)
			}
			c := d.Counters()
			if c.Received != 1 || c.Failed != 1 || c.Readings != 0 || c.InFlight != 0 {
				t.Errorf("%s fails: counters %+v", test.fails, c)
			}
		}
	}
}

// TestStopped: once the Committer has stopped, messages are answered still.
func TestStopped(t *testing.T) {
	log := &memoryLog{}
	commit := ingest.NewCommitter(log, ingest.CommitterOptions{})
	a := ingest.NewAcceptor(ingest.AcceptorOptions{Registry: fleet(), Commit: commit, Log: log})
	ctx, cancel := contextWithCancel(t)
	cancel()
	if err := commit.Run(ctx); err != nil {
		t.Fatal(err)
	}
	d := &door{Acceptor: a, log: log}
	for _, m := range []struct{ topic, payload string }{{"telemetry", `{"temp":1}`}, {"event", "{}"}, {"telemetry", "rubbish"}} {
		if o := d.send(t, key("d1"), "fleet/acme/d1/"+m.topic, m.payload); !isUnavailable(o.Err) {
			t.Errorf("%s: outcome %+v", m.topic, o)
		}
	}
}

func TestCountersAndMetrics(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	log := &memoryLog{}
	commit := ingest.NewCommitter(log, ingest.CommitterOptions{Registerer: registry})
	a := ingest.NewAcceptor(ingest.AcceptorOptions{Registry: fleet(), Commit: commit, Log: log, Registerer: registry})
	ctx, cancel := contextWithCancel(t)
	stopped := make(chan error, 1)
	go func() { stopped <- commit.Run(ctx) }() // waited for below
	d := &door{Acceptor: a, log: log}
	d.telemetry(t, `[{"temp":1},{"temp":2},{"temp":999}]`)
	d.telemetry(t, "rubbish")
	d.send(t, key("d1"), "fleet/acme/d1/event", "{}")
	cancel()
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	d.telemetry(t, `{"temp":1}`)

	want := ingest.Counters{
		Received: 4, Stored: 2, Rejected: 1, Failed: 1, Readings: 2, Events: 1,
		DeadLetters: map[ingest.Reason]uint64{ingest.OutOfRange: 1, ingest.BadPayload: 1},
	}
	if diff := cmp.Diff(want, a.Counters()); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
	got := gather(t, registry)
	for name, want := range map[string]float64{
		"forecare_ingest_messages_total{failed}":             1,
		"forecare_ingest_messages_total{rejected}":           1,
		"forecare_ingest_messages_total{stored}":             2,
		"forecare_ingest_readings_total":                     2,
		"forecare_ingest_dead_letters_total{out_of_range}":   1,
		"forecare_ingest_dead_letters_total{unknown_metric}": 0,
		"forecare_ingest_messages_in_flight":                 0,
		"forecare_ingest_queue_bytes":                        0,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("metric %s = %v (there: %v), want %v", name, v, ok, want)
		}
	}
}

// gather reads counters and gauges as name{label value}.
func gather(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += "{" + l.GetValue() + "}"
			}
			out[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return out
}
