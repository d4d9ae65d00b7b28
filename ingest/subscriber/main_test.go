package subscriber_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/ingest/subscriber"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		runChild()
		return
	}
	goleak.VerifyTestMain(m)
}

// memoryLog is the log: it keeps what it is given, unless it is away.
type memoryLog struct {
	mu     sync.Mutex
	away   bool
	lines  map[reading]int // how often each was stored
	order  []reading
	dead   []ingest.DeadLetter
	events []devices.Event
}

var errAway = devices.Errorf(devices.Unavailable, "the log is away")

func (l *memoryLog) setAway(away bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = away
}

func (l *memoryLog) put(store func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		return errAway
	}
	store()
	return nil
}

func (l *memoryLog) AppendTelemetry(_ context.Context, _ int, lines []byte) error {
	return l.put(func() {
		for line := range strings.Lines(string(lines)) {
			r := readLine(line)
			l.lines[r]++
			l.order = append(l.order, r)
		}
	})
}

func (l *memoryLog) AppendDeadLetter(_ context.Context, d ingest.DeadLetter) error {
	return l.put(func() { l.dead = append(l.dead, d) })
}

func (l *memoryLog) AppendEvent(_ context.Context, e devices.Event) error {
	return l.put(func() { l.events = append(l.events, e) })
}

// readLine reads telemetry,device=D,model=M,tenant=T temp=N TIME.
func readLine(line string) reading {
	_, rest, _ := strings.Cut(line, "device=")
	device, rest, _ := strings.Cut(rest, ",")
	_, rest, _ = strings.Cut(rest, "temp=")
	value, _, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(value)
	if err != nil {
		panic(fmt.Sprintf("%q: %v", line, err))
	}
	return reading{device, n}
}

func (l *memoryLog) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.lines)
}

// missing returns how many of them are not stored.
func (l *memoryLog) missing(acked map[reading]bool) (n int, example reading) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for r := range acked {
		if l.lines[r] == 0 {
			n++
			example = r
		}
	}
	return n, example
}

func (l *memoryLog) wantAll(t *testing.T, acked map[reading]bool) {
	t.Helper()
	if len(acked) == 0 {
		t.Fatal("nothing was acknowledged, so the test says nothing")
	}
	soon(t, func() error {
		if n, example := l.missing(acked); n > 0 {
			return fmt.Errorf("%d of %d acknowledged messages are not stored, %v for one", n, len(acked), example)
		}
		return nil
	})
}

func (l *memoryLog) deadLetters() []ingest.DeadLetter {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]ingest.DeadLetter(nil), l.dead...)
}

func (l *memoryLog) eventList() []devices.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]devices.Event(nil), l.events...)
}

// door is a subscriber in front of a log, with real ingest between.
type door struct {
	*subscriber.Subscriber
	t       *testing.T
	log     *memoryLog
	said    *syncBuffer
	metrics *prometheus.Registry
	stop    func()
}

func fleet() *devices.Registry {
	s := devices.Snapshot{Models: []devices.Model{
		{Tenant: "acme", ID: "k2", Metrics: []devices.Metric{{Name: "temp"}}},
		{Tenant: "globex", ID: "k2", Metrics: []devices.Metric{{Name: "temp"}}},
	}}
	for _, k := range []devices.Key{{Tenant: "acme", Device: "d1"}, {Tenant: "acme", Device: "d2"}, {Tenant: "acme", Device: "d3"}, {Tenant: "globex", Device: "d1"}} {
		s.Devices = append(s.Devices, devices.Device{Key: k, Model: "k2"})
	}
	r := devices.NewRegistry()
	r.Replace(s)
	return r
}

func newLog() *memoryLog { return &memoryLog{lines: map[reading]int{}} }

// openDoor runs a subscriber. Options may be changed before it is made.
func openDoor(t *testing.T, b *mosquitto, log *memoryLog, change ...func(*subscriber.Options)) *door {
	t.Helper()
	d := &door{t: t, log: log, said: &syncBuffer{}, metrics: prometheus.NewRegistry()}
	commit := ingest.NewCommitter(log, ingest.CommitterOptions{})
	acceptor := ingest.NewAcceptor(ingest.AcceptorOptions{Registry: fleet(), Commit: commit, Log: log})
	o := subscriber.Options{
		Broker: "mqtt://" + b.address, ClientID: "forecare-test", Accept: acceptor.Accept,
		Limits:     subscriber.Limits{Backoff: 10 * time.Millisecond, MaxBackoff: 200 * time.Millisecond},
		Logger:     slog.New(slog.NewTextHandler(d.said, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registerer: d.metrics,
	}
	for _, f := range change {
		f(&o)
	}
	s, err := subscriber.New(o)
	if err != nil {
		t.Fatal(err)
	}
	d.Subscriber = s
	ctx, cancel := context.WithCancel(context.Background())
	last, end := context.WithCancel(context.Background())
	ended, committed := make(chan error, 1), make(chan error, 1)
	go func() { committed <- commit.Run(last) }()
	go func() { ended <- s.Run(ctx) }()
	d.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Error("Run does not end")
		}
		end()
		<-committed
	})
	t.Cleanup(d.stop)
	return d
}

// ready waits until it is connected.
func (d *door) ready() *door {
	d.t.Helper()
	soon(d.t, d.Ready)
	return d
}

// notReady waits for a reason that contains want.
func (d *door) notReady(want string) {
	d.t.Helper()
	soon(d.t, func() error {
		err := d.Ready()
		if err == nil {
			return errors.New("it is ready")
		}
		if !strings.Contains(err.Error(), want) {
			return fmt.Errorf("it says %q, not %q", err, want)
		}
		if devices.CodeOf(err) != devices.Unavailable {
			return fmt.Errorf("%v is not Unavailable", err)
		}
		return nil
	})
}

// counted sums a metric over the labels that are not given as name=value.
func (d *door) counted(name string, labels ...string) float64 {
	d.t.Helper()
	families, err := d.metrics.Gather()
	if err != nil {
		d.t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != "forecare_subscriber_"+name {
			continue
		}
	metrics:
		for _, m := range f.GetMetric() {
			for _, want := range labels {
				found := false
				for _, l := range m.GetLabel() {
					found = found || l.GetName()+"="+l.GetValue() == want
				}
				if !found {
					continue metrics
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

func (d *door) wantCount(want float64, name string, labels ...string) {
	d.t.Helper()
	soon(d.t, func() error {
		if got := d.counted(name, labels...); got != want {
			return fmt.Errorf("%s %v is %v, want %v", name, labels, got, want)
		}
		return nil
	})
}
