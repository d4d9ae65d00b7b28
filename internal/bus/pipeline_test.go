package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/internal/bus"
)

// moodyStore refuses every third write and keeps lines otherwise.
type moodyStore struct {
	mu     sync.Mutex
	writes int
	lines  map[string]int
}

func (s *moodyStore) Write(_ context.Context, lines []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writes++; s.writes%3 == 0 {
		return &ingest.WriteError{Kind: ingest.Busy, After: time.Millisecond, Err: errors.New("503")}
	}
	for l := range strings.Lines(string(lines)) {
		s.lines[l]++
	}
	return nil
}

func (s *moodyStore) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.lines)
}

// TestFromDoorToStore: what a door was told is stored arrives in the store,
// although the store has its moods and everything is restarted in the middle.
func TestFromDoorToStore(t *testing.T) {
	const senders, each = 20, 60
	registry := devices.NewRegistry()
	snapshot := devices.Snapshot{Models: []devices.Model{{Tenant: "t", ID: "m", Metrics: []devices.Metric{{Name: "n"}}}}}
	for i := range senders {
		snapshot.Devices = append(snapshot.Devices, devices.Device{Key: devices.Key{Tenant: "t", Device: fmt.Sprint("d", i)}, Model: "m"})
	}
	registry.Replace(snapshot)
	dir, store := t.TempDir(), &moodyStore{lines: map[string]int{}}
	acknowledged := 0
	for round := range 3 {
		b, err := bus.Open(t.Context(), bus.Options{URL: url(dir)})
		if err != nil {
			t.Fatal(err)
		}
		writer := ingest.NewWriter(store, b, ingest.WriterOptions{MaxLines: 50})
		consumer := start(t, func(ctx context.Context) error { return b.ConsumeTelemetry(ctx, "writer", writer.Handle) })
		commit := ingest.NewCommitter(b, ingest.CommitterOptions{})
		committing := start(t, commit.Run)
		door := ingest.NewAcceptor(ingest.AcceptorOptions{Registry: registry, Commit: commit, Log: b})
		var sending sync.WaitGroup
		for i := range senders {
			sending.Go(func() {
				k := devices.Key{Tenant: "t", Device: fmt.Sprint("d", i)}
				for n := range each {
					sending.Add(1)
					payload := fmt.Appendf(nil, `{"n":%d,"ts":%d}`, n, 1772366400+round*each+n)
					m := ingest.Message{Publisher: k, Topic: "fleet/t/" + k.Device + "/telemetry", Payload: payload, Received: time.Unix(1772370000, 0)}
					door.Accept(m, func(o ingest.Outcome) {
						if o.Err != nil || o.Stored != 1 {
							t.Errorf("outcome %+v", o)
						}
						sending.Done()
					})
				}
			})
		}
		sending.Wait()
		acknowledged += senders * each
		if round == 2 {
			eventually(t, func() error {
				if got := store.count(); got != acknowledged {
					return fmt.Errorf("%d of %d readings are stored", got, acknowledged)
				}
				return nil
			})
		}
		consumer.stop(t)
		committing.stop(t)
		shut(t, b)
	}
}
