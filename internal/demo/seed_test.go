package demo_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/demo"
)

// registry is a registry in memory that refuses what the real one refuses.
type registry struct {
	models   map[string]devices.Model
	contacts map[string]devices.Contact
	devices  map[string]devices.Device
	hashes   map[string]string
	writes   int
}

func newRegistry() *registry {
	return &registry{map[string]devices.Model{}, map[string]devices.Contact{}, map[string]devices.Device{}, map[string]string{}, 0}
}

func (r *registry) Model(_ context.Context, _, id string) (devices.Model, error) {
	m, ok := r.models[id]
	if !ok {
		return m, devices.Errorf(devices.NotFound, "no model")
	}
	return m, nil
}

func (r *registry) PutModel(_ context.Context, m devices.Model) error {
	r.models[m.ID] = m
	r.writes++
	return m.Validate()
}

func (r *registry) Contact(_ context.Context, _, id string) (devices.Contact, error) {
	c, ok := r.contacts[id]
	if !ok {
		return c, devices.Errorf(devices.NotFound, "no contact")
	}
	return c, nil
}

func (r *registry) PutContact(_ context.Context, c devices.Contact) error {
	r.contacts[c.ID] = c
	r.writes++
	return c.Validate()
}

func (r *registry) AddDevice(_ context.Context, d devices.Device, hash string) error {
	if _, ok := r.devices[d.Key.Device]; ok {
		return devices.Errorf(devices.Conflict, "there already")
	}
	if r.models[d.Model].ID == "" || r.contacts[d.Owner].ID == "" {
		return devices.Errorf(devices.Invalid, "no such model or owner")
	}
	r.devices[d.Key.Device], r.hashes[d.Key.Device] = d, hash
	r.writes++
	return d.Validate()
}

func (r *registry) RotateCredential(_ context.Context, k devices.Key, hash string, _ bool) error {
	r.hashes[k.Device] = hash
	r.writes++
	return nil
}

func seed(t *testing.T, r *registry, dir string, now time.Time) *demo.Seeded {
	t.Helper()
	s, err := demo.Seed(t.Context(), r, demo.SeedOptions{Dir: dir, Seed: 1, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	for device, token := range s.Credentials {
		if r.hashes[device] != devices.HashToken(token) {
			t.Errorf("%s cannot sign in with its credential", device)
		}
	}
	return s
}

func TestSeedIsIdempotent(t *testing.T) {
	r, dir := newRegistry(), filepath.Join(t.TempDir(), "demo")
	now := time.Date(2026, 11, 18, 2, 7, 0, 0, time.UTC)
	first := seed(t, r, dir, now)
	if len(r.devices) != 60 || len(r.models) != 3 || !first.New {
		t.Fatalf("%d devices, %d models, new is %t", len(r.devices), len(r.models), first.New)
	}
	info, err := os.Stat(filepath.Join(dir, "credentials.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the credentials: %v, %v", info, err)
	}
	// What people change afterwards must survive the next start.
	c := r.contacts["owner-001"]
	c.Addresses = slices.Clone(c.Addresses)
	c.Addresses[0].Withdrawn = now
	r.contacts[c.ID] = c
	m := r.models["air-a3"]
	m.Name = "Air A3 (renamed)"
	r.models[m.ID] = m

	writes := r.writes
	again := seed(t, r, dir, now.Add(50*time.Hour))
	if r.writes != writes || again.New {
		t.Errorf("the second start wrote %d times; new is %t", r.writes-writes, again.New)
	}
	if d := cmp.Diff(first.Plan, again.Plan); d != "" {
		t.Errorf("the second start has another plan:\n%s", d)
	}
	if !cmp.Equal(map[string]string(first.Credentials), map[string]string(again.Credentials)) {
		t.Error("the second start has other credentials")
	}
}

func TestSeedMendsWhatWasLost(t *testing.T) {
	r, dir := newRegistry(), t.TempDir()
	now := time.Date(2026, 11, 18, 2, 7, 0, 0, time.UTC)
	first := seed(t, r, dir, now)

	if err := os.Remove(filepath.Join(dir, "credentials.json")); err != nil {
		t.Fatal(err)
	}
	again := seed(t, r, dir, now) // rotates, and checks that they sign in
	if cmp.Equal(map[string]string(first.Credentials), map[string]string(again.Credentials)) {
		t.Error("lost credentials came back")
	}
	other := newRegistry() // the database was removed, the folder was not
	seed(t, other, dir, now)
	if len(other.devices) != 60 {
		t.Errorf("%d devices are registered again", len(other.devices))
	}
}

func TestSeedSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "plan.json"), []byte(`{"tenant":`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := demo.Seed(t.Context(), newRegistry(), demo.SeedOptions{Dir: dir})
	if devices.CodeOf(err) != devices.Invalid {
		t.Errorf("a broken plan: %v", err)
	}
}
