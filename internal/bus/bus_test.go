package bus_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/internal/bus"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("FORECARE_BUS_VICTIM"); dir != "" {
		beVictim(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func url(dir string) string { return "embedded://" + filepath.ToSlash(dir) }

// open opens a bus that the test's end closes.
func open(t testing.TB, o bus.Options) *bus.Bus {
	t.Helper()
	if o.URL == "" {
		o.URL = url(t.TempDir())
	}
	b, err := bus.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { shut(t, b) })
	return b
}

func shut(t testing.TB, b *bus.Bus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func line(n int) []byte {
	return fmt.Appendf(nil, "telemetry,device=d,model=m,tenant=t x=%d %d\n", n, n)
}

func appendLines(t testing.TB, b *bus.Bus, shard, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		if err := b.AppendTelemetry(t.Context(), shard, line(i)); err != nil {
			t.Fatalf("AppendTelemetry: %v", err)
		}
	}
}

// running is a consumer in a goroutine.
type running struct {
	cancel context.CancelFunc
	done   chan error
}

func start(t testing.TB, run func(context.Context) error) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- run(ctx) }() // stop or the test's end waits for it
	t.Cleanup(func() { cancel(); <-r.done })
	return r
}

// stop ends it as Ctrl-C would.
func (r *running) stop(t testing.TB) {
	t.Helper()
	r.cancel()
	if err := r.wait(t); err != nil {
		t.Errorf("the consumer ended with %v", err)
	}
}

func (r *running) wait(t testing.TB) error {
	t.Helper()
	select {
	case err := <-r.done:
		r.done <- err // for the cleanup
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the consumer does not end")
		return nil
	}
}

// receive waits for the next value.
func receive[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing comes")
		panic("unreachable")
	}
}

func isCode(err error, code devices.Code) bool { return err != nil && devices.CodeOf(err) == code }

var _ ingest.Log = (*bus.Bus)(nil)
