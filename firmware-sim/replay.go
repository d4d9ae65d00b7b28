package sim

import (
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"net/url"
	"sync"
	"time"

	"github.com/forecare/forecare/devices"
)

// ReplayOptions say how a recording is sent. Broker, Tenant and Credentials
// must be given. Factor is how many times as fast as it was recorded; 0 means
// such that it lasts a minute.
type ReplayOptions struct {
	Broker      string
	Tenant      string
	Credentials Credentials
	Factor      float64
	Logger      *slog.Logger
}

// Replay sends a recording, every unit on an MQTT connection of its own and
// with the recording's timestamps, all units at the same time of their world.
type Replay struct {
	recording *Recording
	o         ReplayOptions
	broker    *url.URL
	tally     tally
	log       *slog.Logger
}

// NewReplay prepares a recording that has its times.
func NewReplay(r *Recording, o ReplayOptions) (*Replay, error) {
	broker, err := brokerURL(o.Broker)
	if err != nil {
		return nil, err
	}
	if !devices.ValidID(o.Tenant) {
		return nil, devices.Errorf(devices.Invalid, "the tenant %q is no identifier", o.Tenant)
	}
	if o.Factor < 0 {
		return nil, devices.Errorf(devices.Invalid, "time cannot run backwards: the factor is %g", o.Factor)
	}
	for _, u := range r.Units {
		if o.Credentials[u.ID] == "" {
			return nil, devices.Errorf(devices.Invalid, "there is no credential for %s", u.ID)
		}
		if u.Rows[0].Time.IsZero() {
			return nil, devices.Errorf(devices.Invalid, "the recording has no times yet")
		}
	}
	from, until := r.Span()
	if until.After(time.Now()) {
		return nil, devices.Errorf(devices.Invalid, "the recording ends at %s, which is in the future", until.Format(time.RFC3339))
	}
	if o.Factor == 0 {
		o.Factor = max(1, until.Sub(from).Seconds()/60)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Replay{recording: r, o: o, broker: broker, log: o.Logger.With("component", "sim")}, nil
}

// Run sends everything and returns when all of it is acknowledged, or when ctx
// ends. It gives up with ErrRefused if the broker does not let a unit in.
func (p *Replay) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	from, _ := p.recording.Span()
	clock := Clock{Start: from, Began: time.Now(), Factor: p.o.Factor}
	var lines sync.WaitGroup
	refused := make(chan error, len(p.recording.Units))
	for _, u := range p.recording.Units {
		key := devices.Key{Tenant: p.o.Tenant, Device: u.ID}
		source := &tape{key: key, metrics: p.recording.Metrics, rows: u.Rows, clock: clock}
		l := newLine(p.broker, key, p.o.Credentials[u.ID], source, &p.tally, p.log)
		l.giveUp = 3
		lines.Go(func() { // waited for below
			if err := l.run(ctx); err != nil {
				refused <- devices.Wrap(err, devices.Unauthorized, "the broker does not let %s in; check that it is registered and that its credential is the newest", key)
				cancel()
			}
		})
	}
	lines.Wait()
	close(refused)
	var errs []error
	for err := range refused {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return errs[0]
	}
	return nil
}

// Status tells how far the replay is; Devices counts the units.
func (p *Replay) Status() Status {
	return Status{
		Devices: len(p.recording.Units), Connected: int(p.tally.connected.Load()), Refused: int(p.tally.refused.Load()),
		Delivered: p.tally.delivered.Load(), Trouble: p.tally.excuse(),
	}
}

// tape is a recorded unit that is played back.
type tape struct {
	key     devices.Key
	metrics []string
	rows    []RecordedRow
	clock   Clock
	played  int
}

func (s *tape) pull(limit int) ([]devices.Reading, time.Time) {
	now, _ := s.clock.At(time.Now())
	var out []devices.Reading
	var through time.Time
	for s.played < len(s.rows) && len(out) < limit && !s.rows[s.played].Time.After(now) {
		row := &s.rows[s.played]
		s.played++
		through = row.Time
		reading := devices.Reading{Key: s.key, Time: row.Time}
		for i, v := range row.Values {
			if !math.IsNaN(v) {
				reading.Fields = append(reading.Fields, devices.Field{Name: s.metrics[i], Value: v})
			}
		}
		if len(reading.Fields) > 0 {
			out = append(out, reading)
		}
	}
	return out, through
}

func (s *tape) wait() (time.Duration, bool) {
	if s.played == len(s.rows) {
		return 0, false
	}
	return s.clock.Wait(time.Now(), s.rows[s.played].Time), true
}

// online keeps a unit off the line before its first reading is due.
func (s *tape) online() bool {
	due, more := s.wait()
	return s.played > 0 || !more || due <= paceMax
}

func (s *tape) reached(time.Time) {}

func (s *tape) obey(devices.Command) json.RawMessage {
	return refusal("this device is a recording and obeys nobody")
}

func (s *tape) answers() []answer { return nil }
