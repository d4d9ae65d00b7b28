package app

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/bus"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
)

// A checkpoint that cannot be used must not keep a fleet unwatched: detection
// begins anew with what the log holds.
func TestUnusableCheckpointIsGivenUp(t *testing.T) {
	for name, c := range map[string]anomaly.Checkpoint{
		"damaged":        {Sequence: 1, Parts: map[string][]byte{"acme/press": []byte("no state of ours")}},
		"of another log": {Sequence: 1_000_000, Parts: map[string][]byte{}},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := bus.Open(t.Context(), bus.Options{URL: "embedded://" + t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close(context.WithoutCancel(t.Context()))
			r := devices.Reading{
				Key: devices.Key{Tenant: "acme", Device: "press-1"}, Model: "press", Time: time.Unix(1_790_000_000, 0),
				Fields: []devices.Field{{Name: "force", Value: 7}},
			}
			for range 3 {
				if err := b.AppendTelemetry(t.Context(), 0, r.AppendLine(nil)); err != nil {
					t.Fatal(err)
				}
			}
			saved := sqlstoretest.Open(t).Checkpoints("anomaly")
			if err := saved.Save(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			d := &detector{engine: anomaly.New(anomaly.Options{}), bus: b, saved: saved, log: slog.New(slog.DiscardHandler)}
			starting := errors.New("starting")
			d.state.Store(&starting)

			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			reached := make(chan struct{})
			done := make(chan error, 1)
			go func() { done <- d.Run(ctx) }()
			go func() {
				defer close(reached)
				tick := time.NewTicker(10 * time.Millisecond)
				defer tick.Stop()
				for d.seen.Load() < 3 && ctx.Err() == nil {
					<-tick.C
				}
			}()
			<-reached
			cancel()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			now, err := saved.Load(t.Context())
			if err != nil || now.Sequence != 3 || len(now.Parts) != 1 {
				t.Errorf("the checkpoint is at %d with %d parts (%v), want 3 with 1", now.Sequence, len(now.Parts), err)
			}
		})
	}
}
