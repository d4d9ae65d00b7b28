package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/internal/bus"
)

// checkpointEvery bounds what a restart folds again. Findings that were
// published after the last checkpoint are found again with the same identity
// and ignored.
const checkpointEvery = 10 * time.Second

// detector folds the log into findings. It is the only user of its engine.
type detector struct {
	engine  *anomaly.Engine
	bus     *bus.Bus
	saved   anomaly.Checkpoints
	log     *slog.Logger
	seen    atomic.Uint64 // sequence of the last message folded
	durable atomic.Uint64 // sequence of the last saved checkpoint
	state   atomic.Pointer[error]
}

func (a *App) wireAnomaly(_ context.Context, _ Options) error {
	d := &detector{
		engine: anomaly.New(anomaly.Options{
			Models: func(tenant, id string) *devices.Model { return a.registry.Model(tenant, id) },
			Logger: a.log, Registerer: a.metrics,
		}),
		bus: a.bus, saved: a.db.Checkpoints("anomaly"), log: a.log.With("component", "anomaly"),
	}
	starting := errors.New("starting")
	d.state.Store(&starting)
	a.detector = d
	a.run("anomaly", d.Run)
	a.run("log trim", a.trimLog)
	return nil
}

// Ready says why findings are not up to date, if they are not.
func (d *detector) Ready() error { return *d.state.Load() }

// Run restores the engine and folds the log from where it was until ctx ends.
// A checkpoint that cannot be used, because it is damaged or of another log, is
// given up in favor of the log itself: what is folded again yields the findings
// that are known already, so nothing is told twice.
func (d *detector) Run(ctx context.Context) error {
	c, err := d.saved.Load(ctx)
	if err != nil {
		return fmt.Errorf("loading the checkpoint: %w", err)
	}
	if err := d.engine.Restore(c); err != nil {
		d.anew(c.Sequence, err)
	}
	d.durable.Store(d.engine.Sequence())
	var ready error
	d.state.Store(&ready)

	err = d.fold(ctx)
	if devices.CodeOf(err) == devices.Conflict && ctx.Err() == nil {
		d.anew(d.engine.Sequence(), err)
		err = d.fold(ctx)
	}
	// What was folded since the last checkpoint is saved on the way out; if
	// that fails it is folded again.
	saved := d.save(context.WithoutCancel(ctx))
	if ctx.Err() != nil {
		return saved
	}
	return errors.Join(err, saved)
}

// anew forgets everything.
func (d *detector) anew(sequence uint64, why error) {
	d.log.Error("checkpoint given up, detection begins anew with what the log still holds", "sequence", sequence, "error", why)
	d.durable.Store(0) // or the log would be trimmed of what is to be read again
	if err := d.engine.Restore(anomaly.Checkpoint{}); err != nil {
		d.log.Error("an empty checkpoint was refused", "error", err)
	}
}

// fold takes in the log from where the engine is. It returns when ctx ends or
// what was found can be published no more.
func (d *detector) fold(ctx context.Context) error {
	last := time.Now()
	return d.bus.ReplayTelemetry(ctx, d.engine.Sequence(), func(ctx context.Context, m ingest.LogMessage) error {
		if err := d.step(ctx, m); err != nil {
			return err
		}
		if time.Since(last) < checkpointEvery {
			return nil
		}
		last = time.Now()
		return d.save(ctx)
	})
}

// step folds one message. Its findings are published before the next
// checkpoint can cover it, so none is lost.
func (d *detector) step(ctx context.Context, m ingest.LogMessage) error {
	found, err := d.engine.Step(m.Sequence, m.Body)
	if err != nil {
		// A message that cannot be read now will not be readable later either;
		// it is still on the log and in the readings store.
		d.log.Error("log message skipped by detection", "sequence", m.Sequence, "error", err)
	}
	for _, f := range found {
		if err := d.bus.PublishFinding(ctx, f); err != nil {
			return fmt.Errorf("publishing finding %s: %w", f.ID, err)
		}
	}
	d.seen.Store(m.Sequence)
	return nil
}

func (d *detector) save(ctx context.Context) error {
	c := d.engine.Snapshot()
	if c.Sequence == d.durable.Load() {
		return nil
	}
	if err := d.saved.Save(ctx, c); err != nil {
		return fmt.Errorf("saving the checkpoint: %w", err)
	}
	d.durable.Store(c.Sequence)
	return nil
}
