package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// lifecycle starts parts in the order in which they were added and stops them
// in the reverse, each on its own, so that the doors close first and what they
// let in still finds everything behind them alive.
type lifecycle struct {
	logger  *slog.Logger
	parts   []*part
	closers []closer
	once    sync.Once
	err     error
}

// part is something that lives: its run blocks until its context ends.
type part struct {
	name   string
	run    func(context.Context) error
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

type closer struct {
	name  string
	close func(context.Context) error
}

// stopWithin bounds one part's or closer's stop. A part that does not stop is
// left behind, with its name in the error: what it accepted is on disk.
const stopWithin = 15 * time.Second

// run adds a part.
func (l *lifecycle) run(name string, run func(context.Context) error) {
	l.parts = append(l.parts, &part{name: name, run: run})
}

// onStop registers what to close, on the line after it was opened.
func (l *lifecycle) onStop(name string, stop func(context.Context) error) {
	l.closers = append(l.closers, closer{name, stop})
}

// Run runs every part until ctx ends or one of them fails, then stops all. A
// part that returns while ctx is alive has failed, with or without an error.
func (l *lifecycle) Run(ctx context.Context) error {
	failed := make(chan *part, len(l.parts))
	for _, p := range l.parts {
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		p.cancel, p.done = cancel, make(chan struct{})
		// stop waits for it.
		go func() {
			p.err = p.run(own)
			close(p.done)
			failed <- p
		}()
	}
	var cause error
	select {
	case <-ctx.Done():
	case p := <-failed:
		cause = fmt.Errorf("%s stopped by itself", p.name)
		if p.err != nil {
			cause = fmt.Errorf("%s: %w", p.name, p.err)
		}
	}
	return errors.Join(cause, l.stop(ctx))
}

// stop stops parts and closes what was opened, newest first. It may be called
// again and then does nothing.
func (l *lifecycle) stop(ctx context.Context) error {
	l.once.Do(func() {
		var errs []error
		for _, p := range slices.Backward(l.parts) {
			if p.cancel == nil {
				continue
			}
			p.cancel()
			bound := time.NewTimer(stopWithin)
			select {
			case <-p.done:
				if p.err != nil && !errors.Is(p.err, context.Canceled) {
					errs = append(errs, fmt.Errorf("stopping %s: %w", p.name, p.err))
				}
			case <-bound.C:
				errs = append(errs, fmt.Errorf("%s did not stop within %s", p.name, stopWithin))
			}
			bound.Stop()
		}
		for _, c := range slices.Backward(l.closers) {
			within, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
			if err := c.close(within); err != nil {
				errs = append(errs, fmt.Errorf("closing %s: %w", c.name, err))
			}
			cancel()
		}
		l.err = errors.Join(errs...)
	})
	return l.err
}
