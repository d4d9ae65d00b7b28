package anomaly

import (
	"log/slog"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/devices"
)

// Options build an Engine. Models describes a model, nil if it is not known;
// it is asked from within Step, about once an hour of event time and cohort.
// Logger and Registerer may be nil.
type Options struct {
	Models     func(tenant, id string) *devices.Model
	Settings   Settings
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Engine finds deviating devices. It is a fold over the log: what it yields
// depends on the messages and their order, on what Models answers, and on
// nothing else; no clock, no chance, no order of a map. Step, Snapshot and
// Restore are for one goroutine at a time; Cohorts is for all.
type Engine struct {
	settings Settings
	models   func(tenant, id string) *devices.Model
	logger   *slog.Logger
	metrics  *metrics

	sequence uint64
	units    map[string]*unit // by tenant/device
	byModel  map[cohortName]*cohort
	cohorts  []*cohort // in the order of their first readings

	found     []Finding // of the current Step
	touched   []*cohort // by the current Step
	name      []byte
	summaries atomic.Pointer[[]CohortSummary]
}

type cohortName struct{ tenant, model string }

// New returns an Engine that has seen nothing.
func New(o Options) *Engine {
	e := &Engine{settings: o.Settings.withDefaults(), models: o.Models, logger: o.Logger, metrics: newMetrics(o.Registerer)}
	if e.models == nil {
		e.models = func(string, string) *devices.Model { return nil }
	}
	if e.logger == nil {
		e.logger = slog.New(slog.DiscardHandler)
	}
	e.logger = e.logger.With("component", "anomaly")
	e.reset()
	return e
}

func (e *Engine) reset() {
	e.sequence = 0
	e.units = map[string]*unit{}
	e.byModel = map[cohortName]*cohort{}
	e.cohorts = nil
	e.summaries.Store(nil)
}

// Sequence returns the sequence of the newest message taken in, 0 before the
// first.
func (e *Engine) Sequence() uint64 { return e.sequence }

// Step takes in one message of the log: lines as ingest writes them, of any
// devices and times. It returns the findings that follow, in order. A message
// whose sequence is not greater than Sequence was taken in before and changes
// nothing. A malformed body is an error of code Invalid; the lines before the
// fault count, the message is over, and the caller goes on with the next.
func (e *Engine) Step(sequence uint64, body []byte) ([]Finding, error) {
	if sequence <= e.sequence {
		return nil, nil
	}
	e.sequence = sequence
	e.found, e.touched = nil, e.touched[:0]
	lines := devices.ScanLines(body)
	for lines.Next() {
		e.line(&lines)
	}
	err := lines.Err()
	if err != nil {
		e.metrics.malformed++
		err = devices.Wrap(err, devices.Invalid, "message %d of the log cannot be read", sequence)
	}
	e.summarize()
	e.metrics.flush(sequence)
	found := e.found
	e.found = nil
	return found, err
}

// line takes in one line.
func (e *Engine) line(l *devices.LineScanner) {
	t := l.UnixNano()
	if t <= 0 {
		return // ingest refuses these; bucket numbers start with 1970
	}
	u := e.unit(l)
	c := u.cohort
	e.touch(c)
	late := false
	guess := 0
	for name, v, ok := l.NextField(); ok; name, v, ok = l.NextField() {
		guess = c.gaugeOf(name, guess)
		late = c.read(u, guess, t, v) || late
		guess++
	}
	c.hear(u, t)
	if late {
		e.metrics.late++
		c.judgeUpTo(u, c.clock.next-1)
		c.decideUnit(u)
	}
	c.advance()
}

// unit returns the device of the line, in the cohort of its model.
func (e *Engine) unit(l *devices.LineScanner) *unit {
	e.name = append(append(append(e.name[:0], l.Tenant()...), '/'), l.Device()...)
	u := e.units[string(e.name)]
	if u != nil && u.cohort.model == string(l.Model()) {
		return u
	}
	if u != nil {
		e.touch(u.cohort)
		u.cohort.leave(u)
	}
	name := cohortName{string(l.Tenant()), string(l.Model())}
	c := e.byModel[name]
	if c == nil {
		c = newCohort(name.tenant, name.model, e)
		e.byModel[name] = c
		e.cohorts = append(e.cohorts, c)
	}
	u = c.join(string(l.Device()))
	e.units[string(e.name)] = u
	return u
}

// touch notes that the cohort changes in this Step.
func (e *Engine) touch(c *cohort) {
	if c.touched != e.sequence {
		c.touched, c.part = e.sequence, nil
		e.touched = append(e.touched, c)
	}
}
