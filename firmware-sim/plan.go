package sim

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/forecare/forecare/devices"
)

// Plan is everything that determines a simulated fleet: the same plan yields
// the same readings. Start is where its event time begins. Interval is the
// time between two readings of a device in the simulated past (0 means the
// model's), Live the same once event time is the present (0 means Interval).
type Plan struct {
	Tenant   string            `json:"tenant"`
	Seed     uint64            `json:"seed"`
	Start    time.Time         `json:"start"`
	Interval Seconds           `json:"interval_s,omitempty"`
	Live     Seconds           `json:"live_interval_s,omitempty"`
	Devices  []Unit            `json:"devices"`
	Contacts []devices.Contact `json:"contacts,omitempty"`
}

// Unit is one device of a plan and what will go wrong with it. Its Model is the
// id of one of Models.
type Unit struct {
	devices.Device
	Faults []Fault `json:"faults,omitempty"`
}

// Seconds is a time span that JSON holds as a number of seconds.
type Seconds time.Duration

// MarshalJSON writes seconds.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(s).Seconds())
}

// UnmarshalJSON reads seconds.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	var v float64
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*s = Seconds(v * float64(time.Second))
	return nil
}

// Validate says in words what is wrong with the plan.
func (p *Plan) Validate() error {
	if !devices.ValidID(p.Tenant) {
		return devices.Errorf(devices.Invalid, "the plan's tenant %q is no identifier", p.Tenant)
	}
	if p.Start.IsZero() {
		return devices.Errorf(devices.Invalid, "the plan has no start")
	}
	if p.Interval < 0 || p.Live < 0 {
		return devices.Errorf(devices.Invalid, "the plan's intervals must not be negative")
	}
	if len(p.Devices) == 0 {
		return devices.Errorf(devices.Invalid, "the plan has no devices")
	}
	seen := make(map[string]bool, len(p.Devices))
	for i := range p.Devices {
		u := &p.Devices[i]
		if !devices.ValidID(u.Key.Device) || u.Tenant != p.Tenant {
			return devices.Errorf(devices.Invalid, "device %q of tenant %q does not belong into a plan of tenant %q", u.Key.Device, u.Tenant, p.Tenant)
		}
		if seen[u.Key.Device] {
			return devices.Errorf(devices.Invalid, "device %q stands in the plan twice", u.Key.Device)
		}
		seen[u.Key.Device] = true
		d, ok := designOf(u.Model)
		if !ok {
			return devices.Errorf(devices.Invalid, "device %s has the model %q, which cannot be simulated", u.Key, u.Model)
		}
		for j := range u.Faults {
			if err := u.Faults[j].validate(&d.model); err != nil {
				return devices.Wrap(err, devices.Invalid, "device %s", u.Key)
			}
		}
	}
	return nil
}

// ReadPlan reads and validates a plan file.
func ReadPlan(path string) (Plan, error) {
	var p Plan
	if err := readJSON(path, &p); err != nil {
		return Plan{}, err
	}
	if err := p.Validate(); err != nil {
		return Plan{}, devices.Wrap(err, devices.Invalid, "the plan %s cannot be used", path)
	}
	return p, nil
}

// WritePlan replaces the plan file.
func WritePlan(path string, p Plan) error { return writeJSON(path, p, 0o644) }

// readJSON reads a file written by writeJSON. A missing file is NotFound.
func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return devices.Wrap(err, devices.NotFound, "there is no file %s", path)
	}
	if err != nil {
		return devices.Wrap(err, devices.Internal, "reading %s", path)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return devices.Wrap(err, devices.Invalid, "%s is not what it should be", path)
	}
	return nil
}

// writeJSON replaces the file as a whole or not at all.
func writeJSON(path string, v any, mode fs.FileMode) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return devices.Wrap(err, devices.Internal, "writing %s", path)
	}
	if err := replaceFile(path, append(b, '\n'), mode); err != nil {
		return devices.Wrap(err, devices.Internal, "writing %s", path)
	}
	return nil
}

func replaceFile(path string, b []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
