package bus_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/internal/bus"
)

// TestFullLog refuses and forgets nothing; trimmed, it takes more. [TP-4.6]
func TestFullLog(t *testing.T) {
	b := open(t, bus.Options{MaxBytes: 1 << 20, KeepBytes: 1})
	body := bytes.Repeat(line(1), 2000)
	stored := 0
	var err error
	for err == nil && stored < 1000 {
		if err = b.AppendTelemetry(t.Context(), 0, body); err == nil {
			stored++
		}
	}
	if !isCode(err, devices.Unavailable) || !strings.Contains(devices.MessageOf(err), "full") {
		t.Fatalf("after %d appends: %v", stored, err)
	}
	s, err := b.Status(t.Context())
	if err != nil || s.Streams[0].Messages != uint64(stored) || s.Streams[0].Removed != 0 {
		t.Errorf("status %+v, %v; %d were stored", s.Streams, err, stored)
	}
	// The other streams have room of their own.
	if err := b.AppendDeadLetter(t.Context(), ingest.DeadLetter{Publisher: devices.Key{Tenant: "t", Device: "d"}}); err != nil {
		t.Errorf("dead letter: %v", err)
	}

	// Nobody has read it, so Trim removes nothing.
	if err := b.Trim(t.Context(), 1<<60); err != nil {
		t.Fatal(err)
	}
	if err := b.AppendTelemetry(t.Context(), 0, body); err == nil {
		t.Error("unread messages were trimmed")
	}
	read := make(chan int, 100)
	consumer := start(t, func(ctx context.Context) error {
		return b.ConsumeTelemetry(ctx, "writer", func(_ context.Context, m []ingest.LogMessage) error { read <- len(m); return nil })
	})
	for n := 0; n < stored; {
		n += receive(t, read)
	}
	consumer.stop(t)
	if err := b.Trim(t.Context(), 1<<60); err != nil {
		t.Fatal(err)
	}
	if err := b.AppendTelemetry(t.Context(), 0, body); err != nil {
		t.Errorf("after Trim: %v", err)
	}
}

// TestTooLargeAMessage is a fault like others, and does not end the connection.
func TestTooLargeAMessage(t *testing.T) {
	b := open(t, bus.Options{})
	if err := b.AppendTelemetry(t.Context(), 0, make([]byte, 2<<20)); !isCode(err, devices.Unavailable) {
		t.Errorf("%v", err)
	}
	appendLines(t, b, 0, 1, 1)
}

