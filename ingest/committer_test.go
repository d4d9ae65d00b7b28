package ingest_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

// fate is what the log does with one append.
type fate int

const (
	stores     fate = iota
	refuses         // nothing is stored
	storesMute      // stored, but the confirmation is lost
)

// plan is one random run: producers that each send messages of some lines, as
// fast as they can or one after the other, and a log that fails now and then.
type plan struct {
	shards, maxBytes, maxBody int
	producers                 [][]int // lines per message, per producer
	patient                   []bool  // waits for each outcome before the next
	fates                     []fate  // of the appends, over and over
	delays                    []int   // of the appends in ms, over and over
	stopAfter                 int     // ms, 0 for never
}

func drawPlan(t *rapid.T) plan {
	p := plan{
		shards:   rapid.IntRange(1, 3).Draw(t, "shards"),
		maxBytes: rapid.IntRange(200, 3000).Draw(t, "maxBytes"),
		maxBody:  rapid.IntRange(60, 600).Draw(t, "maxBody"),
		fates:    rapid.SliceOfN(rapid.SampledFrom([]fate{stores, stores, stores, refuses, storesMute}), 1, 12).Draw(t, "fates"),
		delays:   rapid.SliceOfN(rapid.IntRange(0, 20), 1, 5).Draw(t, "delays"),
	}
	p.producers = rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(1, 4), 1, 12), 1, 8).Draw(t, "producers")
	p.patient = rapid.SliceOfN(rapid.Bool(), len(p.producers), len(p.producers)).Draw(t, "patient")
	if rapid.Bool().Draw(t, "stops") {
		p.stopAfter = rapid.IntRange(1, 100).Draw(t, "stopAfter")
	}
	return p
}

// flakyLog stores what its plan lets it.
type flakyLog struct {
	memoryLog
	plan    plan
	commit  *ingest.Committer
	mu      sync.Mutex
	appends int
	fault   string
}

func (l *flakyLog) AppendTelemetry(ctx context.Context, shard int, lines []byte) error {
	l.mu.Lock()
	n := l.appends
	l.appends++
	if queued, most := l.commit.QueuedBytes(), l.plan.shards*l.plan.maxBytes; queued > most {
		l.fault = fmt.Sprintf("%d bytes are queued, more than %d", queued, most)
	}
	if len(lines) > l.plan.maxBody && strings.Count(string(lines), "\n") > 1 {
		l.fault = fmt.Sprintf("an append of %d bytes", len(lines))
	}
	if len(lines) == 0 || lines[len(lines)-1] != '\n' {
		l.fault = fmt.Sprintf("an append that is no whole lines: %q", lines)
	}
	l.mu.Unlock()
	<-time.After(time.Duration(l.plan.delays[n%len(l.plan.delays)]) * time.Millisecond)
	f := l.plan.fates[n%len(l.plan.fates)]
	if f == refuses {
		return errFull
	}
	if err := l.memoryLog.AppendTelemetry(ctx, shard, lines); err != nil {
		return err
	}
	if f == storesMute {
		return context.DeadlineExceeded
	}
	return nil
}

// outcomeOf is what a producer heard about one message.
type outcomeOf struct {
	calls int
	err   error
}

// TestCommitterKeepsItsWord: whatever the log does, every message is answered
// exactly once, nothing is acknowledged that is not stored, the lines of a
// device keep their order, and the queue keeps its bound, also when it stops in
// the middle. [TP-4.1] [TP-4.4] [TP-4.5]
func TestCommitterKeepsItsWord(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawPlan(rt)
		var fault string
		synctest.Test(t, func(*testing.T) { fault = runPlan(p) })
		if fault != "" {
			rt.Fatalf("%s\nplan %+v", fault, p)
		}
	})
}

func lineOf(producer, message, line int) string {
	return fmt.Sprintf("p%d m%d l%d %s\n", producer, message, line, strings.Repeat("x", 20))
}

