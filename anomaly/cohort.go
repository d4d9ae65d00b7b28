package anomaly

import (
	"math"
	"slices"

	"github.com/forecare/forecare/devices"
)

// cohort is the control group: all devices of one model of one tenant. It
// closes buckets of event time when enough of the devices have passed them,
// and judges every device against the centre of the others.
type cohort struct {
	tenant, model string
	settings      Settings
	grid          grid
	models        func(tenant, id string) *devices.Model

	units  []*unit  // in the order of their first readings
	gauges []*gauge // in the order of their first readings
	clock  watermark
	pause  float32 // that is usual, seconds

	out      *[]Finding     // findings of the current Step
	part     []byte         // encoded state, nil if it has changed since
	told     *CohortSummary // newest summary
	news     bool           // it may have changed since
	touched  uint64         // sequence of the Step that changed it last
	sizeHint int
	scratch  scratch
	metrics  *metrics
}

// scratch is memory for one computation at a time; none of it is state.
type scratch struct {
	all, begun, learned, other []float64
	block                      [mostPerBlock]float64
	ring                       [ringSize]float64
	at                         [ringSize]int32
}

func newCohort(tenant, model string, e *Engine) *cohort {
	c := &cohort{tenant: tenant, model: model, settings: e.settings, models: e.models, out: &e.found, metrics: e.metrics}
	c.grid = newGrid(defaultPeriod)
	if m := e.models(tenant, model); m != nil {
		c.grid = newGrid(m.Interval)
	}
	c.clock.init(c.grid, &c.settings)
	return c
}

func (c *cohort) key(u *unit) devices.Key { return devices.Key{Tenant: c.tenant, Device: u.id} }

func (c *cohort) emit(f Finding) {
	c.news = true
	*c.out = append(*c.out, f)
	c.metrics.finding(f.Kind, f.Status)
}

// gaugeOf returns the index of the metric, which is likely guess, and adds it
// if it is new.
func (c *cohort) gaugeOf(name []byte, guess int) int {
	if guess < len(c.gauges) && c.gauges[guess].name == string(name) {
		return guess
	}
	for i, g := range c.gauges {
		if g.name == string(name) {
			return i
		}
	}
	g := newGauge(string(name))
	g.describe(c.models(c.tenant, c.model))
	c.gauges = append(c.gauges, g)
	c.news = true
	return len(c.gauges) - 1
}

func (c *cohort) index(g *gauge) int { return slices.Index(c.gauges, g) }

// join adds a device that has never been heard of in this cohort.
func (c *cohort) join(id string) *unit {
	u := &unit{id: id, cohort: c, gap: float32(c.grid.width) / 1e9}
	c.units = append(c.units, u)
	c.clock.count(c.units)
	c.news = true
	return u
}

// leave removes a device that has become of another model.
func (c *cohort) leave(u *unit) {
	for i, s := range u.tracks {
		if s != nil && s.episode != nil {
			c.abandon(u, s, c.gauges[i], "The device is of another model now and is judged anew.")
		}
	}
	if u.silence != nil {
		c.heardAgain(u, u.silence.told)
	}
	c.units = slices.DeleteFunc(c.units, func(x *unit) bool { return x == u })
	c.clock.count(c.units)
	c.news = true
}

// read takes in one value of a device. It returns whether that completed a
// bucket whose centre is known already, so that the device is late and has to
// be judged at once.
func (c *cohort) read(u *unit, i int, t int64, v float64) (late bool) {
	s := u.open(i)
	if t <= s.last {
		c.metrics.repeated++
		return false
	}
	before, run := s.value, s.run
	complete := s.add(c.grid, t, v)
	if len(s.waiting) > mostClosed {
		s.waiting = s.waiting[:copy(s.waiting, s.waiting[1:])] // nobody will remember its time
	}
	c.metrics.values++
	if s.episode != nil {
		c.watch(u, s, c.gauges[i], t, v, run > 0 && v != before)
	}
	return complete && len(s.waiting) > 0 && s.waiting[0].bucket < c.clock.next
}

// advance closes the buckets that the cohort has passed.
func (c *cohort) advance() {
	for c.clock.due(c.units) {
		next := c.clock.next + 1
		if !c.close(c.clock.next) {
			// Nobody measured then, nor perhaps for a long time after.
			next = max(next, c.earliest())
		}
		c.clock.pass(next, c.units)
	}
}

// earliest returns the first bucket that holds readings and is not closed.
func (c *cohort) earliest() int32 {
	first := int32(math.MaxInt32)
	for _, u := range c.units {
		for _, s := range u.tracks {
			if s == nil {
				continue
			}
			if s.bucket >= c.clock.next && s.count > 0 {
				first = min(first, s.bucket)
			}
			for _, m := range s.waiting {
				if m.bucket >= c.clock.next {
					first = min(first, m.bucket)
					break
				}
			}
		}
	}
	return first
}
