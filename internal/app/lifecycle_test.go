package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(s string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, s)
}

func TestPartsStopInReverseAndThenClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		l := &lifecycle{}
		for _, name := range []string{"store", "door"} {
			l.onStop(name, func(context.Context) error { j.add("close " + name); return nil })
			l.run(name, func(ctx context.Context) error { <-ctx.Done(); j.add("stop " + name); return nil })
		}
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() { result <- l.Run(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-result; err != nil {
			t.Fatal(err)
		}
		want := []string{"stop door", "stop store", "close door", "close store"}
		if diff := cmp.Diff(want, j.lines); diff != "" {
			t.Error(diff)
		}
		if err := l.stop(ctx); err != nil || len(j.lines) != 4 {
			t.Errorf("a second stop did something: %v %v", err, j.lines)
		}
	})
}

func TestOneFailingPartStopsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		l := &lifecycle{}
		broken := errors.New("disk gone")
		l.run("healthy", func(ctx context.Context) error { <-ctx.Done(); j.add("stopped"); return nil })
		l.run("writer", func(context.Context) error { return broken })
		err := l.Run(t.Context())
		if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "writer: ") {
			t.Errorf("got %v, want the writer's error with its name", err)
		}
		if !slices.Contains(j.lines, "stopped") {
			t.Error("the other part was left running")
		}
	})
}

func TestPartThatEndsEarlyIsAFailure(t *testing.T) {
	l := &lifecycle{}
	l.run("desk", func(context.Context) error { return nil })
	if err := l.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "desk stopped by itself") {
		t.Errorf("got %v", err)
	}
}

func TestStopIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		l := &lifecycle{}
		l.run("stubborn", func(context.Context) error { <-release; return nil })
		closed := false
		l.onStop("file", func(context.Context) error { closed = true; return nil })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.Run(ctx); err == nil || !strings.Contains(err.Error(), "stubborn did not stop") {
			t.Errorf("got %v", err)
		}
		if !closed {
			t.Error("what comes after the stubborn part was not closed")
		}
		close(release)
		synctest.Wait()
	})
}
