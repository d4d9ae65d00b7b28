package proving_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/internal/proving"
)

// TestWrongInputEndsInTheDeadLetters sends what is wrong in every way over
// sockets, in both versions of MQTT, and finds each of it, with its reason, in
// the dead letters of the REST API. Good input in between is stored.
func TestWrongInputEndsInTheDeadLetters(t *testing.T) {
	needsBinaries(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := newCohort(3, nil)
	dir := t.TempDir()
	fleet, err := proving.Register(ctx, dir, c.fleet())
	if err != nil {
		t.Fatal(err)
	}
	p, err := proving.Start(ctx, built.forecare, dir, environment("127.0.0.1:0", "127.0.0.1:0", freeAddress(t))...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	if err := p.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	me := c.key(0)
	own := "fleet/acme/d00/telemetry"
	recent := time.Now().Add(-time.Hour).Unix()
	big := append(append([]byte(`{"level":1,"pad":"`), bytes.Repeat([]byte("x"), 2<<20)...), `"}`...)
	tests := []struct {
		name, topic, payload string
		reason               ingest.Reason // "" for none
		code                 byte          // MQTT 5
	}{
		{"good [TP-4.3]", own, fmt.Sprintf(`{"ts":%d,"level":60}`, recent), "", 0},
		{"no topic of ours [TP-5.1]", "home/kitchen/temperature", `{"level":60}`, "bad_topic", 0x90},
		{"a foreign device [TP-5.2]", "fleet/acme/d01/telemetry", `{"level":60}`, "not_authorized", 0x87},
		{"a foreign tenant [TP-5.2]", "fleet/other/d00/telemetry", `{"level":60}`, "not_authorized", 0x87},
		{"a command, which goes down only [TP-5.2]", "fleet/acme/d00/cmd/c1", `{}`, "not_authorized", 0x87},
		{"a device that nobody knows [TP-5.3]", "fleet/acme/d99/telemetry", `{"level":60}`, "unknown_device", 0x87},
		{"2 MB [TP-5.5] [TP-7.2]", own, string(big), "too_large", 0x97},
		{"no JSON [TP-5.7]", own, `the level is 60`, "bad_payload", 0x99},
		{"half of JSON [TP-5.7]", own, `{"level":60`, "bad_payload", 0x99},
		{"nothing [TP-5.11]", own, ``, "no_fields", 0x99},
		{"an unknown metric [TP-5.8]", own, `{"level":60,"colour":3}`, "unknown_metric", 0x99},
		{"NaN [TP-5.9] [TP-3.7]", own, `{"level":NaN}`, "not_a_number", 0x99},
		{"NaN in line protocol [TP-3.12]", own, `telemetry level=NaN`, "not_a_number", 0x99},
		{"a text [TP-5.9]", own, `{"level":"60"}`, "not_a_number", 0x99},
		{"out of range [TP-5.10]", own, `{"level":1000}`, "out_of_range", 0x99},
		{"no metric [TP-5.11]", own, fmt.Sprintf(`{"ts":%d}`, recent), "no_fields", 0x99},
		{"1970 [TP-5.12]", own, `{"ts":12,"level":60}`, "clock_past", 0x99},
		{"tomorrow [TP-5.13]", own, fmt.Sprintf(`{"ts":%d,"level":60}`, time.Now().Add(24*time.Hour).Unix()), "clock_future", 0x99},
		{"one bad of two [TP-5.16]", own, fmt.Sprintf(`[{"ts":%d,"level":61},{"ts":%d,"level":-99}]`, recent+60, recent+120), "out_of_range", 0},
	}
	var want []letter
	for _, version := range []byte{4, 5} {
		w := dialWire(t, p.MQTT, version)
		if code := w.connect(t, me.String(), fleet.Tokens[me]); code != 0 {
			t.Fatalf("MQTT version %d: CONNACK %#x", version, code)
		}
		for _, tt := range tests {
			code := tt.code
			if version == 4 {
				code = 0 // 3.1.1 knows no other
			}
			got, err := w.publish(t, tt.topic, []byte(tt.payload))
			if err != nil || got.kind != 0x40 || got.code() != code {
				t.Fatalf("%s, MQTT version %d: got % x (%v), want a PUBACK %#x", tt.name, version, got, err, code)
			}
			if tt.reason == "" {
				continue
			}
			l := letter{Publisher: me.String(), Topic: tt.topic, Reason: tt.reason, Payload: tt.payload, Size: len(tt.payload), Parts: 1}
			if tt.name == "one bad of two [TP-5.16]" { // only that is kept
				l.Payload = fmt.Sprintf(`{"ts":%d,"level":-99}`, recent+120)
				l.Size = len(l.Payload)
			}
			l.Payload = l.Payload[:min(len(l.Payload), 64<<10)]
			want = append([]letter{l}, want...)
		}
	}
	t.Run("dead letters", func(t *testing.T) { wantLetters(ctx, t, p, fleet.API, want) })
	t.Run("what was good is stored", func(t *testing.T) {
		for {
			n, err := p.Count(ctx, "level")
			if err == nil && n >= 2 {
				break
			}
			if wait(ctx, 100*time.Millisecond) != nil {
				t.Fatalf("%d readings are stored (%v)", n, err)
			}
		}
		got, err := p.Stored(ctx, tenant, "level")
		wanted := proving.Values{"d00": {recent * 1e9: 60, (recent + 60) * 1e9: 61}}
		if diff := cmp.Diff(wanted, got); diff != "" || err != nil {
			t.Errorf("stored (-want +got): %v\n%s", err, diff)
		}
	})
	t.Run("what never was a message", func(t *testing.T) {
		neverMessages(ctx, t, p, c, fleet)
		wantLetters(ctx, t, p, fleet.API, want)
	})
}

// neverMessages is what is refused without a dead letter: connections that are
// not let in, packets too large to be read, a device that is shut out.
func neverMessages(ctx context.Context, t *testing.T, p *proving.Process, c cohort, fleet proving.Registered) {
	t.Helper()
	me, other := c.key(0), c.key(1)
	for version, refused := range map[byte]byte{4: 4, 5: 0x86} {
		for _, as := range [][2]string{
			{me.String(), "wrong"}, {me.String(), fleet.Tokens[other]}, {"acme/nobody", fleet.Tokens[me]}, {"nobody", "wrong"},
		} {
			w := dialWire(t, p.MQTT, version)
			if code := w.connect(t, as[0], as[1]); code != refused {
				t.Errorf("[TP-2.2] MQTT version %d as %q: CONNACK %#x, want %#x", version, as[0], code, refused)
			}
			if got, err := w.receive(); !ended(4, 0, got, err) {
				t.Errorf("[TP-2.2] MQTT version %d as %q: the connection stays open", version, as[0])
			}
		}
		w := dialWire(t, p.MQTT, version)
		if code := w.connect(t, me.String(), fleet.Tokens[me]); code != 0 {
			t.Fatalf("CONNACK %#x", code)
		}
		got, err := w.publish(t, "fleet/acme/d00/telemetry", bytes.Repeat([]byte("x"), 5<<20))
		if !ended(version, 0x95, got, err) {
			t.Errorf("[TP-7.2] MQTT version %d: 5 MB are answered with % x (%v)", version, got, err)
		}
	}
	for version, refused := range map[byte]byte{4: 4, 5: 0x86} {
		w := dialWire(t, p.MQTT, version)
		if code := w.connect(t, other.String(), fleet.Tokens[other]); code != 0 {
			t.Fatalf("CONNACK %#x", code)
		}
		if err := p.REST(ctx, fleet.API, "POST", "/devices/"+other.Device+"/disable", nil, nil); err != nil {
			t.Fatal(err)
		}
		got, err := w.receive()
		if !ended(version, 0x87, got, err) {
			t.Errorf("[TP-2.6] MQTT version %d: a device that is disabled hears % x (%v)", version, got, err)
		}
		if code := dialWire(t, p.MQTT, version).connect(t, other.String(), fleet.Tokens[other]); code != refused {
			t.Errorf("[TP-2.2] MQTT version %d: a disabled device gets CONNACK %#x", version, code)
		}
		if err := p.REST(ctx, fleet.API, "POST", "/devices/"+other.Device+"/enable", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// ended reports whether the connection was ended as its version has it: with a
// DISCONNECT of that code in MQTT 5, without a word in 3.1.1.
func ended(version, code byte, got packet, err error) bool {
	if version == 5 {
		return err == nil && got.kind == 0xE0 && got.body[0] == code
	}
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// letter is a dead letter without what cannot be foretold.
type letter struct {
	Publisher, Topic string
	Reason           ingest.Reason
	Payload          string
	Size, Parts      int
}

// wantLetters wants exactly these dead letters, newest first. [TP-6.1]
func wantLetters(ctx context.Context, t *testing.T, p *proving.Process, token string, want []letter) {
	t.Helper()
	var list struct {
		Items []ingest.DeadLetter `json:"items"`
	}
	if err := p.REST(ctx, token, "GET", "/dead-letters?limit=500", nil, &list); err != nil {
		t.Fatal(err)
	}
	var got []letter
	for _, d := range list.Items {
		got = append(got, letter{d.Publisher.String(), d.Topic, d.Reason, string(d.Payload), d.Size, d.Parts})
		if len(strings.Fields(d.Detail)) < 3 || d.Received.IsZero() || d.Publisher == (devices.Key{}) {
			t.Errorf("the dead letter %d says %q, received %s", d.Seq, d.Detail, d.Received)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
}
