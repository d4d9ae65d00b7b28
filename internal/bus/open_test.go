package bus_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/bus"
)

func TestOpenRefusesInWords(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		options bus.Options
		code    devices.Code
		says    string
	}{
		{"no URL", bus.Options{}, devices.Invalid, "embedded:///directory"},
		{"another scheme", bus.Options{URL: "kafka://x"}, devices.Invalid, "nats://"},
		{"no directory", bus.Options{URL: "embedded://"}, devices.Invalid, "embedded:///directory"},
		{"an option that is not", bus.Options{URL: url(t.TempDir()) + "?lisen=127.0.0.1:0"}, devices.Invalid, "?listen="},
		{"open to everyone", bus.Options{URL: url(t.TempDir()) + "?listen=0.0.0.0:4222"}, devices.Invalid, "loopback"},
		{"listen without a port", bus.Options{URL: url(t.TempDir()) + "?listen=127.0.0.1"}, devices.Invalid, "loopback"},
		{"unknown durability", bus.Options{URL: url(t.TempDir()), Durability: "async"}, devices.Invalid, "process or fsync"},
		{"replicated alone", bus.Options{URL: url(t.TempDir()), Durability: "replicated"}, devices.Invalid, "cluster"},
		{"fsync from afar", bus.Options{URL: "nats://127.0.0.1:1", Durability: "fsync"}, devices.Invalid, "that server"},
		{"keeps all", bus.Options{URL: url(t.TempDir()), MaxBytes: 1 << 20, KeepBytes: 1 << 20}, devices.Invalid, "less than"},
		{"nobody there", bus.Options{URL: "nats://127.0.0.1:1"}, devices.Unavailable, "cannot be reached"},
		{"a file for a directory", bus.Options{URL: url(file)}, devices.Invalid, "directory"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b, err := bus.Open(t.Context(), test.options)
			if b != nil {
				shut(t, b)
			}
			if !isCode(err, test.code) || !strings.Contains(devices.MessageOf(err), test.says) {
				t.Errorf("%v (%s), want %s and %q", err, devices.CodeOf(err), test.code, test.says)
			}
		})
	}
}

// TestOneProcessPerDirectory: two servers on one directory would destroy it.
func TestOneProcessPerDirectory(t *testing.T) {
	dir := t.TempDir()
	b := open(t, bus.Options{URL: url(dir)})
	if _, err := bus.Open(t.Context(), bus.Options{URL: url(dir)}); !isCode(err, devices.Conflict) {
		t.Errorf("a second time: %v", err)
	}
	if err := b.Ready(); err != nil {
		t.Errorf("Ready: %v", err)
	}
}

// TestOpenIsQuick, the second time with what was stored; and after Close the
// directory is free, the bus says that it is not ready, and appends fail.
func TestOpenIsQuick(t *testing.T) {
	dir := t.TempDir()
	for round := range 2 {
		began := time.Now()
		b, err := bus.Open(t.Context(), bus.Options{URL: url(dir), Registerer: prometheus.NewPedanticRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("round %d: open after %v", round, time.Since(began))
		if took := time.Since(began); took > 5*time.Second { // 20 ms on an idle machine
			t.Errorf("opening took %v", took)
		}
		appendLines(t, b, 0, 1, 100)
		shut(t, b)
		if err := b.Ready(); !isCode(err, devices.Unavailable) {
			t.Errorf("Ready after Close: %v", err)
		}
		if err := b.AppendTelemetry(t.Context(), 0, line(1)); !isCode(err, devices.Unavailable) {
			t.Errorf("append after Close: %v", err)
		}
	}
}

// TestDurabilities: each level opens, stores and says what it is, and a
// directory can change its level.
func TestDurabilities(t *testing.T) {
	dir := t.TempDir()
	for i, d := range []struct{ asked, is string }{{"fsync", "fsync"}, {"process", "process"}, {"", "process"}} {
		b, err := bus.Open(t.Context(), bus.Options{URL: url(dir), Durability: d.asked})
		if err != nil {
			t.Fatal(err)
		}
		appendLines(t, b, 0, 1, 10)
		s, err := b.Status(t.Context())
		if err != nil || s.Durability != d.is || b.Durability() != d.is {
			t.Errorf("durability %q, want %q: %v", s.Durability, d.is, err)
		}
		if got := s.Streams[0].Messages; got != uint64(10*(i+1)) {
			t.Errorf("%d messages, want %d", got, 10*(i+1))
		}
		shut(t, b)
	}
}

// TestListen: with ?listen a second process on this machine reaches the same
// log, and what one stores the other reads.
func TestListen(t *testing.T) {
	b := open(t, bus.Options{URL: url(t.TempDir()) + "?listen=127.0.0.1:0"})
	other := open(t, bus.Options{URL: b.ClientURL()})
	appendLines(t, other, 3, 1, 5)
	s, err := b.Status(t.Context())
	if err != nil || s.Streams[0].Messages != 5 {
		t.Errorf("status %+v, %v", s, err)
	}
	if s, err := other.Status(t.Context()); err != nil || s.Durability != "" {
		t.Errorf("status from afar %+v, %v", s, err)
	}
}
