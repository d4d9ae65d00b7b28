package ingest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// received is when the tests' messages come in: 2026-03-01T12:00:00Z.
var received = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const receivedNanos = "1772366400000000000"

func ptr(v float64) *float64 { return &v }

// fleet has a gateway with one device behind it, one on its own, one disabled,
// one without a model, and one of another tenant.
func fleet() *devices.Registry {
	model := devices.Model{Tenant: "acme", ID: "k2", Metrics: []devices.Metric{
		{Name: "temp", Unit: "°C", Min: ptr(-40), Max: ptr(120)},
		{Name: "flow", Unit: "l/min", Min: ptr(0)},
		{Name: "on", Unit: ""},
		{Name: "count", Unit: ""},
	}}
	device := func(tenant, id, model string) devices.Device {
		return devices.Device{Key: devices.Key{Tenant: tenant, Device: id}, Model: model}
	}
	behind := device("acme", "d2", "k2")
	behind.Gateway = "gw"
	offGateway := device("acme", "d3", "k2")
	offGateway.Gateway = "off"
	off := device("acme", "off", "k2")
	off.Disabled = true
	r := devices.NewRegistry()
	r.Replace(devices.Snapshot{
		Models:  []devices.Model{model},
		Devices: []devices.Device{device("acme", "d1", "k2"), device("acme", "gw", "k2"), behind, off, offGateway, device("acme", "new", "k3"), device("other", "d9", "k2")},
	})
	return r
}

// memoryLog is a Log that can fail and can be held.
type memoryLog struct {
	mu    sync.Mutex
	lines map[int][]string // per shard, one string per append
	dead  []ingest.DeadLetter
	event []devices.Event
	fail  func(what string) error // asked before each append
}

func (l *memoryLog) put(what string, store func()) error {
	l.mu.Lock()
	fail := l.fail
	l.mu.Unlock()
	if fail != nil {
		if err := fail(what); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	store()
	return nil
}

func (l *memoryLog) setFail(fail func(string) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = fail
}

func (l *memoryLog) AppendTelemetry(_ context.Context, shard int, lines []byte) error {
	return l.put("telemetry", func() {
		if l.lines == nil {
			l.lines = map[int][]string{}
		}
		l.lines[shard] = append(l.lines[shard], string(lines))
	})
}

func (l *memoryLog) AppendDeadLetter(_ context.Context, d ingest.DeadLetter) error {
	return l.put("dead letter", func() { l.dead = append(l.dead, d) })
}

func (l *memoryLog) AppendEvent(_ context.Context, e devices.Event) error {
	return l.put("event", func() { l.event = append(l.event, e) })
}

// text is all lines, shard after shard.
func (l *memoryLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out string
	for shard := range 8 {
		for _, s := range l.lines[shard] {
			out += s
		}
	}
	return out
}

// door is an Acceptor with everything behind it.
type door struct {
	*ingest.Acceptor
	log *memoryLog
}

func openDoor(t testing.TB, limits ingest.Limits) *door {
	t.Helper()
	d := &door{log: &memoryLog{}}
	commit := ingest.NewCommitter(d.log, ingest.CommitterOptions{})
	d.Acceptor = ingest.NewAcceptor(ingest.AcceptorOptions{Registry: fleet(), Commit: commit, Log: d.log, Limits: limits})
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- commit.Run(ctx) }() // the cleanup waits for it
	t.Cleanup(func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Errorf("Committer.Run: %v", err)
		}
	})
	return d
}

func key(device string) devices.Key { return devices.Key{Tenant: "acme", Device: device} }

// send waits for the outcome of one message.
func (d *door) send(t testing.TB, publisher devices.Key, topic, payload string) ingest.Outcome {
	t.Helper()
	out := make(chan ingest.Outcome, 2)
	d.Accept(ingest.Message{Publisher: publisher, Topic: topic, Payload: []byte(payload), Received: received}, func(o ingest.Outcome) { out <- o })
	select {
	case o := <-out:
		return o
	case <-time.After(10 * time.Second):
		t.Fatal("no outcome")
		return ingest.Outcome{}
	}
}

// telemetry sends d1's own.
func (d *door) telemetry(t testing.TB, payload string) ingest.Outcome {
	t.Helper()
	return d.send(t, key("d1"), "fleet/acme/d1/telemetry", payload)
}

func line(fields, nanos string) string {
	return "telemetry,device=d1,model=k2,tenant=acme " + fields + " " + nanos + "\n"
}

var errFull = devices.Errorf(devices.Unavailable, "the log is full")

func isUnavailable(err error) bool {
	e, ok := errors.AsType[*devices.Error](err)
	return ok && e.Code == devices.Unavailable
}

func contextWithCancel(t testing.TB) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return ctx, cancel
}
