package outreach_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
	"github.com/forecare/forecare/outreach"
)

// void takes everything.
type void struct{}

func (void) Name() string     { return "email" }
func (void) Idempotent() bool { return false }
func (void) Send(context.Context, outreach.Envelope) (outreach.Receipt, error) {
	return outreach.Receipt{}, nil
}

// BenchmarkOutbox measures messages per second from the outbox to a channel
// that does nothing, on SQLite with an fsync for each commit: policy, lease,
// settlement and case event included.
func BenchmarkOutbox(b *testing.B) {
	for _, concurrency := range []int{16, 64} {
		b.Run(fmt.Sprintf("concurrency=%d", concurrency), func(b *testing.B) { benchmarkOutbox(b, concurrency) })
	}
}

func benchmarkOutbox(b *testing.B, concurrency int) {
	h := newHouse(b, sqlstoretest.Open(b))
	for i := range b.N {
		key := h.device(fmt.Sprintf("d%d", i))
		f := finding(key, "temp", 1, anomaly.Opened, noon)
		for len(f.Evidence.Time) < 240 { // as large as findings get
			f.Evidence.Time = append(f.Evidence.Time, noon)
			f.Evidence.Value = append(f.Evidence.Value, 93.123)
			f.Evidence.Lower = append(f.Evidence.Lower, 92.456)
			f.Evidence.Upper = append(f.Evidence.Upper, 94.789)
		}
		h.must(h.desk.HandleFinding(b.Context(), f))
	}
	d := h.dispatcher([]outreach.Channel{void{}}, func(o *outreach.DispatcherOptions) { o.Concurrency = concurrency })
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	b.ResetTimer()
	begun := time.Now()
	go func() { done <- d.Run(ctx) }() // waited for below
	for tick := time.NewTicker(20 * time.Millisecond); !h.empty(); {
		<-tick.C
	}
	b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "messages/s")
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

// BenchmarkFinding measures how long a finding takes that opens a case and
// writes an offer.
func BenchmarkFinding(b *testing.B) {
	h := newHouse(b, sqlstoretest.Open(b))
	fs := make([]anomaly.Finding, b.N)
	for i := range fs {
		fs[i] = finding(h.device(fmt.Sprintf("d%d", i)), "temp", 1, anomaly.Opened, noon)
	}
	b.ResetTimer()
	for _, f := range fs {
		h.must(h.desk.HandleFinding(b.Context(), f))
	}
}
