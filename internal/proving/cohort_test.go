package proving_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/proving"
)

const (
	tenant = "acme"
	step   = 10 * time.Minute // of event time between two readings
	perDay = int(24 * time.Hour / step)
)

// cohort is a made-up fleet of one model whose values are a function of device
// and step, so that afterwards everybody knows what should be stored.
type cohort struct {
	devices int
	faulty  map[int]int // device to the day on which it begins to drift
	begin   time.Time   // event time of step 0
}

func newCohort(n int, faulty map[int]int) cohort {
	// Old enough that no device ever reaches the present.
	return cohort{devices: n, faulty: faulty, begin: time.Now().AddDate(0, 0, -800).UTC().Truncate(24 * time.Hour)}
}

func (c cohort) key(i int) devices.Key {
	return devices.Key{Tenant: tenant, Device: fmt.Sprintf("d%02d", i)}
}

func (c cohort) at(s int) time.Time { return c.begin.Add(time.Duration(s) * step) }

// value is a day's course that all share, each device's own offset, and noise;
// a faulty one rises by half a degree a day, by ten degrees in all.
func (c cohort) value(i, s int) float64 {
	rnd := rand.New(rand.NewPCG(uint64(i)+1, uint64(s)))
	day := float64(s) / float64(perDay)
	v := 60 + math.Sin(2*math.Pi*day) + 0.1*float64(i%7) + 0.2*rnd.NormFloat64()
	if from, drifts := c.faulty[i]; drifts && day > float64(from) {
		v += min(10, 0.5*(day-float64(from)))
	}
	return math.Round(v*100) / 100
}

func (c cohort) payload(i, s int) []byte {
	b := append([]byte(`{"ts":`), strconv.FormatInt(c.at(s).Unix(), 10)...)
	b = strconv.AppendFloat(append(b, `,"level":`...), c.value(i, s), 'g', -1, 64)
	return append(b, '}')
}

// fleet is the cohort as it is registered: every device has an owner of its
// own who may be written to.
func (c cohort) fleet() proving.Fleet {
	lowest, highest := -20.0, 120.0
	f := proving.Fleet{Model: devices.Model{
		Tenant: tenant, ID: "boiler", Name: "Boiler", Words: devices.Words{"en": "boiler"}, Interval: step,
		Metrics: []devices.Metric{{
			Name: "level", Unit: "°C", Words: devices.Words{"en": "water temperature"},
			Min: &lowest, Max: &highest, Noticeable: 5, Tolerance: 2,
		}},
		Remedies: []devices.Remedy{{ID: "recalibrate", Words: devices.Words{"en": "a short calibration"}, Duration: 10 * time.Minute, Command: "recalibrate", Remote: true}},
	}}
	for i := range c.devices {
		id := c.key(i).Device
		f.Devices = append(f.Devices, devices.Device{
			Key: c.key(i), Model: "boiler", Firmware: "1.0", Owner: "owner-" + id, Site: devices.Site{ID: "site", Zone: "Europe/Berlin"},
		})
		f.Contacts = append(f.Contacts, devices.Contact{
			Tenant: tenant, ID: "owner-" + id, Name: "Owner of " + id, Locale: "en", Zone: "Europe/Berlin",
			Addresses: []devices.Address{{Channel: "email", Value: id + "@owners.example", Consent: time.Now()}},
		})
	}
	return f
}
