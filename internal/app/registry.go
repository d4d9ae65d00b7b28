package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/bus"
)

// loadRegistry replaces the in-memory copy that every hot path reads.
func (a *App) loadRegistry(ctx context.Context) (devices.Snapshot, error) {
	s, err := a.db.Snapshot(ctx)
	if err != nil {
		return s, fmt.Errorf("loading the registry: %w", err)
	}
	a.registry.Replace(s)
	return s, nil
}

// registryPoll bounds how long a change made by another process, such as
// `forecare device add` beside a running server, goes unseen. Asking costs one
// row.
const registryPoll = 2 * time.Second

// watchRegistry reloads the copy when the registry changed, and ends the live
// session of a device that may no longer be connected.
func (a *App) watchRegistry(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	nudge := func(n bus.Notice) {
		if n.Kind == "registry" {
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	}
	ended := make(chan error, 1)
	// Ends with ctx, like this function, which waits for it.
	go func() { ended <- a.bus.Notices(ctx, nudge) }()
	tick := time.NewTicker(registryPoll)
	defer tick.Stop()
	known, err := a.loadRegistry(ctx)
	for {
		if err != nil && ctx.Err() == nil {
			a.log.Warn("registry cannot be read, the copy in memory serves on", "component", "registry", "error", err)
		}
		select {
		case <-ctx.Done():
			return <-ended
		case <-changed:
		case <-tick.C:
		}
		var now int64
		if now, err = a.db.RegistryRevision(ctx); err != nil || now == known.Revision {
			continue
		}
		var fresh devices.Snapshot
		if fresh, err = a.loadRegistry(ctx); err != nil {
			continue
		}
		if a.broker != nil {
			for _, key := range endedSessions(known, fresh) {
				a.broker.Disconnect(key)
				a.log.Info("session ended: device removed, disabled or without its old token", "component", "registry", "device", key.String())
			}
		}
		known = fresh
	}
}

// endedSessions names the devices that could connect before and cannot now
// with the same token.
func endedSessions(before, after devices.Snapshot) []devices.Key {
	enabled := map[devices.Key]bool{}
	for i := range after.Devices {
		enabled[after.Devices[i].Key] = !after.Devices[i].Disabled
	}
	var ended []devices.Key
	for key, hashes := range before.Credentials {
		kept := after.Credentials[key]
		gone := func(hash string) bool { return !slices.Contains(kept, hash) }
		if !enabled[key] || slices.ContainsFunc(hashes, gone) {
			ended = append(ended, key)
		}
	}
	return ended
}
