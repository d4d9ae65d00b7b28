package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

// fakeStore answers as it is told.
type fakeStore struct {
	mu      sync.Mutex
	answers []error         // of the first writes; then nil
	bad     map[string]bool // lines it refuses
	tooBig  int             // bytes; 0 for no limit
	writes  []string        // that were asked for, with lines joined by |
	stored  []string        // lines, in order, again and again
}

func (s *fakeStore) Write(_ context.Context, lines []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := strings.SplitAfter(string(lines), "\n")
	all = all[:len(all)-1]
	s.writes = append(s.writes, strings.ReplaceAll(strings.TrimSpace(string(lines)), "\n", "|"))
	if len(s.answers) > 0 {
		err := s.answers[0]
		s.answers = s.answers[1:]
		if err != nil {
			return err
		}
	}
	if s.tooBig > 0 && len(lines) > s.tooBig {
		return &ingest.WriteError{Kind: ingest.TooBig, Err: errors.New("413")}
	}
	var refused error
	for _, line := range all { // a partial write stores the others, as InfluxDB does
		if s.bad[line] {
			refused = &ingest.WriteError{Kind: ingest.BadLines, Err: errors.New("400: field type conflict")}
		} else {
			s.stored = append(s.stored, line)
		}
	}
	return refused
}

func deviceLine(device string, second int) string {
	return fmt.Sprintf("telemetry,device=%s,model=k2,tenant=acme temp=1 %d\n", device, 1772366400000000000+int64(second)*1e9)
}

// messages makes log messages of one shard, each of the given lines.
func messages(shard int, bodies ...string) []ingest.LogMessage {
	var out []ingest.LogMessage
	for i, b := range bodies {
		out = append(out, ingest.LogMessage{Sequence: uint64(i + 1), Shard: shard, Body: []byte(b), Stored: received})
	}
	return out
}

