package broker_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/internal/broker"
	"github.com/forecare/forecare/internal/loadgen"
)

// BenchmarkDoor publishes at QoS 1 from many connections with a window of 20
// each; whatever comes is stored at once, or grouped every millisecond. It is
// what the door alone can do, with the load generator on the same cores.
func BenchmarkDoor(b *testing.B) {
	for _, conns := range []int{50, 1000} {
		for name, accept := range map[string]func(context.Context) func(ingest.Message, func(ingest.Outcome)){
			"at_once": atOnce, "grouped": grouped,
		} {
			b.Run(fmt.Sprintf("conns=%d/%s", conns, name), func(b *testing.B) { benchmarkDoor(b, conns, accept) })
		}
	}
}

func atOnce(context.Context) func(ingest.Message, func(ingest.Outcome)) {
	return func(_ ingest.Message, done func(ingest.Outcome)) { done(stored) }
}

// grouped answers all that has come in together, as group commit does.
func grouped(ctx context.Context) func(ingest.Message, func(ingest.Outcome)) {
	var mu sync.Mutex
	var waiting []func(ingest.Outcome)
	go func() { // ends with ctx
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			mu.Lock()
			due := waiting
			waiting = nil
			mu.Unlock()
			for _, done := range due {
				done(stored)
			}
		}
	}()
	return func(_ ingest.Message, done func(ingest.Outcome)) {
		mu.Lock()
		defer mu.Unlock()
		waiting = append(waiting, done)
	}
}

func benchmarkDoor(b *testing.B, conns int, accept func(context.Context) func(ingest.Message, func(ingest.Outcome))) {
	ctx, cancel := context.WithCancel(context.Background())
	registry := devices.NewRegistry()
	s := devices.Snapshot{Credentials: map[devices.Key][]string{}}
	for i := range conns {
		k := devices.Key{Tenant: "t", Device: fmt.Sprint("d", i)}
		s.Devices = append(s.Devices, devices.Device{Key: k})
		s.Credentials[k] = []string{devices.HashToken("token")}
	}
	registry.Replace(s)
	d, err := broker.New(broker.Options{Address: "127.0.0.1:0", Registry: registry, Accept: accept(ctx)})
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	defer func() { cancel(); <-ended }()

	var all []*loadgen.Conn
	var acked sync.WaitGroup
	for i := range conns {
		user := fmt.Sprint("t/d", i)
		c, err := loadgen.Dial(ctx, d.Addr().String(), "c", user, "token", 20, func(uint64, time.Duration) { acked.Done() })
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		all = append(all, c)
	}
	payload := []byte(`{"ts":1772625600000,"temp":21.4,"pressure":9.1,"flow":0.35,"power":1210.5,"k":12345,"state":"brewing","fw":"1.2.3"}`)
	acked.Add(b.N)
	cpu := cpuTime(b)
	b.ResetTimer()
	var wg sync.WaitGroup
	for i, c := range all {
		wg.Go(func() {
			topic := fmt.Sprintf("fleet/t/d%d/telemetry", i)
			for n := i; n < b.N; n += conns {
				if err := c.Publish(ctx, topic, payload); err != nil {
					b.Error(err)
					return
				}
			}
			if err := c.Flush(); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	acked.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
	b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/float64(b.N), "cpu-us/msg")
}

// cpuTime is what this process has used, generator included.
func cpuTime(b *testing.B) time.Duration {
	u, err := loadgen.ProcessUsage(os.Getpid())
	if err != nil {
		b.Skip(err)
	}
	return u.CPU
}
