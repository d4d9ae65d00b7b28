package sim

import (
	"fmt"
	"strconv"
	"time"

	"github.com/forecare/forecare/devices"
)

// PlanOptions say what fleet to plan. Start must be given.
type PlanOptions struct {
	Tenant   string // default "demo"
	Seed     uint64
	Start    time.Time
	Devices  int            // default 60
	Sites    []devices.Site // default Cities
	Models   []string       // ids out of Models; default all of them
	Interval time.Duration  // 0 means the model's
	Live     time.Duration  // 0 means Interval
}

// devicesPerOwner is how many devices of a site belong to one person.
const devicesPerOwner = 2

// NewPlan plans a healthy fleet: its devices spread evenly over models and
// sites, each owned by a person at the site who has agreed to be written to.
func NewPlan(o PlanOptions) (Plan, error) {
	if o.Tenant == "" {
		o.Tenant = "demo"
	}
	if o.Devices == 0 {
		o.Devices = 60
	}
	if o.Devices < 0 {
		return Plan{}, devices.Errorf(devices.Invalid, "a fleet of %d devices cannot be planned", o.Devices)
	}
	if o.Sites == nil {
		o.Sites = Cities()
	}
	if o.Models == nil {
		for _, d := range designs() {
			o.Models = append(o.Models, d.model.ID)
		}
	}
	if len(o.Sites) == 0 || len(o.Models) == 0 {
		return Plan{}, devices.Errorf(devices.Invalid, "a fleet needs a site and a model")
	}
	p := Plan{
		Tenant: o.Tenant, Seed: o.Seed, Start: o.Start.UTC().Truncate(time.Millisecond),
		Interval: Seconds(o.Interval), Live: Seconds(o.Live),
	}
	owners := newTown(o.Tenant, p.Start)
	made := make(map[string]int) // devices per model, for their names
	for i := range o.Devices {
		// Models change fastest, so that a site has some of each.
		site := o.Sites[i/len(o.Models)%len(o.Sites)]
		d, ok := designOf(o.Models[i%len(o.Models)])
		if !ok {
			return Plan{}, devices.Errorf(devices.Invalid, "there is no simulated model %q", o.Models[i%len(o.Models)])
		}
		made[d.model.ID]++
		u := Unit{Device: devices.Device{
			Key:   devices.Key{Tenant: o.Tenant, Device: fmt.Sprintf("%s-%03d", d.model.ID, made[d.model.ID])},
			Model: d.model.ID, Firmware: "1." + strconv.Itoa(3+i%2), Site: site,
			Created: p.Start, Updated: p.Start,
		}}
		u.Owner = owners.next(site)
		p.Devices = append(p.Devices, u)
	}
	p.Contacts = owners.contacts
	return p, p.Validate()
}

// town invents owners and gives them devices.
type town struct {
	tenant   string
	since    time.Time
	contacts []devices.Contact
	spare    map[string]int // by site: how many more devices its newest owner gets
	last     map[string]string
	met      map[string]int // by language: how many people were named
	here     map[string]int // by site: how many people live there
}

func newTown(tenant string, since time.Time) *town {
	return &town{
		tenant: tenant, since: since, spare: map[string]int{}, last: map[string]string{},
		met: map[string]int{}, here: map[string]int{},
	}
}

// next returns the id of the owner of the next device at a site.
func (t *town) next(site devices.Site) string {
	if t.spare[site.ID] > 0 {
		t.spare[site.ID]--
		return t.last[site.ID]
	}
	langs := languages(site.ID)
	lang := langs[t.here[site.ID]%len(langs)]
	t.here[site.ID]++
	names := people(lang)
	who := names[t.met[lang]%len(names)]
	round := t.met[lang] / len(names)
	t.met[lang]++
	if round > 0 {
		who.name += " " + strconv.Itoa(round+1)
		who.mail += strconv.Itoa(round + 1)
	}
	c := devices.Contact{
		Tenant: t.tenant, ID: fmt.Sprintf("owner-%03d", len(t.contacts)+1),
		Name: who.name, Locale: lang, Zone: site.Zone,
		Addresses: []devices.Address{{Channel: "email", Value: who.mail + "@example.org", Preference: 1, Consent: t.since}},
		Created:   t.since, Updated: t.since,
	}
	t.contacts = append(t.contacts, c)
	t.last[site.ID], t.spare[site.ID] = c.ID, devicesPerOwner-1
	return c.ID
}
