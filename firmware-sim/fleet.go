package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/forecare/forecare/devices"
)

// Options say how to run a plan. Broker and Credentials must be given; Logger
// may be nil.
type Options struct {
	Broker      string        // tcp://host:port or ssl://host:port
	Credentials Credentials   // of every device of the plan
	Factor      float64       // speed of the simulated past; 0 means 1
	StateFile   string        // what the fleet remembers over a restart; empty for nothing
	Work        time.Duration // wall time that a remedy takes; 0 means 3 s
	Logger      *slog.Logger
	Watch       func(Happening) // told what happens, from any goroutine; must not block
}

// Happening is something a watcher may want to see.
type Happening struct {
	Kind   HappeningKind
	Key    devices.Key
	Remedy string
}

// HappeningKind says what happened.
type HappeningKind string

// The kinds of happening.
const (
	RemedyBegun HappeningKind = "remedy_begun" // the device carries out a command
	RemedyDone  HappeningKind = "remedy_done"  // the device is cured
)

// Status is where a running fleet stands.
type Status struct {
	Devices   int
	Connected int
	Refused   int       // connection attempts that the broker refused
	Delivered int64     // readings acknowledged by the broker since the fleet started
	Event     time.Time // event time now
	Live      bool      // event time is the present
	Trouble   string    // why no device can connect, while none can
}

// Fleet runs the devices of a plan, each on an MQTT connection of its own.
type Fleet struct {
	plan     Plan
	o        Options
	log      *slog.Logger
	stations []*station
	tally    tally
	clock    atomic.Pointer[Clock] // nil until Run
}

// stateFile is what a fleet keeps over a restart.
type stateFile struct {
	Plan    uint64            `json:"plan"` // fingerprint: a state belongs to one plan
	Devices map[string]Memory `json:"devices"`
}

// saveEvery is how often the state is written. What is lost with a crash is
// sent twice.
const saveEvery = 2 * time.Second

// NewFleet builds a fleet and reads its state, if there is one: it then goes on
// where it stopped, and sends what its devices measured meanwhile.
func NewFleet(p Plan, o Options) (*Fleet, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if _, err := brokerURL(o.Broker); err != nil {
		return nil, err
	}
	if o.Factor < 0 {
		return nil, devices.Errorf(devices.Invalid, "time cannot run backwards: the factor is %g", o.Factor)
	}
	if o.Factor == 0 {
		o.Factor = 1
	}
	if o.Work == 0 {
		o.Work = 3 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Watch == nil {
		o.Watch = func(Happening) {}
	}
	f := &Fleet{plan: p, o: o, log: o.Logger.With("component", "sim")}
	sky := make(map[string]*weather)
	for _, u := range p.Devices {
		if o.Credentials[u.Key.Device] == "" {
			return nil, devices.Errorf(devices.Invalid, "there is no credential for device %s", u.Key)
		}
		if sky[u.Site.ID] == nil {
			w, err := newWeather(p.Seed, u.Site)
			if err != nil {
				return nil, err
			}
			sky[u.Site.ID] = w
		}
		f.stations = append(f.stations, f.station(newDevice(p.Seed, u, sky[u.Site.ID])))
	}
	if err := f.restore(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *Fleet) station(d *Device) *station {
	return &station{
		device: d, rhythm: f.plan.rhythm(d), clock: &f.clock, work: f.o.Work, watch: f.o.Watch,
		pulled: f.plan.Start, acked: f.plan.Start,
	}
}

// fingerprint tells plans apart. A later start is the same plan begun later.
func (p *Plan) fingerprint() uint64 {
	h := mix(p.Seed, seedOf(p.Tenant))
	for i := range p.Devices {
		h = mix(h, seedOf(p.Devices[i].Key.Device), seedOf(p.Devices[i].Model))
	}
	return h
}

func (f *Fleet) restore() error {
	if f.o.StateFile == "" {
		return nil
	}
	var state stateFile
	err := readJSON(f.o.StateFile, &state)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if state.Plan != f.plan.fingerprint() {
		return devices.Errorf(devices.Invalid, "%s belongs to another plan; remove it to start this one from its beginning", f.o.StateFile)
	}
	for _, s := range f.stations {
		if err := s.remember(state.Devices[s.device.Key().Device]); err != nil {
			return fmt.Errorf("restoring %s from %s: %w", s.device.Key(), f.o.StateFile, err)
		}
	}
	return nil
}

// Save writes the state file, if there is to be one.
func (f *Fleet) Save() error {
	if f.o.StateFile == "" {
		return nil
	}
	state := stateFile{Plan: f.plan.fingerprint(), Devices: make(map[string]Memory, len(f.stations))}
	for _, s := range f.stations {
		state.Devices[s.device.Key().Device] = s.memory()
	}
	return writeJSON(f.o.StateFile, state, 0o600)
}

// Run connects every device and runs until ctx ends. Event time goes on where
// it stopped, Factor times as fast as the wall until it is the present; a
// device with a backlog sends it as fast as it is taken. A device that cannot
// connect keeps trying. The error is that of writing the state.
func (f *Fleet) Run(ctx context.Context) error {
	broker, err := brokerURL(f.o.Broker)
	if err != nil {
		return err
	}
	clock := Clock{Start: f.newest(), Began: time.Now(), Factor: f.o.Factor}
	f.clock.Store(&clock)

	var lines sync.WaitGroup
	for _, s := range f.stations {
		key := s.device.Key()
		l := newLine(broker, key, f.o.Credentials[key.Device], s, &f.tally, f.log)
		l.state = s.state
		lines.Go(func() { // waited for below
			if err := l.run(ctx); err != nil {
				f.log.Warn("a device stopped", "device", key.String(), "error", err)
			}
		})
	}
	f.log.Info("fleet started", "devices", len(f.stations), "from", clock.Start, "factor", clock.Factor)
	err = f.keepSaving(ctx)
	lines.Wait()
	return errors.Join(err, f.Save())
}

// keepSaving writes the state now and then until ctx ends.
func (f *Fleet) keepSaving(ctx context.Context) error {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := f.Save(); err != nil {
				f.log.Warn("the fleet's state could not be written; it will be tried again", "error", err)
			}
		}
	}
}

// newest returns how far the most advanced device has come.
func (f *Fleet) newest() time.Time {
	last := f.stations[0].acked
	for _, s := range f.stations[1:] {
		if s.acked.After(last) {
			last = s.acked
		}
	}
	return last
}

// Service does a remedy of a device by hand, as a technician on site would. It
// is Unavailable before Run.
func (f *Fleet) Service(device, remedy string) error {
	if f.clock.Load() == nil {
		return devices.Errorf(devices.Unavailable, "the fleet is not running yet")
	}
	for _, s := range f.stations {
		if s.device.Key().Device == device {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.cure(remedy)
		}
	}
	return devices.Errorf(devices.NotFound, "the fleet has no device %q", device)
}

// Status tells where the fleet stands.
func (f *Fleet) Status() Status {
	s := Status{
		Devices: len(f.stations), Connected: int(f.tally.connected.Load()),
		Refused: int(f.tally.refused.Load()), Delivered: f.tally.delivered.Load(), Event: f.plan.Start,
	}
	if clock := f.clock.Load(); clock != nil {
		s.Event, s.Live = clock.At(time.Now())
	}
	s.Trouble = f.tally.excuse()
	return s
}

// Truths returns what is really wrong in the fleet, and what was cured.
func (f *Fleet) Truths() []Truth {
	var out []Truth
	for _, s := range f.stations {
		out = append(out, s.device.Truths()...)
	}
	return out
}
