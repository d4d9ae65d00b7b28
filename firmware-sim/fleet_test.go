package sim_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sim "github.com/forecare/forecare/firmware-sim"
)

// smallPlan is a fleet of n devices that begins some days ago.
func smallPlan(t *testing.T, n int, days float64) sim.Plan {
	t.Helper()
	start := time.Now().Add(-time.Duration(days * 24 * float64(time.Hour)))
	p, err := sim.NewPlan(sim.PlanOptions{Seed: 7, Start: start, Devices: n, Live: 5 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func credentials(p sim.Plan) sim.Credentials {
	c := sim.Credentials{}
	for _, u := range p.Devices {
		c[u.Key.Device] = "secret-" + u.Key.Device
	}
	return c
}

// start runs a fleet until the test ends or stop is called, which waits for it.
func start(t *testing.T, p sim.Plan, o sim.Options) (f *sim.Fleet, stop func()) {
	t.Helper()
	f, err := sim.NewFleet(p, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }() // waited for in stop
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return f, stop
}

// wholeOf fails unless the broker has every reading that the plan made of a
// device up to the given time, with the planned values.
func wholeOf(t *testing.T, b *testBroker, p sim.Plan, device string, until time.Time) {
	t.Helper()
	got := b.of(device)
	all, err := p.Readings(p.Start, until)
	if err != nil {
		t.Fatal(err)
	}
	want, missing := 0, 0
	for r := range all {
		if r.Key.Device != device {
			continue
		}
		want++
		have, ok := got[r.Time.UnixMilli()]
		if !ok {
			missing++
			continue
		}
		for _, f := range r.Fields {
			if have[f.Name] != f.Value {
				t.Fatalf("%s at %s: %s is %v at the broker, %v in the plan", device, r.Time, f.Name, have[f.Name], f.Value)
			}
		}
	}
	if want == 0 || missing > 0 {
		t.Errorf("%s: %d of %d readings are missing at the broker", device, missing, want)
	}
}

func caughtUp(f *sim.Fleet, b *testBroker, p sim.Plan) func() bool {
	return func() bool {
		if !f.Status().Live {
			return false
		}
		for _, u := range p.Devices {
			newest := int64(0)
			for ts := range b.of(u.Key.Device) {
				newest = max(newest, ts)
			}
			if time.Since(time.UnixMilli(newest)) > 15*time.Minute {
				return false
			}
		}
		return true
	}
}

func TestFleetUploadsItsPastAndReachesThePresent(t *testing.T) {
	t.Parallel()
	p := smallPlan(t, 6, 1)
	b := newTestBroker(t, credentials(p))
	f, stop := start(t, p, sim.Options{Broker: b.url(), Credentials: credentials(p), Factor: 86400})
	eventually(t, "the present", caughtUp(f, b, p))
	if got := f.Status(); got.Connected != 6 || got.Refused != 0 {
		t.Errorf("status is %+v", got)
	}
	for _, u := range p.Devices {
		wholeOf(t, b, p, u.Key.Device, time.Now().Add(-30*time.Minute))
		for ts := range b.of(u.Key.Device) {
			if time.UnixMilli(ts).After(time.Now()) {
				t.Fatalf("%s sent a reading of the future", u.Key)
			}
		}
	}
	device := p.Devices[0].Key.Device
	if !b.said(device, `"online":true`) {
		t.Error("the device did not say that it is online")
	}
	stop()
	if !b.said(device, `"online":false`) {
		t.Error("the device did not say that it goes")
	}
}

func TestNothingIsLostWhenLinesAreCut(t *testing.T) {
	t.Parallel()
	p := smallPlan(t, 5, 2)
	b := newTestBroker(t, credentials(p))
	b.setLossy(0.1) // one acknowledgement in ten never arrives
	f, _ := start(t, p, sim.Options{Broker: b.url(), Credentials: credentials(p), Factor: 86400})
	storm, over := time.NewTicker(150*time.Millisecond), time.After(3*time.Second)
	defer storm.Stop()
	for calm := false; !calm; {
		select {
		case <-storm.C:
			b.lines.cut()
		case <-over:
			calm = true
		}
	}
	b.setLossy(0)
	eventually(t, "the present", caughtUp(f, b, p))
	sum := 0
	for _, u := range p.Devices {
		wholeOf(t, b, p, u.Key.Device, time.Now().Add(-30*time.Minute))
		sum += len(b.of(u.Key.Device))
	}
	// What the fleet counts as delivered has arrived. (More may have: an
	// acknowledgement that got lost.)
	if d := f.Status().Delivered; d > int64(sum) {
		t.Errorf("the fleet counts %d readings as delivered, the broker has %d", d, sum)
	}
}

func TestFleetGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	p := smallPlan(t, 3, 1)
	b := newTestBroker(t, credentials(p))
	o := sim.Options{
		Broker: b.url(), Credentials: credentials(p), Factor: 43200,
		StateFile: filepath.Join(t.TempDir(), "state.json"),
	}
	f, stop := start(t, p, o)
	eventually(t, "some hours", func() bool { return f.Status().Event.Sub(p.Start) > 8*time.Hour && len(b.of("air-a3-001")) > 20 })
	stop()
	stopped := f.Status().Event

	f, stop = start(t, p, o)
	if again := f.Status().Event; again.Before(stopped.Add(-2*time.Hour)) && !again.Equal(p.Start) {
		t.Errorf("the second run began at %s, the first ended at %s", again, stopped)
	}
	eventually(t, "the present", caughtUp(f, b, p))
	for _, u := range p.Devices {
		wholeOf(t, b, p, u.Key.Device, time.Now().Add(-30*time.Minute))
	}
	stop()

	other := p
	other.Seed++
	if _, err := sim.NewFleet(other, o); err == nil || !strings.Contains(err.Error(), "another plan") {
		t.Errorf("a state of another plan was taken: %v", err)
	}
}

func TestOfflineDeviceBuffersAndBackfills(t *testing.T) {
	t.Parallel()
	p := smallPlan(t, 3, 1)
	// Fault begins 2 h after the start and lasts to the end of the past: at
	// this speed the device is away for a good second.
	away := sim.Fault{Kind: sim.Offline, Onset: p.Start.Add(2 * time.Hour), Until: p.Start.Add(14 * time.Hour)}
	p.Devices[0].Faults = []sim.Fault{away}
	b := newTestBroker(t, credentials(p))
	f, _ := start(t, p, sim.Options{Broker: b.url(), Credentials: credentials(p), Factor: 28800})
	device := p.Devices[0].Key.Device
	eventually(t, "the device to be away", func() bool {
		return f.Status().Connected == 2 && b.said(device, `"online":false`) // its last will
	})
	for ts := range b.of(device) {
		if at := time.UnixMilli(ts); at.After(away.Onset.Add(3 * time.Hour)) {
			t.Errorf("a reading of %s came while the device was away", at)
		}
	}
	eventually(t, "the present", caughtUp(f, b, p))
	wholeOf(t, b, p, device, time.Now().Add(-30*time.Minute))
}

func TestCommandCuresAndIsDoneOnce(t *testing.T) {
	t.Parallel()
	p := smallPlan(t, 1, 0.5)
	device := p.Devices[0].Key.Device // an espresso machine
	p.Devices[0].Faults = []sim.Fault{{Kind: sim.StepChange, Metric: "brew_temp", Onset: p.Start, Size: 8}}
	b := newTestBroker(t, credentials(p))
	o := sim.Options{
		Broker: b.url(), Credentials: credentials(p), Factor: 86400, Work: 100 * time.Millisecond,
		StateFile: filepath.Join(t.TempDir(), "state.json"),
	}
	f, stop := start(t, p, o)
	eventually(t, "the present", caughtUp(f, b, p))

	send := func(id, body string) {
		t.Helper()
		if err := b.server.Publish("fleet/demo/"+device+"/cmd/"+id, []byte(body), false, 1); err != nil {
			t.Fatal(err)
		}
	}
	table := []struct{ id, body, want string }{
		{"c-ok", `{"id":"c-ok","name":"calibrate"}`, `{"ok":true}`},
		{"c-unknown", `{"name":"self_destruct"}`, `{"ok":false,"error":"this firmware knows no command self_destruct"}`},
		{"c-broken", `nonsense`, `{"ok":false,"error":"the command is no JSON object"}`},
		{"c-late", `{"name":"calibrate","expires":"2020-01-01T00:00:00Z"}`, `{"ok":false,"error":"the command came after it had expired"}`},
	}
	for _, c := range table {
		send(c.id, c.body)
		eventually(t, "an answer to "+c.id, func() bool { _, n := b.answer(c.id); return n > 0 })
		if got, _ := b.answer(c.id); got != c.want {
			t.Errorf("%s: answer %s, want %s", c.id, got, c.want)
		}
	}
	truth := f.Truths()[0]
	if truth.Cured.IsZero() || time.Since(truth.Cured) > time.Minute {
		t.Errorf("the fault was cured at %s", truth.Cured)
	}

	send("c-ok", `{"name":"calibrate"}`)
	eventually(t, "the same answer again", func() bool { _, n := b.answer("c-ok"); return n == 2 })
	stop()
	f, _ = start(t, p, o) // a restarted device still knows what it did
	eventually(t, "a connection", func() bool { return f.Status().Connected == 1 })
	send("c-ok", `{"name":"calibrate"}`)
	eventually(t, "the answer after a restart", func() bool { _, n := b.answer("c-ok"); return n == 3 })
	if again := f.Truths()[0].Cured; !again.Equal(truth.Cured) {
		t.Errorf("the command was done twice: cured at %s, then %s", truth.Cured, again)
	}

	// The self-test: a reading a second after the cure, at the healthy level.
	eventually(t, "self-test readings", func() bool {
		n := 0
		for ts, r := range b.of(device) {
			if d := time.UnixMilli(ts).Sub(truth.Cured); d > 0 && d < 10*time.Second {
				if n++; r["brew_temp"] > 95.5 {
					t.Fatalf("%s after the cure brew_temp is still %v", d, r["brew_temp"])
				}
			}
		}
		return n >= 3
	})
}

func TestCommandReachesADeviceThatWasAway(t *testing.T) {
	t.Parallel()
	p := smallPlan(t, 1, 0.2)
	b := newTestBroker(t, credentials(p))
	o := sim.Options{
		Broker: b.url(), Credentials: credentials(p), Factor: 86400, Work: time.Millisecond,
		StateFile: filepath.Join(t.TempDir(), "state.json"),
	}
	f, stop := start(t, p, o)
	eventually(t, "a connection", func() bool { return f.Status().Connected == 1 })
	stop()
	device := p.Devices[0].Key.Device
	if err := b.server.Publish("fleet/demo/"+device+"/cmd/later", []byte(`{"name":"restart"}`), false, 1); err != nil {
		t.Fatal(err)
	}
	start(t, p, o)
	eventually(t, "the answer", func() bool { got, _ := b.answer("later"); return got == `{"ok":true}` })
}

func TestServiceByHand(t *testing.T) {
	t.Parallel()
	p := smallPlan(t, 1, 0.2)
	p.Devices[0].Faults = []sim.Fault{{Kind: sim.StepChange, Metric: "pump_pressure", Onset: p.Start, Size: -2}}
	b := newTestBroker(t, credentials(p))
	o := sim.Options{Broker: b.url(), Credentials: credentials(p), Factor: 86400}
	idle, err := sim.NewFleet(p, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := idle.Service(p.Devices[0].Key.Device, "pump-service"); err == nil {
		t.Error("a fleet that does not run was serviced")
	}
	f, _ := start(t, p, o)
	eventually(t, "the present", caughtUp(f, b, p))
	if err := f.Service("nobody", "pump-service"); err == nil {
		t.Error("an unknown device was serviced")
	}
	if err := f.Service(p.Devices[0].Key.Device, "prayer"); err == nil {
		t.Error("an unknown remedy was done")
	}
	if err := f.Service(p.Devices[0].Key.Device, "pump-service"); err != nil {
		t.Fatal(err)
	}
	if f.Truths()[0].Cured.IsZero() {
		t.Error("the service cured nothing")
	}
}

func TestRefusedDevicesAreCounted(t *testing.T) {
	t.Parallel()
	p := smallPlan(t, 2, 0.1)
	wrong := credentials(p)
	wrong[p.Devices[0].Key.Device] = "guess"
	b := newTestBroker(t, credentials(p))
	f, _ := start(t, p, sim.Options{Broker: b.url(), Credentials: wrong, Factor: 86400})
	eventually(t, "a refusal", func() bool { s := f.Status(); return s.Refused > 1 && s.Connected == 1 })
}

func TestFleetRefusesWhatCannotRun(t *testing.T) {
	t.Parallel()
	p := smallPlan(t, 2, 1)
	good := sim.Options{Broker: "tcp://127.0.0.1:1", Credentials: credentials(p)}
	for name, bend := range map[string]func(*sim.Plan, *sim.Options){
		"no credential":  func(_ *sim.Plan, o *sim.Options) { o.Credentials = nil },
		"a web address":  func(_ *sim.Plan, o *sim.Options) { o.Broker = "http://127.0.0.1" },
		"no address":     func(_ *sim.Plan, o *sim.Options) { o.Broker = "" },
		"backwards":      func(_ *sim.Plan, o *sim.Options) { o.Factor = -1 },
		"no devices":     func(p *sim.Plan, _ *sim.Options) { p.Devices = nil },
		"a strange zone": func(p *sim.Plan, _ *sim.Options) { p.Devices[0].Site.Zone = "Mars/Olympus" },
		"a twin":         func(p *sim.Plan, _ *sim.Options) { p.Devices[1].Key = p.Devices[0].Key },
		"a stranger":     func(p *sim.Plan, _ *sim.Options) { p.Devices[0].Key.Tenant = "acme" },
		"a strange make": func(p *sim.Plan, _ *sim.Options) { p.Devices[0].Model = "toaster" },
		"a bad fault": func(p *sim.Plan, _ *sim.Options) {
			p.Devices[0].Faults = []sim.Fault{{Kind: "gremlin", Onset: p.Start, Metric: "brew_temp"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			plan, o := copyPlan(t, p), good
			bend(&plan, &o)
			if _, err := sim.NewFleet(plan, o); err == nil {
				t.Error("it was taken")
			}
		})
	}
}

func copyPlan(t *testing.T, p sim.Plan) sim.Plan {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var out sim.Plan
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
