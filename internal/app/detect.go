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
	durable atomic.Uint64 // sequence of the last saved checkpoint
	state   atomic.Pointer[error]
}

func (a *App) wireAnomaly(_ context.Context, _ Options) error {
	d := &detector{
		engine: anomaly.New(anomaly.Options{
			Models: func(tenant, id string) *devices.Model { return a.registry.Model(tenant, id) },
			Logger: a.log.With("component", "anomaly"), Registerer: a.metrics,
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
func (d *detector) Run(ctx context.Context) error {
	c, err := d.saved.Load(ctx)
	if err != nil {
		return fmt.Errorf("loading the checkpoint: %w", err)
	}
	if err := d.engine.Restore(c); err != nil {
		return fmt.Errorf("restoring the checkpoint of sequence %d: %w", c.Sequence, err)
	}
	d.durable.Store(c.Sequence)
	var ready error
	d.state.Store(&ready)

	last := time.Now()
	err = d.bus.ReplayTelemetry(ctx, c.Sequence, func(ctx context.Context, m ingest.LogMessage) error {
		if err := d.step(ctx, m); err != nil {
			return err
		}
		if time.Since(last) < checkpointEvery {
			return nil
		}
		last = time.Now()
		return d.save(ctx)
	})
	// What was folded since the last checkpoint is saved on the way out; if
	// that fails it is folded again.
	saved := d.save(context.WithoutCancel(ctx))
	if ctx.Err() != nil {
		return saved
	}
	return errors.Join(err, saved)
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
