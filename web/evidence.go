package web

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/web/chart"
)

const (
	evidenceWithin = 30 * time.Second // how long the readings store may work on one
	evidenceFor    = 10 * time.Second // how long an answer is as good as a new one
	evidenceAtOnce = 8                // more would only make each other slower
)

// evidences asks the readings store for lines to draw. A page that cannot wait
// for an answer leaves it behind: the store goes on, and whoever asks next,
// such as the same page a few seconds later, gets it.
type evidences struct {
	readings Readings
	now      func() time.Time
	slots    chan struct{}

	mu    sync.Mutex
	asked map[evidenceKey]*evidenceAnswer
}

type evidenceKey struct {
	device devices.Key
	model  string
	metric string
	length time.Duration
}

type evidenceAnswer struct {
	done  chan struct{} // closed once the rest is there
	at    time.Time
	found anomaly.Evidence
	err   error
}

func newEvidences(r Readings, now func() time.Time) *evidences {
	return &evidences{readings: r, now: now, slots: make(chan struct{}, evidenceAtOnce), asked: map[evidenceKey]*evidenceAnswer{}}
}

// of returns one metric of a device with its peers' band over the time up to
// now, or why it is not there when ctx ends.
func (e *evidences) of(ctx context.Context, d *devices.Device, metric string, from, to time.Time, every time.Duration) (anomaly.Evidence, error) {
	key := evidenceKey{d.Key, d.Model, metric, to.Sub(from)}
	e.mu.Lock()
	e.forget()
	a := e.asked[key]
	if a == nil {
		a = &evidenceAnswer{done: make(chan struct{})}
		e.asked[key] = a
		// It ends by itself, within evidenceWithin.
		go e.ask(context.WithoutCancel(ctx), key, a, from, to, every)
	}
	e.mu.Unlock()
	select {
	case <-a.done:
		return a.found, a.err
	case <-ctx.Done():
		return anomaly.Evidence{}, devices.Wrap(ctx.Err(), devices.Unavailable, "The readings store is busy.")
	}
}

// forget drops what has grown old. The lock is held.
func (e *evidences) forget() {
	for key, a := range e.asked {
		select {
		case <-a.done:
			if a.err != nil || e.now().Sub(a.at) > evidenceFor {
				delete(e.asked, key)
			}
		default:
		}
	}
}

func (e *evidences) ask(ctx context.Context, key evidenceKey, a *evidenceAnswer, from, to time.Time, every time.Duration) {
	defer close(a.done)
	ctx, cancel := context.WithTimeout(ctx, evidenceWithin)
	defer cancel()
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
		a.found, a.err = readEvidence(ctx, e.readings, key.device, key.model, key.metric, from, to, every)
	case <-ctx.Done():
		a.err = ctx.Err()
	}
	a.at = e.now()
}

// readEvidence reads one metric of a device with its peers' band.
func readEvidence(ctx context.Context, r Readings, key devices.Key, model, metric string, from, to time.Time, every time.Duration) (anomaly.Evidence, error) {
	points, err := r.Series(ctx, key, metric, from, to, every)
	if err != nil {
		return anomaly.Evidence{}, fmt.Errorf("reading %s of %s: %w", metric, key, err)
	}
	band, err := r.Band(ctx, key.Tenant, model, metric, from, to, every)
	if err != nil {
		return anomaly.Evidence{}, fmt.Errorf("reading the peers' %s: %w", metric, err)
	}
	value, lower, upper := map[time.Time]float64{}, map[time.Time]float64{}, map[time.Time]float64{}
	for _, p := range points {
		value[p.Time.UTC().Truncate(every)] = p.Value
	}
	for _, b := range band {
		at := b.Time.UTC().Truncate(every)
		lower[at], upper[at] = b.Lower, b.Upper
	}
	return chart.Windows(from, to, every, value, lower, upper), nil
}
