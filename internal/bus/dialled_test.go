package bus_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	neturl "net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/internal/bus"
)

// TestServerRestart: the log's server goes away and comes back. Meanwhile
// appends fail at once and the bus is not ready; then readers go on where they
// were.
func TestServerRestart(t *testing.T) {
	dir := t.TempDir()
	first, err := bus.Open(t.Context(), bus.Options{URL: url(dir) + "?listen=127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	at := first.ClientURL()
	b := open(t, bus.Options{URL: at})
	appendLines(t, b, 0, 1, 10)
	replayed, consumed := newSequences(), newSequences()
	start(t, func(ctx context.Context) error {
		return b.ReplayTelemetry(ctx, 0, func(_ context.Context, m ingest.LogMessage) error { replayed.add(m); return nil })
	})
	start(t, func(ctx context.Context) error {
		return b.ConsumeTelemetry(ctx, "writer", func(_ context.Context, ms []ingest.LogMessage) error {
			for _, m := range ms {
				consumed.add(m)
			}
			return nil
		})
	})
	replayed.until(t, 10)
	consumed.until(t, 10)
	shut(t, first)

	eventually(t, func() error {
		if b.Ready() == nil {
			return errors.New("it is ready without a server")
		}
		return nil
	})
	began := time.Now()
	if err := b.AppendTelemetry(t.Context(), 0, line(1)); !isCode(err, devices.Unavailable) || time.Since(began) > 5*time.Second {
		t.Errorf("without a server: %v after %v", err, time.Since(began))
	}

	parsed, err := neturl.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	open(t, bus.Options{URL: url(dir) + "?listen=" + parsed.Host})
	eventually(t, b.Ready)
	appendLines(t, b, 0, 11, 20)
	for name, got := range map[string]*sequences{"replay": replayed, "consume": consumed} {
		if diff := cmp.Diff(numbers(1, 20), got.until(t, 20)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// cluster starts three servers that know each other.
func cluster(t *testing.T) (servers []*server.Server, urls string) {
	t.Helper()
	var routes []*neturl.URL
	var ports []int
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // only after all ports are chosen, so that they differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		routes = append(routes, &neturl.URL{Scheme: "nats", Host: l.Addr().String()})
		l.Close()
	}
	var at []string
	for i := range 3 {
		s, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprint("n", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true,
			JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 1 << 40, DisableJetStreamBanner: true,
			Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: ports[i]}, Routes: routes,
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		servers = append(servers, s)
	}
	for _, s := range servers {
		if !s.ReadyForConnections(20 * time.Second) {
			t.Fatal("a server does not start")
		}
		at = append(at, strings.TrimPrefix(s.ClientURL(), "nats://"))
	}
	eventually(t, func() error {
		if !slices.ContainsFunc(servers, (*server.Server).JetStreamIsLeader) {
			return errors.New("the cluster has no leader")
		}
		return nil
	})
	return servers, "nats://" + strings.Join(at, ",")
}

// TestReplicated: with three servers nothing confirmed is lost, and reading
// goes on, when one of them is gone. [TP-9.6]
func TestReplicated(t *testing.T) {
	servers, urls := cluster(t)
	var b *bus.Bus
	eventually(t, func() (err error) { // until all three are in
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		b, err = bus.Open(ctx, bus.Options{URL: urls, Durability: bus.DurabilityReplicated})
		return err
	})
	t.Cleanup(func() { shut(t, b) })
	if b.Durability() != bus.DurabilityReplicated {
		t.Errorf("durability %q", b.Durability())
	}
	got := newSequences()
	start(t, func(ctx context.Context) error {
		return b.ConsumeTelemetry(ctx, "writer", func(_ context.Context, ms []ingest.LogMessage) error {
			for _, m := range ms {
				got.add(m)
			}
			return nil
		})
	})
	appendLines(t, b, 0, 1, 50)
	got.until(t, 50)
	servers[0].Shutdown()
	servers[0].WaitForShutdown()
	for i := 51; i <= 100; i++ {
		eventually(t, func() error { return b.AppendTelemetry(t.Context(), 0, line(i)) })
	}
	s, err := b.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	end := s.Streams[0].Last
	if end < 100 {
		t.Fatalf("the log ends at %d", end)
	}
	if diff := cmp.Diff(numbers(1, end), got.until(t, end)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestMetrics: the names are valid, and the log's state is among them; after
// Close a scrape neither fails nor waits.
func TestMetrics(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	b, err := bus.Open(t.Context(), bus.Options{URL: url(t.TempDir()), Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	appendLines(t, b, 0, 1, 3)
	gather := func() map[string]float64 {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]float64{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				name := f.GetName()
				for _, l := range m.GetLabel() {
					name += " " + l.GetValue()
				}
				out[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
		return out
	}
	got := gather()
	for name, want := range map[string]float64{
		"forecare_bus_stream_messages TELEMETRY":       3,
		"forecare_bus_stream_max_bytes TELEMETRY":      4 << 30,
		"forecare_bus_stream_removed_total DEADLETTER": 0,
		"forecare_bus_append_seconds TELEMETRY":        3,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s = %v (there: %v), want %v", name, v, ok, want)
		}
	}
	shut(t, b)
	if _, ok := gather()["forecare_bus_stream_messages TELEMETRY"]; ok {
		t.Error("a closed log still tells its size")
	}
}