func runPlan(p plan) string {
	log := &flakyLog{plan: p}
	log.commit = ingest.NewCommitter(log, ingest.CommitterOptions{Shards: p.shards, MaxBytes: p.maxBytes, MaxBody: p.maxBody})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if p.stopAfter > 0 {
		time.AfterFunc(time.Duration(p.stopAfter)*time.Millisecond, cancel)
	}
	var running, producing sync.WaitGroup
	running.Go(func() { _ = log.commit.Run(ctx) })

	var mu sync.Mutex
	heard := make([][]outcomeOf, len(p.producers))
	for who, messages := range p.producers {
		heard[who] = make([]outcomeOf, len(messages))
		producing.Go(func() {
			k := devices.Key{Tenant: "t", Device: fmt.Sprint(who)}
			var answers sync.WaitGroup
			for i, n := range messages {
				var body strings.Builder
				for l := range n {
					body.WriteString(lineOf(who, i, l))
				}
				answers.Add(1)
				log.commit.Append(k, []byte(body.String()), func(err error) {
					mu.Lock()
					heard[who][i].calls++
					heard[who][i].err = err
					first := heard[who][i].calls == 1
					mu.Unlock()
					if first {
						answers.Done()
					}
				})
				if p.patient[who] {
					answers.Wait()
				}
			}
			answers.Wait()
		})
	}
	producing.Wait()
	cancel()
	running.Wait()
	if log.fault != "" {
		return log.fault
	}
	if n := log.commit.QueuedBytes(); n != 0 {
		return fmt.Sprintf("%d bytes are queued at the end", n)
	}
	return judge(p, log.lines, heard)
}

func judge(p plan, stored map[int][]string, heard [][]outcomeOf) string {
	for who, messages := range p.producers {
		shard := ingest.ShardOf(devices.Key{Tenant: "t", Device: fmt.Sprint(who)}, p.shards)
		body := strings.Join(stored[shard], "")
		at := -1
		for i, n := range messages {
			h := heard[who][i]
			if h.calls != 1 {
				return fmt.Sprintf("message %d of %d was answered %d times", i, who, h.calls)
			}
			if h.err != nil && !isUnavailable(h.err) {
				return fmt.Sprintf("message %d of %d: %v", i, who, h.err)
			}
			hole := false
			for l := range n {
				where := strings.Index(body, lineOf(who, i, l))
				if where < 0 {
					if h.err == nil {
						return fmt.Sprintf("message %d of %d was acknowledged, but line %d is not stored", i, who, l)
					}
					hole = true
					continue
				}
				if hole {
					return fmt.Sprintf("message %d of %d failed, but what was left of it was appended", i, who)
				}
				if where < at {
					return fmt.Sprintf("message %d of %d line %d is out of order", i, who, l)
				}
				at = where
			}
		}
	}
	return ""
}

// TestFullPipe: when the pipe is full, no further message enters it, and the
// next one does as soon as there is room. [TP-4.4]
func TestFullPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		log := &memoryLog{fail: func(string) error { <-hold; return nil }}
		commit := ingest.NewCommitter(log, ingest.CommitterOptions{Shards: 1, MaxBytes: 100})
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { _ = commit.Run(ctx) })

		thirty := []byte(strings.Repeat("x", 29) + "\n")
		var mu sync.Mutex
		entered, answered := 0, 0
		for range 8 {
			all.Go(func() {
				commit.Append(key("d1"), thirty, func(error) { mu.Lock(); answered++; mu.Unlock() })
				mu.Lock()
				entered++
				mu.Unlock()
			})
		}
		expect := func(when string, in, out int) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if entered != in || answered != out || commit.QueuedBytes() > 100 {
				t.Errorf("%s: %d have entered and %d were answered, want %d and %d; %d bytes queued", when, entered, answered, in, out, commit.QueuedBytes())
			}
		}
		expect("full", 3, 0)
		hold <- struct{}{} // whatever the first append held is done
		synctest.Wait()
		mu.Lock()
		if answered == 0 || entered != answered+3 {
			t.Errorf("after one append: %d have entered and %d were answered", entered, answered)
		}
		mu.Unlock()
		close(hold)
		expect("open", 8, 8)

		// Larger than the pipe: it enters when the pipe is empty.
		commit.Append(key("d1"), []byte(strings.Repeat("x", 500)+"\n"), func(err error) {
			if err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		cancel()
		all.Wait()
	})
}