// TestAppendHonoursItsContext.
func TestAppendHonoursItsContext(t *testing.T) {
	b := open(t, bus.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.AppendTelemetry(ctx, 0, line(1)); !isCode(err, devices.Unavailable) {
		t.Errorf("%v", err)
	}
}

// TestTenantsInSubjects: every tenant has its own dead letters, whatever its
// name does to a subject. [TP-9.1]
func TestTenantsInSubjects(t *testing.T) {
	b := open(t, bus.Options{})
	tenants := []string{"acme", "a.b", "a", "b", "a:b", "a-b_c", "A", "*", ">", "a b", "%2E", "", "ü", "\x00\r\n"}
	for i, tenant := range tenants {
		d := ingest.DeadLetter{Publisher: devices.Key{Tenant: tenant, Device: "d"}, Detail: fmt.Sprint(i)}
		if err := b.AppendDeadLetter(t.Context(), d); err != nil {
			t.Fatalf("%q: %v", tenant, err)
		}
	}
	for i, tenant := range tenants {
		if tenant == "" {
			continue // means all in a query
		}
		got, err := b.DeadLetters(t.Context(), bus.DeadLetterQuery{Tenant: tenant})
		if err != nil || len(got) != 1 || got[0].Detail != fmt.Sprint(i) {
			t.Errorf("%q: %+v, %v", tenant, got, err)
		}
	}
	if got, err := b.DeadLetters(t.Context(), bus.DeadLetterQuery{}); err != nil || len(got) != len(tenants) {
		t.Errorf("all: %d, %v", len(got), err)
	}
}

// TestEscape: every string becomes one token that NATS takes, and comes back.
func TestEscape(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[A-Za-z0-9:._-]{1,64}`), rapid.StringMatching(`[%.0-9A-F*> ]{0,8}`)).Draw(rt, "s")
		token := bus.Escape(s)
		if token == "" || strings.ContainsAny(token, ".*> \t\r\n\x00") {
			rt.Fatalf("%q becomes %q", s, token)
		}
		if back, ok := bus.Unescape(token); !ok || back != s {
			rt.Fatalf("%q becomes %q becomes %q, %v", s, token, back, ok)
		}
	})
	for _, wrong := range []string{"", "%2", "a%", "%2e", "%41", "a.b", "%%"} {
		if s, ok := bus.Unescape(wrong); ok {
			t.Errorf("Unescape(%q) = %q", wrong, s)
		}
	}
}

// TestDeadLetterPages: newest first, page by page, per tenant and for all.
func TestDeadLetterPages(t *testing.T) {
	b := open(t, bus.Options{})
	for i := 1; i <= 30; i++ {
		d := ingest.DeadLetter{
			Seq: 99, Publisher: devices.Key{Tenant: []string{"a", "b", "b"}[i%3], Device: "d"}, Topic: "fleet/x", Reason: ingest.BadPayload,
			Detail: fmt.Sprint(i), Payload: []byte{0, 255, byte(i)}, Size: 3, Parts: 1, Received: time.Unix(int64(i), 0).UTC(),
		}
		if err := b.AppendDeadLetter(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	pages := func(tenant string) (all []uint64) {
		q := bus.DeadLetterQuery{Tenant: tenant, Limit: 7}
		for {
			page, err := b.DeadLetters(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				return all
			}
			for _, d := range page {
				if d.Detail != fmt.Sprint(d.Seq) || d.Payload[2] != byte(d.Seq) || tenant != "" && d.Publisher.Tenant != tenant {
					t.Errorf("%+v", d)
				}
				all = append(all, d.Seq)
			}
			q.Before = all[len(all)-1]
		}
	}
	var every, ofA []uint64
	for i := uint64(30); i > 0; i-- {
		every = append(every, i)
		if i%3 == 0 {
			ofA = append(ofA, i)
		}
	}
	if diff := cmp.Diff(every, pages("")); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ofA, pages("a")); diff != "" {
		t.Errorf("tenant a (-want +got):\n%s", diff)
	}
	for _, q := range []bus.DeadLetterQuery{{Tenant: "c"}, {Tenant: "a", Before: 1}, {Tenant: "a", Before: 3}, {Before: 1}} {
		if got, err := b.DeadLetters(t.Context(), q); err != nil || got == nil || len(got) != 0 {
			t.Errorf("%+v: %v, %v", q, got, err)
		}
	}
}

// TestFindingsAreStoredOnce. [TP-9.7]
func TestFindingsAreStoredOnce(t *testing.T) {
	dir := t.TempDir()
	finding := anomaly.Finding{ID: "f1", Revision: 1, Key: devices.Key{Tenant: "a.b", Device: "d"}, Size: 2.5}
	b, err := bus.Open(t.Context(), bus.Options{URL: url(dir)})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := b.PublishFinding(t.Context(), finding); err != nil {
			t.Fatal(err)
		}
	}
	shut(t, b)
	b = open(t, bus.Options{URL: url(dir)}) // also after a restart
	if err := b.PublishFinding(t.Context(), finding); err != nil {
		t.Fatal(err)
	}
	finding.Revision = 2
	if err := b.PublishFinding(t.Context(), finding); err != nil {
		t.Fatal(err)
	}
	got := make(chan anomaly.Finding, 10)
	start(t, func(ctx context.Context) error {
		return b.ConsumeFindings(ctx, "desk", func(_ context.Context, f anomaly.Finding) error { got <- f; return nil })
	})
	if first, second := receive(t, got), receive(t, got); first.Revision != 1 || first.Size != 2.5 || second.Revision != 2 {
		t.Errorf("%+v, %+v", first, second)
	}
	if s, err := b.Status(t.Context()); err != nil || s.Streams[2].Messages != 2 {
		t.Errorf("status %+v, %v", s, err)
	}
}
