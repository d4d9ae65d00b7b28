package e2e_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/internal/app"
	"github.com/forecare/forecare/internal/config"
)

// platform is what `make run` starts, in this process and on free ports.
type platform struct {
	t    *testing.T
	app  *app.App
	said *transcript
	base string // of its pages
}

func startPlatform(t *testing.T) *platform {
	t.Helper()
	influxd, err := filepath.Abs(filepath.Join(root, "bin", "influxd"))
	if err == nil {
		_, err = os.Stat(influxd)
	}
	if err != nil {
		missing(t, "there is no bin/influxd (`make build` makes it)")
	}
	c := config.Default()
	c.Data, c.MQTT, c.Web.Listen, c.Influxd = t.TempDir(), "embedded://127.0.0.1:0", "127.0.0.1:0", influxd
	p := &platform{t: t, said: &transcript{}}
	logger := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	if p.app, err = app.NewDemo(t.Context(), app.Options{Config: c, Logger: logger, Registry: prometheus.NewRegistry()}, p.said); err != nil {
		t.Fatal(err)
	}
	p.base = "http://" + p.app.Addr("web")
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- p.app.Run(ctx) }() // the clean-up waits for it
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("stopping: %v", err)
		}
		if t.Failed() {
			t.Logf("it told:\n%s", p.said)
		}
	})
	return p
}

// waitLive waits until the fleet has uploaded its past: pictures are of a fleet
// that reports live.
func (p *platform) waitLive() {
	p.t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	bound := time.NewTimer(patience)
	defer bound.Stop()
	for !strings.Contains(p.said.String(), "caught up with the present") {
		select {
		case <-tick.C:
		case <-bound.C:
			p.t.Fatal("the fleet has not caught up with the present")
		}
	}
}

// transcript keeps what is told on the console.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *transcript) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
