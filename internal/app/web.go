package app

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/internal/bus"
	"github.com/forecare/forecare/internal/influx"
	"github.com/forecare/forecare/web"
	"github.com/forecare/forecare/web/account"
)

// wireWeb serves pages and API. Where outreach runs in another process, the
// web has a desk of its own on the same database: it changes cases, and the
// other process sends what follows.
func (a *App) wireWeb(_ context.Context, o Options) error {
	if a.desk == nil {
		channels, err := a.channels(o)
		if err != nil {
			return err
		}
		if a.desk, err = a.newDesk(channels); err != nil {
			return err
		}
	}
	public, err := url.Parse(a.publicURL())
	if err != nil {
		return fmt.Errorf("web.public_url: %w", err)
	}
	var pushKey string
	if a.cfg.WebPush.Subject != "" {
		if pushKey, _, err = a.pushKeys(); err != nil {
			return err
		}
	}
	a.accounts = account.New(account.Options{Store: a.db.Accounts(), PublicURL: public})
	a.web, err = web.New(web.Options{
		Address: a.cfg.Web.Listen, PublicURL: public,
		Care: a.desk, Owners: a.desk, Phrases: a.composer, Brand: a.brand, PushKey: pushKey,
		Registry: a.registry, Fleet: a.db, Changed: func(ctx context.Context) error {
			_, err := a.loadRegistry(ctx)
			a.bus.Notify(bus.Notice{Kind: "registry"})
			return err
		},
		Readings: readings{a.readings}, DeadLetters: deadLetters{a.bus}, Live: live{a.bus}, Accounts: a.accounts,
		Health: a.webHealth, Log: a.logStatus, MQTTAddress: a.cfg.MQTT.Host(), Extra: o.Mounts,
		Logger: a.log, Registerer: a.metrics, Gatherer: a.metrics,
	})
	if err != nil {
		return err
	}
	if a.cfg.Web.PublicURL == "" {
		// Only now is the port known, if it was left to the system.
		*public = url.URL{Scheme: "http", Host: a.web.Addr().String()}
		*a.links.Base = *public
	}
	a.run("web", a.web.Run)
	return nil
}

func (a *App) webHealth(ctx context.Context) []web.Part {
	var out []web.Part
	for _, p := range a.Health(ctx) {
		out = append(out, web.Part{Name: p.Name, Detail: p.Detail, Err: p.Err})
	}
	return out
}

func (a *App) logStatus(ctx context.Context) (web.LogStatus, error) {
	s, err := a.bus.Status(ctx)
	if err != nil {
		return web.LogStatus{}, err
	}
	out := web.LogStatus{Durability: s.Durability}
	for _, x := range s.Streams {
		discarded := x.Removed
		if x.Name == "TELEMETRY" {
			discarded = 0 // trimmed after everybody had read it
		}
		out.Streams = append(out.Streams, web.Stream{Name: x.Name, Messages: x.Messages, Bytes: x.Bytes, MaxBytes: x.MaxBytes, Discarded: discarded})
	}
	for _, x := range s.Consumers {
		out.Consumers = append(out.Consumers, web.Consumer{Stream: x.Stream, Name: x.Name, Lag: x.Lag})
	}
	return out, nil
}

// The adapters below hand an engine's answers to the web in the web's terms,
// so that neither knows the other.

type readings struct{ db *influx.DB }

func (r readings) Series(ctx context.Context, key devices.Key, metric string, from, to time.Time, every time.Duration) ([]web.Point, error) {
	found, err := r.db.Series(ctx, key, metric, from, to, every)
	out := make([]web.Point, len(found))
	for i, p := range found {
		out[i] = web.Point(p)
	}
	return out, err
}

func (r readings) Band(ctx context.Context, tenant, model, metric string, from, to time.Time, every time.Duration) ([]web.BandPoint, error) {
	found, err := r.db.Band(ctx, tenant, model, metric, from, to, every)
	out := make([]web.BandPoint, len(found))
	for i, p := range found {
		out[i] = web.BandPoint(p)
	}
	return out, err
}

func (r readings) Latest(ctx context.Context, key devices.Key) (map[string]web.Point, error) {
	found, err := r.db.Latest(ctx, key)
	out := make(map[string]web.Point, len(found))
	for metric, p := range found {
		out[metric] = web.Point(p)
	}
	return out, err
}

type deadLetters struct{ bus *bus.Bus }

func (d deadLetters) DeadLetters(ctx context.Context, q web.DeadLetterQuery) ([]ingest.DeadLetter, error) {
	return d.bus.DeadLetters(ctx, bus.DeadLetterQuery(q))
}

type live struct{ bus *bus.Bus }

func (l live) Notices(ctx context.Context, handle func(web.Notice)) error {
	return l.bus.Notices(ctx, func(n bus.Notice) { handle(web.Notice(n)) })
}
