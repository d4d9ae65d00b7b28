package sim

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/forecare/forecare/devices"
)

// Registration is what has to be registered with Forecare before devices may
// connect.
type Registration struct {
	Models   []devices.Model
	Contacts []devices.Contact
	Devices  []devices.Device
}

// Registration returns what the plan needs registered.
func (p *Plan) Registration() Registration {
	r := Registration{Contacts: p.Contacts}
	used := make(map[string]bool)
	for _, u := range p.Devices {
		r.Devices = append(r.Devices, u.Device)
		used[u.Model] = true
	}
	for _, m := range Models(p.Tenant) {
		if used[m.ID] {
			r.Models = append(r.Models, m)
		}
	}
	return r
}

// Registration returns what the recording needs registered: its model and a
// device for every unit.
func (r *Recording) Registration(tenant, model string) Registration {
	out := Registration{Models: []devices.Model{r.Model(tenant, model)}}
	for _, u := range r.Units {
		out.Devices = append(out.Devices, devices.Device{
			Key: devices.Key{Tenant: tenant, Device: u.ID}, Model: model,
			Site: devices.Site{ID: "recording", Name: "Recording", Zone: "Etc/UTC"},
		})
	}
	return out
}

// WriteFiles writes what `forecare model import`, `forecare contact import` and
// `forecare device import` read: model-ID.json, contacts.json, devices.csv. It
// returns their names.
func (r Registration) WriteFiles(dir string) ([]string, error) {
	var names []string
	for _, m := range r.Models {
		m.Tenant = "" // whoever imports it says for which
		name := filepath.Join(dir, "model-"+m.ID+".json")
		if err := writeJSON(name, m, 0o644); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	if len(r.Contacts) > 0 {
		name := filepath.Join(dir, "contacts.json")
		if err := writeJSON(name, r.Contacts, 0o600); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{"id", "model", "firmware", "site", "site_name", "lat", "lon", "zone", "owner"}}
	for _, d := range r.Devices {
		rows = append(rows, []string{
			d.Key.Device, d.Model, d.Firmware, d.Site.ID, d.Site.Name,
			strconv.FormatFloat(d.Site.Lat, 'f', -1, 64), strconv.FormatFloat(d.Site.Lon, 'f', -1, 64), d.Site.Zone, d.Owner,
		})
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, fmt.Errorf("writing devices.csv: %w", err)
	}
	name := filepath.Join(dir, "devices.csv")
	if err := replaceFile(name, b.Bytes(), 0o644); err != nil {
		return nil, devices.Wrap(err, devices.Internal, "writing %s", name)
	}
	return append(names, name), nil
}

// Register registers models and devices through the API and returns the
// devices' credentials, which the API tells only once. Devices that are there
// already get new credentials. The API has no way to register contacts:
// without them, devices are registered without owners.
func (r Registration) Register(ctx context.Context, a *API) (Credentials, error) {
	for _, m := range r.Models {
		if err := a.PutModel(ctx, m); err != nil {
			return nil, fmt.Errorf("registering model %s: %w", m.ID, err)
		}
	}
	c := make(Credentials, len(r.Devices))
	for _, d := range r.Devices {
		d.Owner = ""
		token, err := a.Register(ctx, d)
		if err != nil {
			return nil, fmt.Errorf("registering device %s: %w", d.Key.Device, err)
		}
		c[d.Key.Device] = token
	}
	return c, nil
}

// MakeFolder makes a folder for files that only its owner may list.
func MakeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return devices.Wrap(err, devices.Invalid, "the folder %s cannot be made", dir)
	}
	return nil
}
