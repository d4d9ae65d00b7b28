package anomaly

import "github.com/prometheus/client_golang/prometheus"

// metrics counts what the engine does. The plain numbers are of the current
// Step and are added to the counters at its end, so that a reading costs no
// atomic operation.
type metrics struct {
	values, repeated, buckets, held, malformed, late int

	valuesTotal    prometheus.Counter
	repeatedTotal  prometheus.Counter
	bucketsTotal   prometheus.Counter
	heldTotal      prometheus.Counter
	malformedTotal prometheus.Counter
	lateTotal      prometheus.Counter
	findings       *prometheus.CounterVec
	sequence       prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "forecare_anomaly_" + name, Help: help})
	}
	m := &metrics{
		valuesTotal:    counter("values_total", "Values taken in."),
		repeatedTotal:  counter("repeated_values_total", "Values not newer than their series, which change nothing."),
		bucketsTotal:   counter("buckets_closed_total", "Buckets of event time closed, over all cohorts."),
		heldTotal:      counter("findings_held_total", "Findings not opened because many peers deviate in the same way."),
		malformedTotal: counter("malformed_messages_total", "Log messages that are not the line protocol ingest writes."),
		lateTotal:      counter("late_lines_total", "Lines that completed a bucket which was closed already."),
		findings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "forecare_anomaly_findings_total", Help: "Revisions of findings emitted.",
		}, []string{"kind", "status"}),
		sequence: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "forecare_anomaly_sequence", Help: "Sequence of the newest log message taken in.",
		}),
	}
	if r != nil {
		r.MustRegister(m.valuesTotal, m.repeatedTotal, m.bucketsTotal, m.heldTotal, m.malformedTotal,
			m.lateTotal, m.findings, m.sequence)
	}
	return m
}

func (m *metrics) finding(kind Kind, status Status) {
	m.findings.WithLabelValues(string(kind), string(status)).Inc()
}

// flush adds a Step's numbers to the counters.
func (m *metrics) flush(sequence uint64) {
	add := func(c prometheus.Counter, n *int) {
		if *n > 0 {
			c.Add(float64(*n))
			*n = 0
		}
	}
	add(m.valuesTotal, &m.values)
	add(m.repeatedTotal, &m.repeated)
	add(m.bucketsTotal, &m.buckets)
	add(m.heldTotal, &m.held)
	add(m.malformedTotal, &m.malformed)
	add(m.lateTotal, &m.late)
	m.sequence.Set(float64(sequence))
}
