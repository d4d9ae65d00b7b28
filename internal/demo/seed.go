package demo

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/forecare/forecare/devices"
	sim "github.com/forecare/forecare/firmware-sim"
)

// Registry is where the demo's fleet is registered; the product's own state
// store is one. What exists already is devices.Conflict, what does not is
// devices.NotFound.
type Registry interface {
	Model(ctx context.Context, tenant, id string) (devices.Model, error)
	PutModel(ctx context.Context, m devices.Model) error
	Contact(ctx context.Context, tenant, id string) (devices.Contact, error)
	PutContact(ctx context.Context, c devices.Contact) error
	AddDevice(ctx context.Context, d devices.Device, tokenHash string) error
	RotateCredential(ctx context.Context, key devices.Key, newHash string, keepOld bool) error
}

// SeedOptions say where the demo keeps what it needs for the next start. Now
// decides whose day it is; it is time.Now if zero.
type SeedOptions struct {
	Dir  string
	Seed uint64
	Now  time.Time
}

// Seeded is a demo fleet that is registered and can be run.
type Seeded struct {
	Plan        sim.Plan
	Credentials sim.Credentials
	New         bool // this is the first start
	dir         string
}

// Seed registers the demo's models, owners and devices, and keeps their plan,
// credentials and ground truth in o.Dir. It may be called on every start: what
// is there stays as it is, an owner's opt-out and a maker's changes included.
func Seed(ctx context.Context, r Registry, o SeedOptions) (*Seeded, error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the demo's folder: %w", err)
	}
	s := &Seeded{dir: o.Dir}
	if err := s.plan(o); err != nil {
		return nil, err
	}
	fresh, err := s.credentials()
	if err != nil {
		return nil, err
	}
	if err := s.people(ctx, r); err != nil {
		return nil, err
	}
	for _, u := range s.Plan.Devices {
		hash := devices.HashToken(s.Credentials[u.Key.Device])
		err := r.AddDevice(ctx, u.Device, hash)
		if devices.CodeOf(err) == devices.Conflict {
			err = nil
			if fresh[u.Key.Device] { // registered with a credential that is lost
				err = r.RotateCredential(ctx, u.Key, hash, false)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("registering %s: %w", u.Key, err)
		}
	}
	return s, nil
}

func (s *Seeded) file(name string) string { return filepath.Join(s.dir, name) }

// plan reads the plan of an earlier start, or makes one.
func (s *Seeded) plan(o SeedOptions) error {
	var err error
	s.Plan, err = sim.ReadPlan(s.file("plan.json"))
	if devices.CodeOf(err) != devices.NotFound {
		return err
	}
	s.New = true
	if s.Plan, err = Plan(o.Now, o.Seed); err != nil {
		return err
	}
	if err := sim.WritePlan(s.file("plan.json"), s.Plan); err != nil {
		return err
	}
	truths, err := s.Plan.Truths()
	if err != nil {
		return err
	}
	return sim.WriteTruth(s.file("truth.json"), truths)
}

// credentials reads the devices' credentials and makes those that are missing.
// It returns for which devices it did.
func (s *Seeded) credentials() (fresh map[string]bool, err error) {
	s.Credentials, err = sim.ReadCredentials(s.file("credentials.json"))
	if err != nil && devices.CodeOf(err) != devices.NotFound {
		return nil, err
	}
	if s.Credentials == nil {
		s.Credentials = sim.Credentials{}
	}
	fresh = make(map[string]bool)
	for _, u := range s.Plan.Devices {
		if s.Credentials[u.Key.Device] == "" {
			s.Credentials[u.Key.Device] = devices.NewToken()
			fresh[u.Key.Device] = true
		}
	}
	if len(fresh) == 0 {
		return fresh, nil
	}
	return fresh, sim.WriteCredentials(s.file("credentials.json"), s.Credentials)
}

// people registers models and owners that are not there yet.
func (s *Seeded) people(ctx context.Context, r Registry) error {
	for _, m := range sim.Models(s.Plan.Tenant) {
		_, err := r.Model(ctx, m.Tenant, m.ID)
		if devices.CodeOf(err) == devices.NotFound {
			err = r.PutModel(ctx, m)
		}
		if err != nil {
			return fmt.Errorf("registering model %s: %w", m.ID, err)
		}
	}
	for _, c := range s.Plan.Contacts {
		_, err := r.Contact(ctx, c.Tenant, c.ID)
		if devices.CodeOf(err) == devices.NotFound {
			err = r.PutContact(ctx, c)
		}
		if err != nil {
			return fmt.Errorf("registering contact %s: %w", c.ID, err)
		}
	}
	return nil
}

// Fleet builds the simulated fleet against an MQTT broker such as
// tcp://127.0.0.1:1883. Run it; it goes on where the last one stopped.
func (s *Seeded) Fleet(broker string, log *slog.Logger) (*sim.Fleet, error) {
	return sim.NewFleet(s.Plan, sim.Options{
		Broker: broker, Credentials: s.Credentials, Factor: Factor,
		StateFile: s.file("fleet.json"), Logger: log,
	})
}
