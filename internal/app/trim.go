package app

import (
	"context"
	"time"
)

// trimEvery is how often the log forgets what everybody has read.
const trimEvery = time.Minute

// trimLog lets the log forget what both of its readers have behind them: the
// writer's acknowledged messages and what the saved checkpoint covers. Each
// process that runs both does it; where they run apart, the one with the
// detector asks the log how far the writer is.
func (a *App) trimLog(ctx context.Context) error {
	tick := time.NewTicker(trimEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := a.trimOnce(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("log not trimmed, trying again in a minute", "component", "log", "error", err)
		}
	}
}

func (a *App) trimOnce(ctx context.Context) error {
	s, err := a.bus.Status(ctx)
	if err != nil {
		return err
	}
	for _, c := range s.Consumers {
		if c.Name == writerName {
			return a.bus.Trim(ctx, min(c.Acked, a.detector.durable.Load()))
		}
	}
	return nil // nobody has written anything yet, so nothing may go
}
