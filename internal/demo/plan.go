package demo

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/forecare/forecare/devices"
	sim "github.com/forecare/forecare/firmware-sim"
)

// How the demo's time runs: Past is uploaded at Factor, which is one day per
// ten seconds, so that the present is reached after a minute. LiveInterval is
// the sampling interval from then on.
const (
	Past         = 6 * 24 * time.Hour
	Factor       = 8640
	LiveInterval = 30 * time.Second

	fleetSize = 60
)

// trouble is what will go wrong with one device of the demo, After the
// beginning of its past.
type trouble struct {
	model string
	owner owner
	after time.Duration
	fault sim.Fault
}

// owner is the invented owner of a device in trouble.
type owner struct{ lang, name, mail string }

// troubles are chosen so that they are found one after another while a person
// watches: the first drift about 30 s after the start, when its size exceeds
// half of what is still good service, and noticed by nobody for five more
// days.
func troubles() []trouble {
	return []trouble{
		{"espresso-e1", owner{"en", "Alice Morgan", "alice@example.org"}, 19 * time.Hour, sim.Fault{Kind: sim.SlowDrift, Metric: "brew_temp", Slope: 0.35}},
		{"air-a3", owner{"ar", "ليلى حداد", "layla@example.org"}, 40 * time.Hour, sim.Fault{Kind: sim.SlowDrift, Metric: "co2", Slope: 28}},
		{"heatpump-h7", owner{"en", "Daniel Reyes", "daniel@example.org"}, 90 * time.Hour, sim.Fault{Kind: sim.StepChange, Metric: "supply_temp", Size: 2.5}},
		{"air-a3", owner{"ar", "عمر الخطيب", "omar@example.org"}, 100 * time.Hour, sim.Fault{Kind: sim.StuckValue, Metric: "humidity"}},
		{"espresso-e1", owner{"de", "Jana Vogt", "jana@example.org"}, 110 * time.Hour, sim.Fault{Kind: sim.Dropout, Share: 1}},
	}
}

// Plan plans the demo's fleet for a start at now: about sixty healthy devices
// all over the world, and five that are in trouble, each of another owner, for
// whom it is day now, so that no quiet hours delay what is written to them.
func Plan(now time.Time, seed uint64) (sim.Plan, error) {
	start := now.Add(-Past)
	p, err := sim.NewPlan(sim.PlanOptions{Seed: seed, Start: start, Devices: fleetSize, Live: LiveInterval})
	if err != nil {
		return sim.Plan{}, err
	}
	awake := awakeSites(now)
	for _, t := range troubles() {
		i := choose(&p, t, awake)
		if i < 0 {
			return sim.Plan{}, devices.Errorf(devices.Internal, "the demo found no device for a fault of kind %s", t.fault.Kind)
		}
		t.fault.Onset = p.Start.Add(t.after)
		p.Devices[i].Faults = []sim.Fault{t.fault}
		adopt(&p, i, t.owner)
	}
	return p, p.Validate()
}

// awakeSites returns the ids of the sites at which it is between nine and five
// now, those nearest to noon first.
func awakeSites(now time.Time) []string {
	type place struct {
		id   string
		noon float64
	}
	var out []place
	for _, s := range sim.Cities() {
		zone, err := time.LoadLocation(s.Zone)
		if err != nil {
			continue // the plan itself will say so
		}
		local := now.In(zone)
		if h := float64(local.Hour()) + float64(local.Minute())/60; h >= 9 && h < 17 {
			out = append(out, place{s.ID, math.Abs(h - 12)})
		}
	}
	slices.SortStableFunc(out, func(a, b place) int { return cmp.Compare(a.noon, b.noon) })
	ids := make([]string, len(out))
	for i := range out {
		ids[i] = out[i].id
	}
	return ids
}

// choose returns the index of the device that gets the trouble, at the site
// nearest to noon that has one. It is -1 if there is none.
func choose(p *sim.Plan, t trouble, awake []string) int {
	best, rank := -1, len(awake)
	for i, u := range p.Devices {
		if u.Model != t.model || len(u.Faults) > 0 {
			continue
		}
		if at := slices.Index(awake, u.Site.ID); at >= 0 && at < rank {
			best, rank = i, at
		}
	}
	return best
}

// adopt gives a device an owner of its own, who lives where it stands.
func adopt(p *sim.Plan, device int, who owner) {
	u := &p.Devices[device]
	c := devices.Contact{
		Tenant: p.Tenant, ID: fmt.Sprintf("owner-%03d", len(p.Contacts)+1),
		Name: who.name, Locale: who.lang, Zone: u.Site.Zone,
		Addresses: []devices.Address{{Channel: "email", Value: who.mail, Preference: 1, Consent: p.Start}},
		Created:   p.Start, Updated: p.Start,
	}
	p.Contacts = append(p.Contacts, c)
	u.Owner = c.ID
}
