package anomaly

import (
	"cmp"
	"slices"
	"time"
)

// CohortSummary says in a few numbers how a cohort is. Through is the event
// time up to which it is judged.
type CohortSummary struct {
	Tenant    string          `json:"tenant"`
	Model     string          `json:"model"`
	Devices   int             `json:"devices"`   // ever heard
	Reporting int             `json:"reporting"` // of these, heard within a day of Through
	Silent    int             `json:"silent"`    // with an open finding of silence
	Deviating int             `json:"deviating"` // with any other open finding
	Through   time.Time       `json:"through"`
	Metrics   []MetricSummary `json:"metrics"` // by name
}

// MetricSummary is a CohortSummary's part on one metric. Common counts devices
// whose deviation was not made a finding because many of their peers deviate
// in the same way in the same hours: that is a matter of the cohort.
type MetricSummary struct {
	Metric    string `json:"metric"`
	Deviating int    `json:"deviating"`
	Common    int    `json:"common"`
	Peers     bool   `json:"peers"` // there are enough devices to be each other's control group
}

// Cohorts returns a summary of every cohort, ordered by tenant and model. It
// may be called from any goroutine at any time and must not be changed by the
// caller.
func (e *Engine) Cohorts() []CohortSummary {
	if p := e.summaries.Load(); p != nil {
		return *p
	}
	return nil
}

// summarize publishes what has changed in this Step.
func (e *Engine) summarize() {
	changed := false
	for _, c := range e.touched {
		if !c.news {
			continue
		}
		c.news = false
		if s := c.summary(); c.told == nil || !c.told.equal(&s) {
			c.told, changed = &s, true
		}
	}
	if !changed {
		return
	}
	all := make([]CohortSummary, 0, len(e.cohorts))
	for _, c := range e.cohorts {
		if c.told != nil {
			all = append(all, *c.told)
		}
	}
	slices.SortFunc(all, func(a, b CohortSummary) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Model, b.Model))
	})
	e.summaries.Store(&all)
}

func (a *CohortSummary) equal(b *CohortSummary) bool {
	return a.Devices == b.Devices && a.Reporting == b.Reporting && a.Silent == b.Silent &&
		a.Deviating == b.Deviating && a.Through.Equal(b.Through) && slices.Equal(a.Metrics, b.Metrics)
}

// summary counts.
func (c *cohort) summary() CohortSummary {
	out := CohortSummary{
		Tenant: c.tenant, Model: c.model, Devices: len(c.units),
		Metrics: make([]MetricSummary, len(c.gauges)),
	}
	if c.clock.started {
		out.Through = instant(c.grid.start(c.clock.next))
	}
	for i, g := range c.gauges {
		out.Metrics[i] = MetricSummary{Metric: g.name, Peers: !g.solo}
	}
	block := c.grid.block(c.clock.next)
	for _, u := range c.units {
		if !c.gone(u) {
			out.Reporting++
		}
		if u.silence != nil {
			out.Silent++
		}
		deviates := false
		for i, s := range u.tracks {
			switch {
			case s == nil:
			case s.episode != nil:
				out.Metrics[i].Deviating++
				deviates = true
			case s.held >= block-mostPerDay:
				out.Metrics[i].Common++
			}
		}
		if deviates {
			out.Deviating++
		}
	}
	slices.SortFunc(out.Metrics, func(a, b MetricSummary) int { return cmp.Compare(a.Metric, b.Metric) })
	return out
}