// TestLargeMessagesAreNotOvertaken: while small messages come without end, a
// large one enters in its turn. [TP-4.4]
func TestLargeMessagesAreNotOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &memoryLog{fail: func(string) error { <-time.After(time.Millisecond); return nil }}
		commit := ingest.NewCommitter(log, ingest.CommitterOptions{Shards: 1, MaxBytes: 100})
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { _ = commit.Run(ctx) })
		small, large := []byte("0123456789012345678\n"), []byte(strings.Repeat("x", 94)+"\n")
		for range 20 {
			all.Go(func() {
				for ctx.Err() == nil {
					answer := make(chan error, 1)
					commit.Append(key("small"), small, func(err error) { answer <- err })
					<-answer
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		answer := make(chan error, 1)
		commit.Append(key("large"), large, func(err error) { answer <- err })
		if err := <-answer; err != nil || time.Since(began) > 10*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		cancel()
		all.Wait()
	})
}

// TestRubbishDoesNotDelayReadings: while dead letters wait for a slow log,
// readings of the same shard pass.
func TestRubbishDoesNotDelayReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		log := &memoryLog{fail: func(what string) error {
			if what == "dead letter" {
				<-hold
			}
			return nil
		}}
		commit := ingest.NewCommitter(log, ingest.CommitterOptions{})
		a := ingest.NewAcceptor(ingest.AcceptorOptions{Registry: fleet(), Commit: commit, Log: log})
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { _ = commit.Run(ctx) })
		var outcomes []string
		var mu sync.Mutex
		accept := func(payload string) {
			a.Accept(ingest.Message{Publisher: key("d1"), Topic: "fleet/acme/d1/telemetry", Payload: []byte(payload), Received: received}, func(o ingest.Outcome) {
				mu.Lock()
				outcomes = append(outcomes, fmt.Sprint(payload, " ", o.Err == nil))
				mu.Unlock()
			})
		}
		accept("rubbish")
		accept(`{"temp":1}`)
		synctest.Wait()
		mu.Lock()
		if got := strings.Join(outcomes, ";"); got != `{"temp":1} true` {
			t.Errorf("outcomes %q", got)
		}
		mu.Unlock()
		if c := a.Counters(); c.InFlight != 1 || c.Stored != 1 {
			t.Errorf("counters %+v", c)
		}
		close(hold)
		synctest.Wait()
		cancel()
		all.Wait()
		if len(outcomes) != 2 {
			t.Errorf("outcomes %q", outcomes)
		}
	})
}

// TestAppendsThatHang end with an error in time. [TP-4.4]
func TestAppendsThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := hangingLog{}
		commit := ingest.NewCommitter(log, ingest.CommitterOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { _ = commit.Run(ctx) })
		began := time.Now()
		answer := make(chan error, 1)
		commit.Append(key("d1"), []byte("x\n"), func(err error) { answer <- err })
		if err := <-answer; !isUnavailable(err) || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		cancel()
		all.Wait()
	})
}

// hangingLog never answers.
type hangingLog struct{}

func (hangingLog) AppendTelemetry(ctx context.Context, _ int, _ []byte) error { return hang(ctx) }
func (hangingLog) AppendDeadLetter(ctx context.Context, _ ingest.DeadLetter) error {
	return hang(ctx)
}
func (hangingLog) AppendEvent(ctx context.Context, _ devices.Event) error { return hang(ctx) }

func hang(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// TestShardOf pins the hash: the shards of a log outlive a release. [TP-9.2]
func TestShardOf(t *testing.T) {
	for device, want := range map[string]int{"d1": 7, "d2": 2, "boiler-17": 0} {
		if got := ingest.ShardOf(key(device), 8); got != want {
			t.Errorf("ShardOf(acme/%s, 8) = %d, want %d", device, got, want)
		}
	}
}

// TestTheLogIsAnnounced when it stops taking messages and when it takes them
// again, not for each message.
func TestTheLogIsAnnounced(t *testing.T) {
	log := &memoryLog{}
	var said bytes.Buffer
	commit := ingest.NewCommitter(log, ingest.CommitterOptions{Logger: slog.New(slog.NewTextHandler(&said, nil))})
	ctx, cancel := contextWithCancel(t)
	var all sync.WaitGroup
	all.Go(func() { _ = commit.Run(ctx) })
	send := func() {
		answer := make(chan error, 1)
		commit.Append(key("d1"), []byte("x\n"), func(err error) { answer <- err })
		<-answer
	}
	for range 2 {
		log.setFail(func(string) error { return errFull })
		send()
		send()
		log.setFail(nil)
		send()
		send()
	}
	cancel()
	all.Wait()
	if warnings, infos := strings.Count(said.String(), "level=WARN"), strings.Count(said.String(), "level=INFO"); warnings != 2 || infos != 2 {
		t.Errorf("%d warnings and %d infos:\n%s", warnings, infos, said.String())
	}
}
