package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	sim "github.com/forecare/forecare/firmware-sim"
	"github.com/forecare/forecare/internal/bus"
	"github.com/forecare/forecare/internal/demo"
	"github.com/forecare/forecare/web/account"
)

// mailboxPath is where the demo's mailbox is shown.
const mailboxPath = "/demo/mailbox"

// NewDemo is New with a simulated world around it, in the same process but
// only reached as a real one would be: devices by MQTT, the owners' mail by
// SMTP, a technician by the public API. What happens is told on out. Where a
// mail server is configured mails go there, and to nobody else.
func NewDemo(ctx context.Context, o Options, out io.Writer) (*App, error) {
	if _, external := o.Config.ExternalBroker(); external {
		return nil, errors.New("the demo's devices connect to the embedded broker: leave mqtt at embedded://")
	}
	began := time.Now()
	dir := filepath.Join(o.Config.Data, "demo")
	var mailbox *sim.Mailbox
	if o.Config.Email.Host == "" {
		var err error
		if mailbox, err = sim.NewMailbox("127.0.0.1:0", filepath.Join(dir, "mailbox"), o.Logger); err != nil {
			return nil, err
		}
		host, port, _ := net.SplitHostPort(mailbox.Addr().String()) // a bound address has both
		o.Config.Email.Host, o.Config.Email.TLS, o.Config.Email.From = host, "none", "care@forecare.example"
		o.Config.Email.Port, _ = strconv.Atoi(port)
		o.Mounts = maps.Clone(o.Mounts)
		if o.Mounts == nil {
			o.Mounts = map[string]http.Handler{}
		}
		o.Mounts[mailboxPath] = mailbox.Handler(mailboxPath)
	}
	a, err := New(ctx, o)
	if err != nil {
		if mailbox != nil {
			err = errors.Join(err, mailbox.Close())
		}
		return nil, err
	}
	if mailbox != nil {
		a.run("demo mailbox", mailbox.Run)
	}
	if err := a.populate(ctx, dir, began, mailbox != nil, out); err != nil {
		return nil, fmt.Errorf("preparing the demo: %w", errors.Join(err, a.stop(ctx)))
	}
	return a, nil
}

// populate registers the fleet and adds it, its technician and the narrator.
func (a *App) populate(ctx context.Context, dir string, began time.Time, mailbox bool, out io.Writer) error {
	seeded, err := demo.Seed(ctx, a.db, demo.SeedOptions{Dir: dir, Seed: 1})
	if err != nil {
		return err
	}
	if _, err := a.loadRegistry(ctx); err != nil {
		return err
	}
	fleet, err := seeded.Fleet("tcp://"+a.Addr("mqtt"), a.log)
	if err != nil {
		return err
	}
	token, err := a.technicianToken(ctx, seeded.Plan.Tenant)
	if err != nil {
		return err
	}
	api, err := sim.NewAPI("http://"+a.Addr("web"), token)
	if err != nil {
		return err
	}
	technician := demo.NewTechnician(demo.TechnicianOptions{
		API: api, Models: sim.Models(seeded.Plan.Tenant), Service: fleet.Service, Logger: a.log,
	})
	shown := ""
	if mailbox {
		shown = "http://" + a.Addr("web") + mailboxPath
	}
	narrator := demo.NewNarrator(demo.NarratorOptions{
		Out: out, Tenant: seeded.Plan.Tenant, Live: notices{a.bus}, Cases: a.desk,
		Fleet: fleet.Status, Stored: a.storedLines, Mailbox: shown, Began: began,
	})
	a.run("demo narrator", narrator.Run)
	a.run("demo technician", technician.Run)
	a.run("demo fleet", fleet.Run)
	return nil
}

// technicianToken makes the technician's token and revokes those of earlier
// starts.
func (a *App) technicianToken(ctx context.Context, tenant string) (string, error) {
	const name = "demo technician"
	known, err := a.accounts.Tokens(ctx, tenant)
	if err != nil {
		return "", err
	}
	for _, t := range known {
		if t.Name == name && t.Revoked.IsZero() {
			if err := a.accounts.Revoke(ctx, tenant, t.ID); err != nil {
				return "", err
			}
		}
	}
	secret, _, err := a.accounts.NewToken(ctx, tenant, name, account.Planner, "demo")
	return secret, err
}

// DemoSignIn returns a link that signs a person in to the demo's tenant once.
func (a *App) DemoSignIn(ctx context.Context) (string, error) {
	return a.accounts.NewLink(ctx, "demo", "you@forecare.example", account.Admin)
}

// storedLines is how many lines the readings store has taken since the start.
func (a *App) storedLines() int64 {
	families, err := a.metrics.Gather()
	if err != nil {
		return 0
	}
	for _, f := range families {
		if f.GetName() == "forecare_ingest_stored_lines_total" {
			return int64(f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	return 0
}

// notices hands the bus's notices to the narrator.
type notices struct{ bus *bus.Bus }

func (n notices) Notices(ctx context.Context, handle func(kind, tenant, id, text string)) error {
	return n.bus.Notices(ctx, func(x bus.Notice) { handle(x.Kind, x.Tenant, x.ID, x.Text) })
}
