package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/internal/bus"
)

// sequences collects what a consumer is given.
type sequences struct {
	mu   sync.Mutex
	all  []uint64
	more chan struct{}
}

func newSequences() *sequences { return &sequences{more: make(chan struct{}, 1)} }

func (s *sequences) add(m ingest.LogMessage) {
	s.mu.Lock()
	s.all = append(s.all, m.Sequence)
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// until waits for that sequence to be the last.
func (s *sequences) until(t testing.TB, last uint64) []uint64 {
	t.Helper()
	for {
		s.mu.Lock()
		all := slices.Clone(s.all)
		s.mu.Unlock()
		if n := len(all); n > 0 && all[n-1] >= last {
			return all
		}
		receive(t, s.more)
	}
}

func numbers(from, to uint64) (out []uint64) {
	for i := from; i <= to; i++ {
		out = append(out, i)
	}
	return out
}

// TestConsumeTelemetry: everything in order, with its shard, body and time;
// the position survives a restart, and so does what was not dealt with.
func TestConsumeTelemetry(t *testing.T) {
	dir := t.TempDir()
	b, err := bus.Open(t.Context(), bus.Options{URL: url(dir), Shards: 4})
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now().Add(-time.Second)
	for i := 1; i <= 20; i++ {
		if err := b.AppendTelemetry(t.Context(), i%4, line(i)); err != nil {
			t.Fatal(err)
		}
	}
	got := newSequences()
	consumer := start(t, func(ctx context.Context) error {
		return b.ConsumeTelemetry(ctx, "writer", func(_ context.Context, ms []ingest.LogMessage) error {
			for _, m := range ms {
				if string(m.Body) != string(line(int(m.Sequence))) || m.Shard != int(m.Sequence)%4 || m.Stored.Before(before) || m.Stored.After(time.Now()) {
					t.Errorf("message %+v", m)
				}
				got.add(m)
			}
			return nil
		})
	})
	if diff := cmp.Diff(numbers(1, 20), got.until(t, 20)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	consumer.stop(t)
	appendLines(t, b, 0, 21, 25)

	// A handler that is interrupted: nothing of this counts as dealt with.
	interrupted := newSequences()
	consumer = start(t, func(ctx context.Context) error {
		return b.ConsumeTelemetry(ctx, "writer", func(ctx context.Context, ms []ingest.LogMessage) error {
			for _, m := range ms {
				interrupted.add(m)
			}
			<-ctx.Done()
			return ctx.Err()
		})
	})
	first := interrupted.until(t, 21)[0]
	consumer.stop(t)
	if first != 21 {
		t.Errorf("after the restart of the consumer it begins at %d, want 21", first)
	}
	shut(t, b)

	b = open(t, bus.Options{URL: url(dir), Shards: 4})
	appendLines(t, b, 0, 26, 30)
	again := newSequences()
	began := time.Now()
	start(t, func(ctx context.Context) error {
		return b.ConsumeTelemetry(ctx, "writer", func(_ context.Context, ms []ingest.LogMessage) error {
			for _, m := range ms {
				again.add(m)
			}
			return nil
		})
	})
	if diff := cmp.Diff(numbers(21, 30), again.until(t, 30)); diff != "" {
		t.Errorf("after the restart of the bus (-want +got):\n%s", diff)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("what was in work came again only after %v", took)
	}
}

// TestConsumeTelemetryRetries gives the same batch until it is dealt with, and
// nothing else meanwhile.
func TestConsumeTelemetryRetries(t *testing.T) {
	b := open(t, bus.Options{})
	appendLines(t, b, 0, 1, 3)
	var tries [][]uint64
	done := make(chan []ingest.LogMessage, 10)
	start(t, func(ctx context.Context) error {
		return b.ConsumeTelemetry(ctx, "writer", func(_ context.Context, ms []ingest.LogMessage) error {
			var try []uint64
			for _, m := range ms {
				try = append(try, m.Sequence)
			}
			if tries = append(tries, try); len(tries) < 3 {
				return errors.New("not now")
			}
			done <- slices.Clone(ms)
			return nil
		})
	})
	appendLines(t, b, 0, 4, 6)
	receive(t, done)
	if diff := cmp.Diff([][]uint64{tries[0], tries[0], tries[0]}, tries[:3]); diff != "" {
		t.Errorf("tries (-want +got):\n%s", diff)
	}
}

// TestConsumersAreIndependent, and Status says how far each is.
func TestConsumersAreIndependent(t *testing.T) {
	b := open(t, bus.Options{})
	appendLines(t, b, 0, 1, 10)
	got := newSequences()
	consume := func(ctx context.Context) error {
		return b.ConsumeTelemetry(ctx, "one", func(_ context.Context, ms []ingest.LogMessage) error {
			for _, m := range ms {
				got.add(m)
			}
			return nil
		})
	}
	c := start(t, consume)
	got.until(t, 10)
	c.stop(t)
	blocked := start(t, func(ctx context.Context) error {
		return b.ConsumeTelemetry(ctx, "two", func(ctx context.Context, _ []ingest.LogMessage) error { <-ctx.Done(); return ctx.Err() })
	})
	appendLines(t, b, 0, 11, 12)
	eventually(t, func() error {
		s, err := b.Status(t.Context())
		if err != nil {
			return err
		}
		want := []bus.ConsumerStatus{{Stream: "TELEMETRY", Name: "one", Acked: 10, Lag: 2}, {Stream: "TELEMETRY", Name: "two", Acked: 0, Lag: 12}}
		slices.SortFunc(s.Consumers, func(a, b bus.ConsumerStatus) int { return int(a.Lag) - int(b.Lag) })
		if diff := cmp.Diff(want, s.Consumers); diff != "" {
			return fmt.Errorf("consumers (-want +got):\n%s", diff)
		}
		return nil
	})
	blocked.stop(t)
}

// eventually polls, for what happens without a signal.
func eventually(t testing.TB, check func() error) {
	t.Helper()
	var err error
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		if err = check(); err == nil {
			return
		}
		<-tick.C
	}
	t.Fatal(err)
}

// TestReaders keep order and leave nothing out while their connection is cut
// again and again, also the durable one while its position is forgotten.
func TestReadersSurviveHiccups(t *testing.T) {
	b := open(t, bus.Options{URL: url(t.TempDir()) + "?listen=127.0.0.1:0"})
	reader := open(t, bus.Options{URL: b.ClientURL()})
	replayed, consumed := newSequences(), newSequences()
	start(t, func(ctx context.Context) error {
		return reader.ReplayTelemetry(ctx, 0, func(_ context.Context, m ingest.LogMessage) error { replayed.add(m); return nil })
	})
	start(t, func(ctx context.Context) error {
		return reader.ConsumeTelemetry(ctx, "writer", func(_ context.Context, ms []ingest.LogMessage) error {
			for _, m := range ms {
				consumed.add(m)
			}
			return nil
		})
	})
	last := 0
	for round := range 6 {
		for range 40 {
			last++
			eventually(t, func() error { return b.AppendTelemetry(t.Context(), 0, line(last)) })
		}
		switch round {
		case 1, 3:
			if err := b.DropConnections(); err != nil {
				t.Fatal(err)
			}
		case 4:
			replayed.until(t, uint64(last))
			consumed.until(t, uint64(last))
			if err := b.Forget(t.Context(), "TELEMETRY", "writer"); err != nil {
				t.Fatal(err)
			}
		}
	}
	// An append whose confirmation was cut off may be there twice, so sequences
	// are counted and not lines.
	s, err := b.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	end := s.Streams[0].Last
	if end < uint64(last) {
		t.Fatalf("the log ends at %d, %d were confirmed", end, last)
	}
	for name, got := range map[string]*sequences{"replay": replayed, "consume": consumed} {
		if diff := cmp.Diff(numbers(1, end), got.until(t, end)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestReplayTelemetry(t *testing.T) {
	b := open(t, bus.Options{MaxBytes: 1 << 20, KeepBytes: 1})
	appendLines(t, b, 2, 1, 10)
	got := newSequences()
	replay := func(after uint64, into *sequences) *running {
		return start(t, func(ctx context.Context) error {
			return b.ReplayTelemetry(ctx, after, func(_ context.Context, m ingest.LogMessage) error {
				if m.Shard != 2 || string(m.Body) != string(line(int(m.Sequence))) {
					t.Errorf("message %+v", m)
				}
				into.add(m)
				return nil
			})
		})
	}
	r := replay(4, got)
	got.until(t, 10)
	appendLines(t, b, 2, 11, 12) // what comes later follows
	if diff := cmp.Diff(numbers(5, 12), got.until(t, 12)); diff != "" {
		t.Errorf("after 4 (-want +got):\n%s", diff)
	}
	r.stop(t)

	atEnd := newSequences()
	r = replay(12, atEnd)
	appendLines(t, b, 2, 13, 13)
	if diff := cmp.Diff(numbers(13, 13), atEnd.until(t, 13)); diff != "" {
		t.Errorf("from the end (-want +got):\n%s", diff)
	}
	r.stop(t)

	// The handler's own error comes back as it is.
	failure := errors.New("the engine stopped")
	r = start(t, func(ctx context.Context) error {
		return b.ReplayTelemetry(ctx, 0, func(context.Context, ingest.LogMessage) error { return failure })
	})
	if err := r.wait(t); err != failure { //nolint:errorlint // as it is
		t.Errorf("%v", err)
	}
	// A checkpoint from another log.
	r = start(t, func(ctx context.Context) error {
		return b.ReplayTelemetry(ctx, 14, func(context.Context, ingest.LogMessage) error { return nil })
	})
	if err := r.wait(t); !isCode(err, devices.Conflict) {
		t.Errorf("beyond the end: %v", err)
	}

	// What was trimmed is left out.
	consumed := newSequences()
	c := start(t, func(ctx context.Context) error {
		return b.ConsumeTelemetry(ctx, "writer", func(_ context.Context, ms []ingest.LogMessage) error {
			for _, m := range ms {
				consumed.add(m)
			}
			return nil
		})
	})
	consumed.until(t, 13)
	c.stop(t)
	if err := b.Trim(t.Context(), 8); err != nil {
		t.Fatal(err)
	}
	rest := newSequences()
	r = replay(2, rest)
	if diff := cmp.Diff(numbers(9, 13), rest.until(t, 13)); diff != "" {
		t.Errorf("after Trim (-want +got):\n%s", diff)
	}
	r.stop(t)
}

// TestTrim keeps what somebody needs, and what is to be kept. [TP-9.5]
func TestTrim(t *testing.T) {
	const size = 10_000
	b := open(t, bus.Options{MaxBytes: 100 * size, KeepBytes: 20 * size})
	body := make([]byte, size)
	for range 50 {
		if err := b.AppendTelemetry(t.Context(), 0, body); err != nil {
			t.Fatal(err)
		}
	}
	first := func() uint64 {
		t.Helper()
		s, err := b.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.Streams[0].Removed != s.Streams[0].First-1 {
			t.Errorf("status %+v", s.Streams[0])
		}
		return s.Streams[0].First
	}
	trim := func(upTo uint64) {
		t.Helper()
		if err := b.Trim(t.Context(), upTo); err != nil {
			t.Fatal(err)
		}
	}
	trim(50)
	if got := first(); got != 1 {
		t.Errorf("nobody has read: the first is %d", got)
	}
	read := func(durable string, upTo uint64) {
		got := newSequences()
		r := start(t, func(ctx context.Context) error {
			return b.ConsumeTelemetry(ctx, durable, func(ctx context.Context, ms []ingest.LogMessage) error {
				if ms[0].Sequence > upTo {
					<-ctx.Done()
					return ctx.Err()
				}
				for _, m := range ms {
					got.add(m)
				}
				return nil
			})
		})
		if upTo > 0 {
			got.until(t, upTo)
		}
		eventually(t, func() error {
			s, err := b.Status(t.Context())
			for _, c := range s.Consumers {
				if c.Name == durable && c.Acked >= upTo {
					return nil
				}
			}
			return fmt.Errorf("%s has not read: %w", durable, err)
		})
		r.stop(t)
	}
	read("slow", 0)
	read("writer", 50)
	trim(50)
	if got := first(); got != 1 {
		t.Errorf("one has read nothing: the first is %d", got)
	}
	read("slow", 50)
	trim(10)
	if got := first(); got != 11 {
		t.Errorf("a checkpoint at 10: the first is %d, want 11", got)
	}
	trim(50)
	if got := first(); got < 29 || got > 32 {
		t.Errorf("everyone has read: the first is %d, want about 31 so that 20 stay", got)
	}
	trim(50)
	if got := first(); got < 29 || got > 32 {
		t.Errorf("once more: the first is %d", got)
	}
}

// TestConsumeEvents: one at a time, in order, again and again until it is dealt
// with, and what comes after a restart is the same one.
func TestConsumeEvents(t *testing.T) {
	dir := t.TempDir()
	b, err := bus.Open(t.Context(), bus.Options{URL: url(dir)})
	if err != nil {
		t.Fatal(err)
	}
	event := func(i int) devices.Event {
		return devices.Event{
			Key: devices.Key{Tenant: "a.b", Device: "d"}, Kind: devices.EventAck, ID: fmt.Sprint(i),
			Received: time.Unix(int64(i), 0).UTC(), Payload: []byte(`{"ok":true}`),
		}
	}
	for i := 1; i <= 5; i++ {
		if err := b.AppendEvent(t.Context(), event(i)); err != nil {
			t.Fatal(err)
		}
	}
	given := make(chan devices.Event, 100)
	tries := 0
	c := start(t, func(ctx context.Context) error {
		return b.ConsumeEvents(ctx, "desk", func(_ context.Context, e devices.Event) error {
			given <- e
			if tries++; e.ID == "2" && tries < 4 {
				return errors.New("not now")
			}
			if e.ID == "4" {
				return errors.New("never")
			}
			return nil
		})
	})
	for _, want := range []int{1, 2, 2, 2, 3, 4} {
		if diff := cmp.Diff(event(want), receive(t, given)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	c.stop(t)
	shut(t, b)

	b = open(t, bus.Options{URL: url(dir)})
	after := make(chan devices.Event, 10)
	start(t, func(ctx context.Context) error {
		return b.ConsumeEvents(ctx, "desk", func(_ context.Context, e devices.Event) error { after <- e; return nil })
	})
	for _, want := range []int{4, 5} {
		if diff := cmp.Diff(event(want), receive(t, after)); diff != "" {
			t.Errorf("after a restart (-want +got):\n%s", diff)
		}
	}
}

// TestSignals: commands and notices reach everyone who listens.
func TestSignals(t *testing.T) {
	b := open(t, bus.Options{})
	command := devices.Command{ID: "c1", Key: devices.Key{Tenant: "a.b", Device: "d"}, Name: "recalibrate", Args: map[string]any{"to": 3.5}, Issued: time.Unix(1, 0).UTC()}
	commands, notices := make(chan devices.Command, 100), make(chan bus.Notice, 100)
	var ends []*running
	for range 2 {
		ends = append(ends,
			start(t, func(ctx context.Context) error { return b.Commands(ctx, func(c devices.Command) { commands <- c }) }),
			start(t, func(ctx context.Context) error { return b.Notices(ctx, func(n bus.Notice) { notices <- n }) }))
	}
	notice := bus.Notice{Kind: "case", Tenant: "a.b", ID: "k1", Text: "opened"}
	eventually(t, func() error { // until both listen
		for len(commands) > 0 {
			<-commands
		}
		if err := b.SendCommand(t.Context(), command); err != nil {
			return err
		}
		if len(commands) < 2 {
			return errors.New("not everyone heard the command")
		}
		return nil
	})
	if diff := cmp.Diff(command, receive(t, commands)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b.Notify(notice)
	for range 2 {
		if diff := cmp.Diff(notice, receive(t, notices)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	for _, r := range ends {
		r.stop(t)
	}
}

// TestFindingsKeepTheirOrder also with many of them.
func TestFindingsKeepTheirOrder(t *testing.T) {
	b := open(t, bus.Options{})
	for i := 1; i <= 600; i++ {
		if err := b.PublishFinding(t.Context(), anomaly.Finding{ID: "f", Revision: i, Key: devices.Key{Tenant: fmt.Sprint("t", i%3), Device: "d"}}); err != nil {
			t.Fatal(err)
		}
	}
	got := make(chan int, 600)
	start(t, func(ctx context.Context) error {
		return b.ConsumeFindings(ctx, "desk", func(_ context.Context, f anomaly.Finding) error { got <- f.Revision; return nil })
	})
	for i := 1; i <= 600; i++ {
		if r := receive(t, got); r != i {
			t.Fatalf("revision %d, want %d", r, i)
		}
	}
}
