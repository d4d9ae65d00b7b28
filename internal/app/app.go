package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest/subscriber"
	"github.com/forecare/forecare/internal/broker"
	"github.com/forecare/forecare/internal/bus"
	"github.com/forecare/forecare/internal/config"
	"github.com/forecare/forecare/internal/influx"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/outreach/compose"
	"github.com/forecare/forecare/web"
	"github.com/forecare/forecare/web/account"
)

// Options is what a process is made of. Logger and Registry must be given.
type Options struct {
	Config   config.Config
	Logger   *slog.Logger
	Registry *prometheus.Registry
	// Channels are there beside, or instead of, those that Config turns on.
	Channels []outreach.Channel
	// Mounts are further handlers of the web server, by path prefix.
	Mounts map[string]http.Handler
}

// App is one Forecare process: the engines it opened and the roles it runs.
type App struct {
	lifecycle
	cfg      config.Config
	log      *slog.Logger
	metrics  *prometheus.Registry
	registry *devices.Registry
	db       *sqlstore.DB
	bus      *bus.Bus
	readings *influx.DB
	broker   *broker.Broker
	desk     *outreach.Desk
	links    *outreach.Links
	composer *compose.Composer
	detector *detector
	writer   interface{ Ready() error }
	accounts *account.Accounts
	web      *web.Server

	subscriber *subscriber.Subscriber // instead of broker, where devices connect to another
}

// New opens the engines, binds the listeners and wires the roles, but serves
// nothing yet: see Run. On an error it has closed again what it opened.
func New(ctx context.Context, o Options) (_ *App, err error) {
	if err := o.Config.Check(); err != nil {
		return nil, err
	}
	a := &App{cfg: o.Config, log: o.Logger, metrics: o.Registry, registry: devices.NewRegistry()}
	a.logger = o.Logger
	defer func() {
		if err != nil {
			err = errors.Join(err, a.stop(ctx))
		}
	}()
	if err := a.openEngines(ctx); err != nil {
		return nil, err
	}
	steps := []struct {
		role config.Role
		wire func(context.Context, Options) error
	}{
		{config.Outreach, a.wireOutreach},
		{config.Anomaly, a.wireAnomaly},
		{config.Writer, a.wireWriter},
		{config.Web, a.wireWeb},
		{config.Ingest, a.wireIngest}, // the door: last to open, first to close
	}
	for _, s := range steps {
		if !a.cfg.Has(s.role) {
			continue
		}
		if err := s.wire(ctx, o); err != nil {
			return nil, fmt.Errorf("role %s: %w", s.role, err)
		}
	}
	return a, nil
}

// openEngines opens state, log and readings, in that order: the log may take a
// moment to recover, and the readings store opens beside the rest.
func (a *App) openEngines(ctx context.Context) error {
	if err := os.MkdirAll(a.cfg.Data, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	data, err := filepath.Abs(a.cfg.Data)
	if err != nil {
		return fmt.Errorf("finding the data folder: %w", err)
	}
	a.cfg.Data = data

	a.db, err = sqlstore.Open(ctx, inData(a.cfg.State, data, "sqlite", "state.db"))
	if err != nil {
		return err
	}
	a.onStop("state", func(context.Context) error { return a.db.Close() })
	if _, err := a.loadRegistry(ctx); err != nil {
		return err
	}

	durability := a.cfg.Durability
	if a.cfg.Log.Scheme() != "embedded" && durability == "process" {
		durability = "" // the cluster's own setting holds
	}
	a.bus, err = bus.Open(ctx, bus.Options{
		URL: inData(a.cfg.Log, data, "embedded", "log"), Durability: durability,
		MaxBytes: int64(a.cfg.LogLimit), KeepBytes: int64(a.cfg.LogKeep),
		Logger: a.log.With("component", "bus"), Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	a.onStop("log", a.bus.Close)
	a.run("registry", a.watchRegistry)

	if a.cfg.Has(config.Writer) || a.cfg.Has(config.Web) {
		return a.openReadings(data)
	}
	return nil
}

func (a *App) openReadings(data string) error {
	token, err := config.Secret(a.cfg.TokenFile)
	if err != nil {
		return err
	}
	binary := a.cfg.Influxd
	if binary == "" {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("finding influxd: %w", err)
		}
		binary = filepath.Join(filepath.Dir(self), "influxd")
	}
	a.readings, err = influx.New(influx.Options{
		URL: inData(a.cfg.Readings, data, "embedded", "influx"), Token: token, Binary: binary,
		Logger: a.log.With("component", "influx"), Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	a.run("readings", a.readings.Run)
	return nil
}

// inData puts a bare URL of the scheme into the data folder.
func inData(u config.URL, data, scheme, name string) string {
	if u.Scheme() == scheme && u.Bare() {
		return scheme + "://" + filepath.Join(data, name)
	}
	return string(u)
}

// Addr returns the address that a listener is bound to: "mqtt" or "web"; ""
// if this process does not have it.
func (a *App) Addr(name string) string {
	switch {
	case name == "mqtt" && a.broker != nil:
		return a.broker.Addr().String()
	case name == "web" && a.web != nil:
		return a.web.Addr().String()
	}
	return ""
}

// readyPoll is how often WaitReady asks.
const readyPoll = 100 * time.Millisecond

// WaitReady returns when every part says that it is ready, or with the last
// reasons when ctx ends first.
func (a *App) WaitReady(ctx context.Context) error {
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		err := a.notReady(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w", err)
		}
	}
}

func (a *App) notReady(ctx context.Context) error {
	var errs []error
	for _, p := range a.Health(ctx) {
		if p.Err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.Name, p.Err))
		}
	}
	return errors.Join(errs...)
}

// Part is one part's health.
type Part struct {
	Name   string
	Detail string
	Err    error // nil if it works
}

// Health asks every part of this process.
func (a *App) Health(ctx context.Context) []Part {
	parts := []Part{
		{Name: "state", Err: a.db.Ping(ctx)},
		{Name: "log", Detail: "a PUBACK survives: " + survives(a.cfg.Durability), Err: a.bus.Ready()},
	}
	if a.subscriber != nil {
		parts = append(parts, Part{Name: "mqtt", Detail: "an external broker, " + a.cfg.MQTT.Host(), Err: a.subscriber.Ready()})
	}
	if a.readings != nil {
		parts = append(parts, Part{Name: "readings", Err: a.readings.Ready(ctx)})
	}
	if a.writer != nil {
		parts = append(parts, Part{Name: "writer", Err: a.writer.Ready()})
	}
	if a.detector != nil {
		parts = append(parts, Part{Name: "detection", Err: a.detector.Ready()})
	}
	return parts
}

func survives(durability string) string {
	if durability == "fsync" {
		return "power loss (fsync)"
	}
	return "kill -9 of every process (process)"
}
