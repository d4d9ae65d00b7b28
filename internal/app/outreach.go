package app

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/forecare/forecare/anomaly/picture"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/bus"
	"github.com/forecare/forecare/internal/config"
	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/outreach/compose"
	"github.com/forecare/forecare/outreach/email"
	"github.com/forecare/forecare/outreach/webhook"
	"github.com/forecare/forecare/outreach/webpush"
)

// wireOutreach puts the desk behind the findings and the dispatcher behind its
// outbox. The web role needs the desk too, to show and change cases; it calls
// newDesk itself where outreach runs elsewhere.
func (a *App) wireOutreach(ctx context.Context, o Options) error {
	channels, err := a.channels(o)
	if err != nil {
		return err
	}
	if a.desk, err = a.newDesk(channels); err != nil {
		return err
	}
	dispatcher := outreach.NewDispatcher(outreach.DispatcherOptions{
		Store: a.db, Directory: a.db, Channels: channels, Picture: a.drawCase, Policy: a.policy(),
		Brand: a.brand, Notify: a.notify,
		Logger: a.log.With("component", "dispatcher"), Registerer: a.metrics,
	})
	a.run("dispatcher", dispatcher.Run)
	a.run("desk", a.desk.Run)
	a.run("findings", func(ctx context.Context) error {
		return a.bus.ConsumeFindings(ctx, "outreach", a.desk.HandleFinding)
	})
	a.run("device events", func(ctx context.Context) error {
		return a.bus.ConsumeEvents(ctx, "outreach", a.desk.HandleEvent)
	})
	return nil
}

func (a *App) newDesk(channels map[string]outreach.Channel) (*outreach.Desk, error) {
	var err error
	if a.composer, err = compose.New(compose.Options{}); err != nil {
		return nil, fmt.Errorf("loading the message templates: %w", err)
	}
	base, err := url.Parse(a.publicURL())
	if err != nil {
		return nil, fmt.Errorf("web.public_url: %w", err)
	}
	key, err := secretFile(filepath.Join(a.cfg.Data, "links.key"))
	if err != nil {
		return nil, err
	}
	a.links = &outreach.Links{Base: base, Key: key}
	var names []string
	for name := range channels {
		names = append(names, name)
	}
	slices.Sort(names)
	return outreach.NewDesk(outreach.DeskOptions{
		Store: a.db, Directory: a.db, Composer: a.composer, Links: a.links,
		Channels: names, Policy: a.policy(), Calendar: a.calendar(), Commander: a.bus, Brand: a.brand, Notify: a.notify,
		Logger: a.log.With("component", "desk"), Registerer: a.metrics,
	}), nil
}

// channels are those that the configuration turns on, and those given.
func (a *App) channels(o Options) (map[string]outreach.Channel, error) {
	out := map[string]outreach.Channel{}
	if c := a.cfg.Email; c.Host != "" {
		password, err := config.Secret(c.PasswordFile)
		if err != nil {
			return nil, err
		}
		ch, err := email.New(email.Options{
			Host: c.Host, Port: c.Port, TLS: c.TLS, Username: c.Username, Password: password, From: c.From,
		})
		if err != nil {
			return nil, err
		}
		out[ch.Name()] = ch
	}
	if c := a.cfg.Webhook; c.SecretFile != "" {
		secret, err := config.Secret(c.SecretFile)
		if err != nil {
			return nil, err
		}
		ch, err := webhook.New(webhook.Options{Secrets: []string{secret}, Allow: c.Allow})
		if err != nil {
			return nil, err
		}
		out[ch.Name()] = ch
	}
	if c := a.cfg.WebPush; c.Subject != "" {
		public, private, err := a.pushKeys()
		if err != nil {
			return nil, err
		}
		ch, err := webpush.New(webpush.Options{Public: public, Private: private, Subject: c.Subject, AllowedHosts: c.Allow})
		if err != nil {
			return nil, err
		}
		out[ch.Name()] = ch
	}
	for _, ch := range o.Channels {
		out[ch.Name()] = ch
	}
	return out, nil
}

func (a *App) policy() outreach.Policy {
	p := outreach.DefaultPolicy()
	p.Quiet = outreach.Quiet{From: a.cfg.Care.QuietFrom, Until: a.cfg.Care.QuietUntil}
	p.Budget = outreach.Budget{Messages: 1, Per: time.Duration(a.cfg.Care.OfferEvery)}
	p.Links = time.Duration(a.cfg.Care.LinkExpires)
	return p
}

// calendar is the default one with the configured people in place of its
// technician.
func (a *App) calendar() outreach.Calendar {
	c := outreach.DefaultCalendar()
	people := slices.DeleteFunc(c.Technicians, func(t outreach.Technician) bool { return !t.Remote })
	for _, id := range a.cfg.Care.Technicians {
		people = append(people, outreach.Technician{
			ID: id, Days: a.cfg.Care.WorkDays, From: a.cfg.Care.WorkFrom, Until: a.cfg.Care.WorkUntil, Slot: 2 * time.Hour, Places: 1,
		})
	}
	c.Technicians = people
	return c
}

func (a *App) brand(string) string { return a.cfg.Care.Brand }

// publicURL is what owners' links begin with.
func (a *App) publicURL() string {
	if a.cfg.Web.PublicURL != "" {
		return a.cfg.Web.PublicURL
	}
	return "http://" + a.cfg.Web.Listen
}

func (a *App) notify(kind, tenant, id, text string) {
	a.bus.Notify(bus.Notice{Kind: kind, Tenant: tenant, ID: id, Text: text})
}

// drawCase draws what was seen, for a message.
func (a *App) drawCase(c *outreach.Case, lang string) ([]byte, error) {
	f := c.Finding()
	if f == nil || len(f.Evidence.Time) == 0 {
		return nil, nil
	}
	o := picture.Options{Format: "png", Width: 1200, Height: 520, Unit: f.Unit, Lang: lang, Zone: time.UTC}
	if d, m, ok := a.registry.Lookup(c.Key); ok {
		if zone, err := time.LoadLocation(d.Site.Zone); err == nil {
			o.Zone = zone
		}
		o.Title = metricTitle(m, f.Metric, lang)
	}
	var out bytes.Buffer
	if err := picture.Draw(&out, *f, o); err != nil {
		return nil, fmt.Errorf("drawing finding %s: %w", f.ID, err)
	}
	return out.Bytes(), nil
}

func metricTitle(m *devices.Model, name, lang string) string {
	if m == nil {
		return name
	}
	metric, ok := m.Metric(name)
	if !ok {
		return name
	}
	return metric.Words.In(lang, name)
}
