package devices

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Validate returns nil or an Invalid error that names everything that is wrong
// and how to mend it.
func (m *Model) Validate() error {
	var f faults
	f.id("tenant", m.Tenant)
	f.id("id", m.ID)
	if strings.TrimSpace(m.Name) == "" {
		f.add(`name is missing; give the model's name as the maker writes it`)
	}
	f.phrase("name", m.Name, 200)
	f.words("words", m.Words)
	if m.Interval <= 0 {
		f.add(`interval is %s; give the usual time between two readings, such as "10m"`, FormatDuration(m.Interval))
	}
	if len(m.Metrics) == 0 {
		f.add("metrics is empty; name at least one quantity that the model reports")
	}
	for i := range m.Metrics {
		twin := slices.ContainsFunc(m.Metrics[:i], func(o Metric) bool { return o.Name == m.Metrics[i].Name })
		m.Metrics[i].check(&f, fmt.Sprintf("metrics[%d]", i), twin)
	}
	for i := range m.Remedies {
		twin := slices.ContainsFunc(m.Remedies[:i], func(o Remedy) bool { return o.ID == m.Remedies[i].ID })
		m.Remedies[i].check(&f, fmt.Sprintf("remedies[%d]", i), twin, m)
	}
	return f.err("model " + quoteShort(m.ID))
}

func (q *Metric) check(f *faults, at string, twin bool) {
	switch {
	case reservedMetric(q.Name):
		f.add("%s.name is %q, which is reserved (as are %s); choose another", at, q.Name, strings.Join(ReservedMetrics(), ", "))
	case !ValidMetric(q.Name):
		f.add("%s.name is %s; begin with a letter and use up to 64 letters, digits and underscores", at, quoteShort(q.Name))
	default:
		at = "metric " + q.Name
		if twin {
			f.add("%s is there twice; give each metric a name of its own", at)
		}
	}
	if strings.TrimSpace(q.Unit) == "" {
		f.add(`%s has no unit; name it, such as "°C", or "1" for a plain number`, at)
	}
	f.phrase(at+" unit", q.Unit, 32)
	f.words(at+" words", q.Words)
	low, high := math.Inf(-1), math.Inf(1)
	if q.Min != nil {
		low = *q.Min
		f.within(at+" min", low, -math.MaxFloat64, math.MaxFloat64)
	}
	if q.Max != nil {
		high = *q.Max
		f.within(at+" max", high, -math.MaxFloat64, math.MaxFloat64)
	}
	if low >= high {
		f.add("%s has min %v and max %v; min must be less than max", at, low, high)
	}
	f.size(at+" noticeable", q.Noticeable)
	f.size(at+" tolerance", q.Tolerance)
	if low < high && q.Noticeable >= high-low && !math.IsInf(q.Noticeable, 0) {
		f.add("%s has noticeable %v, but min and max are only %v apart; no deviation can be so large", at, q.Noticeable, high-low)
	}
}

func (r *Remedy) check(f *faults, at string, twin bool, m *Model) {
	f.id(at+".id", r.ID)
	if ValidID(r.ID) {
		at = "remedy " + r.ID
		if twin {
			f.add("%s is there twice; give each remedy an id of its own", at)
		}
	}
	f.words(at+" words", r.Words)
	for _, name := range r.Metrics {
		if _, ok := m.Metric(name); !ok {
			f.add("%s is for the metric %s, which the model does not have; it has %s", at, quoteShort(name), m.metricNames())
		}
	}
	if r.Duration <= 0 {
		f.add(`%s has the duration %s; say how long it takes, such as "15m"`, at, FormatDuration(r.Duration))
	} else if r.Duration > 24*time.Hour {
		f.add(`%s has the duration %s; it must fit into a day`, at, FormatDuration(r.Duration))
	}
	f.phrase(at+" skill", r.Skill, 64)
	f.optionalID(at+" command", r.Command)
}

func (m *Model) metricNames() string {
	names := make([]string, 0, len(m.Metrics))
	for _, q := range m.Metrics {
		names = append(names, quoteShort(q.Name))
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
