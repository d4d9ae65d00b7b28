package mqtt_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/ingest/mqtt"
	"github.com/forecare/forecare/internal/broker"
	"github.com/forecare/forecare/internal/bus"
	"github.com/forecare/forecare/internal/loadgen"
)

// benchDevices is a fleet of n devices with four metrics.
func benchDevices(n int) *devices.Registry {
	s := devices.Snapshot{Credentials: map[devices.Key][]string{}, Models: []devices.Model{{Tenant: "acme", ID: "k2", Metrics: []devices.Metric{
		{Name: "temp"}, {Name: "flow"}, {Name: "pressure"}, {Name: "count"},
	}}}}
	for i := range n {
		k := benchKey(i)
		s.Devices = append(s.Devices, devices.Device{Key: k, Model: "k2"})
		s.Credentials[k] = []string{devices.HashToken(token(k))}
	}
	r := devices.NewRegistry()
	r.Replace(s)
	return r
}

func benchKey(i int) devices.Key { return devices.Key{Tenant: "acme", Device: "d" + strconv.Itoa(i)} }

var benchPayload = []byte(`{"ts": 1772366399123, "temp": 21.437, "flow": 3.0625, "pressure": 9.125, "count": 184467}`)

type server interface {
	Addr() net.Addr
	Run(ctx context.Context) error
}

type accept = func(ingest.Message, func(ingest.Outcome))

func instant(_ ingest.Message, done func(ingest.Outcome)) { done(ingest.Outcome{Stored: 1}) }

func ours(b *testing.B, r *devices.Registry, a accept) server {
	s, err := mqtt.New(mqtt.Options{Address: "127.0.0.1:0", Registry: r, Accept: a, Limits: mqtt.Limits{ConnectRate: 1e6, ConnectBurst: 1e6}})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func mochi(b *testing.B, r *devices.Registry, a accept) server {
	s, err := broker.New(broker.Options{Address: "127.0.0.1:0", Registry: r, Accept: a, Limits: broker.Limits{Handshakes: 10_000}})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func running(b *testing.B, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
}

// committed is Accept with the real ingest and the real log behind it.
func committed(b *testing.B, r *devices.Registry) (accept, func()) {
	log, err := bus.Open(context.Background(), bus.Options{URL: "embedded://" + b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	commit := ingest.NewCommitter(log, ingest.CommitterOptions{Shards: log.Shards()})
	stop := running(b, commit.Run)
	return ingest.NewAcceptor(ingest.AcceptorOptions{Registry: r, Commit: commit, Log: log}).Accept, func() {
		stop()
		if err := log.Close(context.Background()); err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkPuback is acknowledged messages of QoS 1 per second, from clients in
// the same process. The servers take turns, so that one busy minute of the
// machine spoils no comparison.
func BenchmarkPuback(b *testing.B) {
	for _, connections := range []int{50, 1000} {
		for _, log := range []string{"instant", "log"} {
			for _, s := range []struct {
				name string
				make func(*testing.B, *devices.Registry, accept) server
			}{{"ours", ours}, {"mochi", mochi}} {
				b.Run(fmt.Sprintf("%d/%s/%s", connections, log, s.name), func(b *testing.B) {
					r := benchDevices(connections)
					a, stop := instant, func() {}
					if log == "log" {
						a, stop = committed(b, r)
					}
					defer stop()
					door := s.make(b, r, a)
					defer running(b, door.Run)()
					publishAll(b, door.Addr().String(), connections, 20, 0)
				})
			}
		}
	}
}

// BenchmarkPaced is the latency of PUBACK at 10,000 messages per second from
// 1,000 connections.
func BenchmarkPaced(b *testing.B) {
	for _, log := range []string{"instant", "log"} {
		b.Run(log, func(b *testing.B) {
			r := benchDevices(1000)
			a, stop := instant, func() {}
			if log == "log" {
				a, stop = committed(b, r)
			}
			defer stop()
			door := ours(b, r, a)
			defer running(b, door.Run)()
			publishAll(b, door.Addr().String(), 1000, 20, 10_000)
		})
	}
}

// publishAll sends b.N messages and reports what became of them.
func publishAll(b *testing.B, address string, connections, window, rate int) {
	var latency loadgen.Histogram
	var left sync.WaitGroup
	var acked atomic.Int64
	conns := make([]*loadgen.Conn, connections)
	for i := range conns {
		k := benchKey(i)
		c, err := loadgen.Dial(context.Background(), address, "c", k.String(), token(k), window, func(_ uint64, after time.Duration) {
			latency.Add(after)
			acked.Add(1)
			left.Done()
		})
		if err != nil {
			b.Fatal(err)
		}
		conns[i] = c
		defer c.Close()
	}
	before, _ := loadgen.ProcessUsage(os.Getpid())
	b.ResetTimer()
	begin := time.Now()
	var senders sync.WaitGroup
	for i, c := range conns {
		n := b.N / connections
		if i < b.N%connections {
			n++
		}
		left.Add(n)
		senders.Go(func() {
			topic := "fleet/" + benchKey(i).String() + "/telemetry"
			for j := range n {
				if rate > 0 {
					due := begin.Add(time.Duration(j*connections+i) * time.Second / time.Duration(rate))
					<-time.After(time.Until(due))
				}
				if err := c.Publish(context.Background(), topic, benchPayload); err != nil {
					b.Error(err)
					return
				}
				if rate > 0 {
					_ = c.Flush()
				}
			}
			_ = c.Flush()
		})
	}
	senders.Wait()
	left.Wait()
	b.StopTimer()
	after, _ := loadgen.ProcessUsage(os.Getpid())
	b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "msg/s")
	b.ReportMetric((after.CPU-before.CPU).Seconds()/float64(b.N)*1e6, "cpu-s/M")
	b.ReportMetric(float64(latency.Quantile(0.5).Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(latency.Quantile(0.99).Microseconds())/1000, "p99-ms")
}

// BenchmarkIdle is the memory of a connection that has published once and is
// silent, both the server's end and what little the test's own needs.
func BenchmarkIdle(b *testing.B) {
	const connections = 2000
	for _, s := range []struct {
		name string
		make func(*testing.B, *devices.Registry, accept) server
	}{{"ours", ours}, {"mochi", mochi}} {
		b.Run(s.name, func(b *testing.B) {
			for b.Loop() {
				idle(b, connections, s.make)
			}
		})
	}
}

func idle(b *testing.B, connections int, open func(*testing.B, *devices.Registry, accept) server) {
	r := benchDevices(connections)
	door := open(b, r, instant)
	defer running(b, door.Run)()
	before := inUse()
	wires := make([]net.Conn, connections)
	for i := range wires {
		nc, err := net.Dial("tcp", door.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		defer nc.Close()
		wires[i] = nc
		w := &wire{net: nc, version: 4}
		_, _ = nc.Write(as(4, benchKey(i)).encode())
		_, _ = nc.Write(w.publication("fleet/"+benchKey(i).String()+"/telemetry", 1, 1, string(benchPayload)))
		var answer [8]byte
		for n := 0; n < len(answer); {
			m, err := nc.Read(answer[n:])
			if err != nil {
				b.Fatal(err)
			}
			n += m
		}
	}
	b.ReportMetric(float64(inUse()-before)/float64(connections), "B/conn")
}

// inUse is what the heap and the stacks hold.
func inUse() uint64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
