package bus_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/internal/bus"
)

// BenchmarkGroupCommit is the way from a decoded reading to its durable
// acknowledgement: 1,000 producers, each with one message in flight, or 20.
func BenchmarkGroupCommit(b *testing.B) {
	for _, durability := range []string{bus.DurabilityProcess, bus.DurabilityFsync} {
		for _, window := range []int{1, 20} {
			b.Run(fmt.Sprintf("%s/window=%d", durability, window), func(b *testing.B) { groupCommit(b, durability, 1000, window) })
		}
	}
}

func groupCommit(b *testing.B, durability string, producers, window int) {
	log := open(b, bus.Options{Durability: durability, MaxBytes: 64 << 30})
	commit := ingest.NewCommitter(log, ingest.CommitterOptions{})
	ctx, cancel := context.WithCancel(context.Background())
	var running, producing sync.WaitGroup
	running.Go(func() { _ = commit.Run(ctx) })
	b.ReportAllocs()
	b.ResetTimer()
	for p := range producers {
		share := b.N / producers
		if p < b.N%producers {
			share++
		}
		producing.Go(func() {
			k := devices.Key{Tenant: "acme", Device: fmt.Sprint("boiler-", p)}
			line := fmt.Appendf(nil, "telemetry,device=%s,model=k2,tenant=acme count=184467,flow=3.0625,on=1,temp=21.437 1772366399123000000\n", k.Device)
			free := make(chan struct{}, window)
			done := func(err error) {
				if err != nil {
					b.Error(err)
				}
				free <- struct{}{}
			}
			for range window {
				free <- struct{}{}
			}
			for range share {
				<-free
				commit.Append(k, line, done)
			}
			for range window {
				<-free
			}
		})
	}
	producing.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
	if s, err := log.Status(context.Background()); err == nil {
		b.ReportMetric(float64(b.N)/float64(s.Streams[0].Messages), "msgs/append")
	}
	cancel()
	running.Wait()
}

// BenchmarkConsume reads a backlog as the writer does.
func BenchmarkConsume(b *testing.B) {
	log := open(b, bus.Options{MaxBytes: 64 << 30})
	body := make([]byte, 0, 64<<10)
	for len(body) < 60<<10 {
		body = append(body, line(len(body))...)
	}
	b.SetBytes(int64(len(body)))
	for range b.N {
		if err := log.AppendTelemetry(b.Context(), 0, body); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	ctx, cancel := context.WithCancel(b.Context())
	n := 0
	err := log.ConsumeTelemetry(ctx, "writer", func(_ context.Context, ms []ingest.LogMessage) error {
		if n += len(ms); n == b.N {
			cancel()
		}
		return nil
	})
	if err != nil || n != b.N {
		b.Fatal(n, err)
	}
}