func TestWriterJoinsMessages(t *testing.T) {
	a, b, c, d := deviceLine("a", 1), deviceLine("a", 2), deviceLine("a", 3), deviceLine("a", 4)
	store := &fakeStore{}
	w := ingest.NewWriter(store, &memoryLog{}, ingest.WriterOptions{MaxLines: 3})
	msgs := messages(0, a, b+c, d)
	msgs = append(msgs, ingest.LogMessage{Sequence: 9, Shard: 0})
	if err := w.Handle(t.Context(), msgs); err != nil {
		t.Fatal(err)
	}
	want := []string{strings.TrimSpace(strings.ReplaceAll(a+b+c, "\n", "|")), strings.TrimSpace(d)}
	want[0] = strings.TrimSuffix(want[0], "|")
	if diff := cmp.Diff(want, store.writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	if s := w.Status(); s.Lines != 4 || s.State != ingest.Storing || s.Lag != 0 {
		t.Errorf("status %+v", s)
	}
	if err := w.Handle(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// TestWriterBuriesBadLines: the bad lines are found, and only they do not get
// into the store. [TP-5.14]
func TestWriterBuriesBadLines(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(rt, "lines")
		bad := map[string]bool{}
		var bodies []string
		var good, refused []string
		for i := range n {
			line := deviceLine("a", i)
			if rapid.IntRange(0, 5).Draw(rt, "bad") == 0 {
				bad[line] = true
				refused = append(refused, line)
			} else {
				good = append(good, line)
			}
			bodies = append(bodies, line)
		}
		tooBig := rapid.SampledFrom([]int{0, 100, 300, 1000}).Draw(rt, "tooBig")
		store, dead := &fakeStore{bad: bad, tooBig: tooBig}, &memoryLog{}
		w := ingest.NewWriter(store, dead, ingest.WriterOptions{})
		if err := w.Handle(context.Background(), messages(3, bodies...)); err != nil {
			rt.Fatal(err)
		}
		if got := distinct(store.stored); !slices.Equal(got, good) {
			rt.Fatalf("stored %q, want %q", got, good)
		}
		var letters []string
		for _, d := range dead.dead {
			letters = append(letters, string(d.Payload))
			if d.Reason != ingest.StoreRefused || !strings.Contains(d.Detail, "field type conflict") || d.Publisher != key("a") ||
				d.Topic != "fleet/acme/a/telemetry" || d.Parts != 1 || !d.Received.Equal(received) {
				rt.Fatalf("dead letter %+v", d)
			}
		}
		if !slices.Equal(letters, refused) {
			rt.Fatalf("dead letters %q, want %q", letters, refused)
		}
		if s := w.Status(); int(s.Refused) != len(refused) || w.Ready() != nil {
			rt.Fatalf("status %+v", s)
		}
	})
}

// distinct returns each line once, in the order of its first writing.
func distinct(lines []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, l := range lines {
		if !seen[l] {
			seen[l] = true
			out = append(out, l)
		}
	}
	return out
}

// TestALineTooBigIsBuried: nobody can make it smaller.
func TestALineTooBigIsBuried(t *testing.T) {
	store, dead := &fakeStore{tooBig: 10}, &memoryLog{}
	w := ingest.NewWriter(store, dead, ingest.WriterOptions{})
	if err := w.Handle(t.Context(), messages(0, deviceLine("a", 1)+deviceLine("a", 2))); err != nil {
		t.Fatal(err)
	}
	if len(dead.dead) != 2 || len(store.stored) != 0 {
		t.Errorf("%d dead letters, stored %q", len(dead.dead), store.stored)
	}
}

// TestWriterWaits: while the store is busy or away, and also if nobody knows
// what its error means, the same is given again, after the time it asks for.
func TestWriterWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := func(after time.Duration) error {
			return &ingest.WriteError{Kind: ingest.Busy, After: after, Err: errors.New("503")}
		}
		store := &fakeStore{answers: []error{busy(0), errors.New("broken pipe"), busy(7 * time.Second), busy(0)}}
		w := ingest.NewWriter(store, &memoryLog{}, ingest.WriterOptions{})
		began := time.Now()
		done := make(chan error, 1)
		go func() { done <- w.Handle(t.Context(), messages(0, deviceLine("a", 1))) }() // received below

		synctest.Wait()
		if s := w.Status(); s.State != ingest.Waiting || !strings.Contains(s.Detail, "wait in the log") || w.Ready() != nil {
			t.Errorf("while it is busy: %+v, ready %v", s, w.Ready())
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 200*time.Millisecond+400*time.Millisecond+7*time.Second+1600*time.Millisecond {
			t.Errorf("took %v", took)
		}
		if len(store.writes) != 5 || len(distinct(store.writes)) != 1 || len(store.stored) != 1 {
			t.Errorf("writes %q", store.writes)
		}
		if s := w.Status(); s.State != ingest.Storing || s.Detail != "" {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

// TestWriterHalts: where a person has to act it says so once, keeps everything
// and looks every 30 s whether they have.
func TestWriterHalts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		no := &ingest.WriteError{Kind: ingest.Refused, Err: errors.New("401: unauthorized access")}
		store := &fakeStore{answers: []error{no, no, no}}
		var log bytes.Buffer
		w := ingest.NewWriter(store, &memoryLog{}, ingest.WriterOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		began := time.Now()
		done := make(chan error, 1)
		go func() { done <- w.Handle(t.Context(), messages(0, deviceLine("a", 1))) }() // received below
		<-time.After(time.Minute + time.Second)
		err := w.Ready()
		if !isUnavailable(err) || !strings.Contains(devices.MessageOf(err), "token") || w.Status().State != ingest.Halted {
			t.Errorf("ready: %v", err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 90*time.Second {
			t.Errorf("took %v", took)
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
			t.Errorf("%d errors in the log:\n%s", n, log.String())
		}
		if w.Ready() != nil || len(store.stored) != 1 {
			t.Errorf("afterwards: ready %v, stored %q", w.Ready(), store.stored)
		}
	})
}

// TestWriterStopsInTheMiddle: what is not stored is not said to be.
func TestWriterStopsInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, kind := range []ingest.WriteErrorKind{ingest.Busy, ingest.Refused} {
			never := &ingest.WriteError{Kind: kind, After: time.Hour, Err: errors.New("no")}
			store := &fakeStore{answers: slices.Repeat([]error{never}, 1000)}
			w := ingest.NewWriter(store, &memoryLog{}, ingest.WriterOptions{})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			if err := w.Handle(ctx, messages(0, deviceLine("a", 1))); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("kind %d: %v", kind, err)
			}
			cancel()
		}
		dead := &memoryLog{fail: func(string) error { return errFull }}
		w := ingest.NewWriter(&fakeStore{bad: map[string]bool{deviceLine("a", 1): true}}, dead, ingest.WriterOptions{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := w.Handle(ctx, messages(0, deviceLine("a", 1))); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no dead letter: %v", err)
		}
		if s := w.Status(); s.State != ingest.Waiting || s.Refused != 0 {
			t.Errorf("no dead letter: %+v", s)
		}
	})
}

// TestShardsSideBySide: a shard's messages are written in order, and a shard
// that waits does not hold up one of the other half.
func TestShardsSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bodies []ingest.LogMessage
		for i := range 48 {
			shard := i / 3 % 4
			bodies = append(bodies, ingest.LogMessage{Shard: shard, Body: []byte(deviceLine(fmt.Sprint("s", shard), i)), Stored: time.Now().Add(-time.Minute)})
		}
		store := &fakeStore{answers: []error{&ingest.WriteError{Kind: ingest.Busy, After: time.Hour, Err: errors.New("503")}}}
		w := ingest.NewWriter(store, &memoryLog{}, ingest.WriterOptions{MaxLines: 4})
		done := make(chan error, 1)
		go func() { done <- w.Handle(t.Context(), bodies) }() // received below
		synctest.Wait()
		store.mu.Lock()
		if n := len(distinct(store.stored)); n != 24 {
			t.Errorf("%d lines are stored while one half waits", n)
		}
		store.mu.Unlock()
		if lag := w.Status().Lag; lag != time.Minute {
			t.Errorf("lag %v", lag)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		perShard := map[string][]string{}
		for _, l := range store.stored {
			perShard[l[:19]] = append(perShard[l[:19]], l)
		}
		for shard, lines := range perShard {
			if len(lines) != 12 || !slices.IsSorted(lines) {
				t.Errorf("%s: %q", shard, lines)
			}
		}
	})
}
