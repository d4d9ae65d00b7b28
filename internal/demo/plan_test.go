package demo_test

import (
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	sim "github.com/forecare/forecare/firmware-sim"
	"github.com/forecare/forecare/internal/demo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Whenever the demo is started, the owners of its faulty devices are awake and
// stay so for a while.
func TestOwnersOfFaultyDevicesAreAwake(t *testing.T) {
	for _, month := range []time.Month{time.January, time.April, time.July, time.October} {
		for hour := range 24 {
			now := time.Date(2026, month, 18, hour, 20, 0, 0, time.UTC)
			p, err := demo.Plan(now, 1)
			if err != nil {
				t.Fatalf("%s: %v", now, err)
			}
			owners, langs := map[string]bool{}, map[string]bool{}
			for _, u := range p.Devices {
				if len(u.Faults) == 0 {
					continue
				}
				i := slices.IndexFunc(p.Contacts, func(c devices.Contact) bool { return c.ID == u.Owner })
				c := p.Contacts[i]
				if err := c.Validate(); err != nil {
					t.Fatal(err)
				}
				zone, err := time.LoadLocation(c.Zone)
				if err != nil {
					t.Fatal(err)
				}
				if h := now.In(zone).Hour(); h < 9 || h >= 17 {
					t.Errorf("started at %s, it is %d o'clock for the owner of %s", now, h, u.Key)
				}
				if owners[c.ID] {
					t.Errorf("%s owns two faulty devices", c.ID)
				}
				if !c.Addresses[0].Allowed() {
					t.Errorf("%s has not agreed to be written to", c.ID)
				}
				owners[c.ID], langs[c.Locale] = true, true
			}
			if len(owners) != 5 || !langs["en"] || !langs["ar"] {
				t.Errorf("started at %s there are %d owners of faulty devices, speaking %v", now, len(owners), langs)
			}
		}
	}
}

// What the demo promises, with the real detection and without everything in
// between: the first finding half a minute after the start, every fault found,
// none where there is none, and each gone soon after its remedy.
func TestDetectionFindsWhatTheDemoPromises(t *testing.T) {
	now := time.Date(2026, 11, 18, 2, 7, 0, 0, time.UTC)
	p, err := demo.Plan(now, 1)
	if err != nil {
		t.Fatal(err)
	}
	cured := now.Add(40 * time.Second)
	kinds := map[string]sim.FaultKind{}
	for i, u := range p.Devices {
		if len(u.Faults) > 0 {
			kinds[u.Key.Device] = u.Faults[0].Kind
			p.Devices[i].Faults[0].Until = cured
		}
	}
	models := map[string]*devices.Model{}
	for _, m := range sim.Models(p.Tenant) {
		models[m.ID] = &m
	}
	engine := anomaly.New(anomaly.Options{Models: func(_, id string) *devices.Model { return models[id] }})
	n := uint64(0)
	first := time.Time{}
	opened, cleared := map[string]time.Time{}, map[string]time.Time{}
	step := func(r devices.Reading) {
		n++
		found, err := engine.Step(n, r.AppendLine(nil))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			device := f.Key.Device
			switch f.Status {
			case anomaly.Opened:
				if kinds[device] == "" {
					t.Errorf("%s is healthy, but: %s", device, f.Reason)
				}
				opened[device] = f.At
				if first.IsZero() {
					first = f.At
					if f.Metric != "brew_temp" || f.Forecast == nil || f.Forecast.P10.Before(now.Add(24*time.Hour)) {
						t.Errorf("the first finding is no drift that will be noticed days from now: %+v", f)
					}
				}
			case anomaly.Cleared:
				cleared[device] = f.At
			}
		}
	}
	past, err := p.Readings(p.Start, now)
	if err != nil {
		t.Fatal(err)
	}
	for r := range past {
		step(r)
	}
	if at := first.Sub(p.Start).Hours() / 2.4; at < 20 || at > 40 {
		t.Errorf("the first finding comes %.1f s after the start", at)
	}
	for device, kind := range kinds {
		if opened[device].IsZero() {
			t.Errorf("the %s of %s was not found", kind, device)
		}
	}
	// The remedies end in a minute of self-test, a reading a second; then the
	// fleet goes on as it does live.
	p.Interval = sim.Seconds(time.Second)
	test, err := p.Readings(cured, cured.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	var rest []devices.Reading
	for r := range test {
		if kinds[r.Key.Device] != "" {
			rest = append(rest, r)
		}
	}
	p.Interval = sim.Seconds(demo.LiveInterval)
	live, err := p.Readings(now, now.Add(20*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	rest = append(rest, slices.Collect(live)...)
	slices.SortStableFunc(rest, func(a, b devices.Reading) int { return a.Time.Compare(b.Time) })
	for _, r := range rest {
		step(r)
	}
	for device, kind := range kinds {
		// A stuck value clears only when it has varied for a while.
		if at := cleared[device]; at.Before(opened[device]) && kind != sim.StuckValue {
			t.Errorf("the %s of %s is cured, but still found", kind, device)
		}
	}
}
