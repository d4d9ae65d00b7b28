package proving_test

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/forecare/forecare/internal/proving"
)

// away is how long InfluxDB is kept from working in each of the ways.
const away = 15 * time.Second

// TestDevicesDoNotNoticeThatInfluxDBIsAway takes the readings store away under
// load, twice: killed as often as it comes back, and stopped so that it is
// there but does not answer. Devices are acknowledged all the while, people are
// told, and nothing is missing afterwards.
func TestDevicesDoNotNoticeThatInfluxDBIsAway(t *testing.T) {
	needsBinaries(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	c := newCohort(40, nil)
	dir := t.TempDir()
	fleet, err := proving.Register(ctx, dir, c.fleet())
	if err != nil {
		t.Fatal(err)
	}
	mqtt := freeAddress(t)
	p, err := proving.Start(ctx, built.forecare, dir, environment(mqtt, freeAddress(t), freeAddress(t))...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	if err := p.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	w := newSwarm(c, mqtt, fleet.Tokens, 8*time.Millisecond)
	stopped := make(chan struct{})
	go func() { defer close(stopped); w.run(ctx) }()
	usual := w.rate(ctx, t, 5*time.Second, func() {})

	said := map[string]int{}
	listen := func() {
		parts, err := p.NotReady(ctx)
		if err != nil {
			t.Errorf("asking /readyz: %v", err)
		}
		for name, detail := range parts {
			said[name+": "+detail]++
		}
	}
	kills := 0
	killed := w.rate(ctx, t, away, func() {
		pid, err := p.Influxd()
		if err == nil {
			err = syscall.Kill(pid, syscall.SIGKILL)
			kills++
		}
		if err != nil && !errors.Is(err, proving.ErrNoReadings) && !errors.Is(err, syscall.ESRCH) {
			t.Error(err)
		}
		listen()
	})
	wantSaid(t, "killed", said)
	if err := p.Ready(ctx); err != nil {
		t.Fatal(err)
	}

	clear(said)
	pid, err := p.Influxd()
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	halted := w.rate(ctx, t, away, listen)
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	wantSaid(t, "stopped", said)
	if err := p.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	steps := w.finish()
	<-stopped
	missing, stored := compare(ctx, t, p, c, steps)
	if resent := w.published.Load() - int64(w.acknowledged()); resent != 0 {
		t.Errorf("devices noticed: they sent %d messages again", resent)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	for name, r := range map[string]acknowledging{"killed": killed, "stopped": halted} {
		if r.perSecond < usual.perSecond/3 || r.pause > 3*time.Second {
			t.Errorf("while InfluxDB was %s, devices were acknowledged %.0f times a second with a pause of %s; usual are %.0f with %s",
				name, r.perSecond, r.pause, usual.perSecond, usual.pause)
		}
	}
	t.Logf("PUBACKs per second: %.0f usual, %.0f while InfluxDB was killed %d times, %.0f while it was stopped (longest pauses %s, %s, %s); %d acknowledged, %d stored, %d missing",
		usual.perSecond, killed.perSecond, kills, halted.perSecond, usual.pause, killed.pause, halted.pause, w.acknowledged(), stored, missing)
}

// acknowledging is how devices were acknowledged in some time.
type acknowledging struct {
	perSecond float64
	pause     time.Duration // longest between two PUBACKs of any devices
}

// rate watches the PUBACKs for a time and calls meanwhile now and then.
func (w *swarm) rate(ctx context.Context, t *testing.T, length time.Duration, meanwhile func()) acknowledging {
	t.Helper()
	began, before := time.Now(), w.pubacks.Load()
	w.silence.Store(0)
	for time.Since(began) < length {
		meanwhile()
		if err := wait(ctx, 200*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	took := time.Since(began)
	pause := max(time.Duration(w.silence.Load()), time.Since(time.Unix(0, w.newest.Load())))
	return acknowledging{float64(w.pubacks.Load()-before) / took.Seconds(), pause}
}

// wantSaid wants /readyz to have told a person what is wrong.
func wantSaid(t *testing.T, how string, said map[string]int) {
	t.Helper()
	told := false
	for words := range said {
		if !strings.HasPrefix(words, "readings: ") {
			t.Errorf("while InfluxDB was %s, /readyz also complained of %s", how, words)
		}
		told = told || strings.Contains(words, "InfluxDB")
		t.Logf("/readyz while InfluxDB was %s: %s", how, words)
	}
	if !told {
		t.Errorf("while InfluxDB was %s, /readyz said nothing of it: %v", how, said)
	}
}
