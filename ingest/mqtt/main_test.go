package mqtt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/ingest/mqtt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	pump    = devices.Key{Tenant: "acme", Device: "pump:1"}
	other   = devices.Key{Tenant: "acme", Device: "pump:2"}
	gateway = devices.Key{Tenant: "acme", Device: "gw"}
	behind  = devices.Key{Tenant: "acme", Device: "sensor.7"} // behind gateway
	foreign = devices.Key{Tenant: "globex", Device: "pump:1"}
	off     = devices.Key{Tenant: "acme", Device: "old"} // disabled
)

// token is the device's password in every test.
func token(k devices.Key) string { return "fc_token-of-" + k.Tenant + "-" + k.Device }

func snapshot() devices.Snapshot {
	s := devices.Snapshot{
		Models:      []devices.Model{{Tenant: "acme", ID: "k2", Metrics: []devices.Metric{{Name: "temp", Unit: "°C"}}}},
		Credentials: map[devices.Key][]string{},
	}
	for _, k := range []devices.Key{pump, other, gateway, behind, foreign, off} {
		d := devices.Device{Key: k, Model: "k2", Disabled: k == off}
		if k == behind {
			d.Gateway = gateway.Device
		}
		s.Devices = append(s.Devices, d)
		s.Credentials[k] = []string{devices.HashToken(token(k))}
	}
	return s
}

// door is a running server and what surrounds it.
type door struct {
	*mqtt.Server
	registry *devices.Registry
	metrics  *prometheus.Registry
	log      *record
	accept   *acceptor
	stop     func()
}

// open runs a server. Options may be changed before it is made.
func open(t *testing.T, change ...func(*mqtt.Options)) *door {
	t.Helper()
	d := &door{registry: devices.NewRegistry(), metrics: prometheus.NewRegistry(), log: &record{}, accept: &acceptor{}}
	d.registry.Replace(snapshot())
	o := mqtt.Options{
		Address: "127.0.0.1:0", Registry: d.registry, Accept: d.accept.accept, Logger: d.log.logger(), Registerer: d.metrics,
	}
	for _, f := range change {
		f(&o)
	}
	b, err := mqtt.New(o)
	if err != nil {
		t.Fatal(err)
	}
	d.Server = b
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	d.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(d.stop)
	return d
}

// acceptor plays ingest: it remembers every message and stores it at once,
// unless verdict says otherwise or is to be given by hand.
type acceptor struct {
	mu       sync.Mutex
	messages []ingest.Message
	verdict  func(ingest.Message) ingest.Outcome
	byHand   bool
	waiting  []func(ingest.Outcome)
}

func (a *acceptor) accept(m ingest.Message, done func(ingest.Outcome)) {
	a.mu.Lock()
	kept := m
	kept.Payload = bytes.Clone(m.Payload) // it is the server's again after done
	a.messages = append(a.messages, kept)
	if a.byHand {
		a.waiting = append(a.waiting, done)
		a.mu.Unlock()
		return
	}
	verdict := a.verdict
	a.mu.Unlock()
	o := ingest.Outcome{Stored: 1}
	if verdict != nil {
		o = verdict(m)
	}
	done(o)
}

// got returns the messages so far.
func (a *acceptor) got() []ingest.Message {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]ingest.Message(nil), a.messages...)
}

// settle answers the n-th message that waits.
func (a *acceptor) settle(n int, o ingest.Outcome) {
	a.mu.Lock()
	done := a.waiting[n]
	a.mu.Unlock()
	done(o)
}

// wait returns when so many messages have come.
func (a *acceptor) wait(t *testing.T, n int) []ingest.Message {
	t.Helper()
	soon(t, func() error {
		if got := len(a.got()); got < n {
			return fmt.Errorf("%d of %d messages came", got, n)
		}
		return nil
	})
	return a.got()
}

var errFull = ingest.Outcome{Err: errors.New("the log is full")}

// record keeps what was logged.
type record struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.String()
}

func (r *record) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// counted returns a counter or gauge, summed over the labels that are not given
// as name=value.
func (d *door) counted(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := d.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
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

func (d *door) wantCount(t *testing.T, want float64, name string, labels ...string) {
	t.Helper()
	soon(t, func() error {
		if got := d.counted(t, name, labels...); got != want {
			return fmt.Errorf("%s %v is %v, want %v", name, labels, got, want)
		}
		return nil
	})
}

// soon waits until ask answers nil and fails the test if that takes too long.
func soon(t *testing.T, ask func() error) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(10 * time.Second)
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("gave up: %v", err)
		}
	}
}
