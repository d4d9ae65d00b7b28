package ingest

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// exposeCounts makes the Acceptor's counters metrics; nothing is counted twice.
func exposeCounts(r prometheus.Registerer, c *counts) {
	if r == nil {
		return
	}
	f := promauto.With(r)
	counter := func(name, help string, labels prometheus.Labels, read func() uint64) {
		f.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, func() float64 { return float64(read()) })
	}
	counter("forecare_ingest_messages_received_total", "Messages that came in at a door.", nil, c.received.Load)
	const outcomes, help = "forecare_ingest_messages_total", "Messages by outcome: stored, rejected (a dead letter), failed (not acknowledged)."
	counter(outcomes, help, prometheus.Labels{"outcome": "stored"}, c.stored.Load)
	counter(outcomes, help, prometheus.Labels{"outcome": "rejected"}, c.rejected.Load)
	counter(outcomes, help, prometheus.Labels{"outcome": "failed"}, c.failed.Load)
	counter("forecare_ingest_readings_total", "Readings made durable in the log.", nil, c.readings.Load)
	counter("forecare_ingest_events_total", "Device events made durable in the log.", nil, c.events.Load)
	for i, reason := range reasons {
		counter("forecare_ingest_dead_letters_total", "Refused readings and messages, by reason.", prometheus.Labels{"reason": string(reason)}, c.dead[i].Load)
	}
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "forecare_ingest_messages_in_flight", Help: "Messages without an outcome yet."},
		func() float64 { return float64(c.counters().InFlight) })
}

// committerMetrics describe the group commit.
type committerMetrics struct {
	messages prometheus.Histogram
	bytes    prometheus.Counter
	seconds  prometheus.Histogram
	failures prometheus.Counter
}

func newCommitterMetrics(r prometheus.Registerer, c *Committer) committerMetrics {
	f := promauto.With(r)
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "forecare_ingest_queue_bytes", Help: "Bytes that wait for an append or are in one."},
		func() float64 { return float64(c.QueuedBytes()) })
	return committerMetrics{
		messages: f.NewHistogram(prometheus.HistogramOpts{
			Name: "forecare_ingest_group_messages", Help: "Messages committed by one append.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 8),
		}),
		bytes: f.NewCounter(prometheus.CounterOpts{Name: "forecare_ingest_appended_bytes_total", Help: "Bytes of line protocol appended to the log."}),
		seconds: f.NewHistogram(prometheus.HistogramOpts{
			Name: "forecare_ingest_append_seconds", Help: "How long an append to the log takes.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 4, 9),
		}),
		failures: f.NewCounter(prometheus.CounterOpts{Name: "forecare_ingest_append_failures_total", Help: "Appends that the log did not take."}),
	}
}

func (m *committerMetrics) appended(messages, bytes int, took time.Duration, err error) {
	m.seconds.Observe(took.Seconds())
	if err != nil {
		m.failures.Inc()
		return
	}
	m.messages.Observe(float64(messages))
	m.bytes.Add(float64(bytes))
}

// writerMetrics describe the way from the log into the readings store.
type writerMetrics struct {
	lines   prometheus.Counter
	batch   prometheus.Histogram
	seconds prometheus.Histogram
	retries *prometheus.CounterVec
	refused prometheus.Counter
}

func newWriterMetrics(r prometheus.Registerer, w *Writer) writerMetrics {
	f := promauto.With(r)
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "forecare_ingest_writer_lag_seconds", Help: "Age of what was stored last, while there is something to store."},
		func() float64 { return w.lag().Seconds() })
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "forecare_ingest_writer_ready", Help: "1 while the readings store takes readings, else 0."},
		func() float64 {
			if w.Ready() != nil {
				return 0
			}
			return 1
		})
	return writerMetrics{
		lines: f.NewCounter(prometheus.CounterOpts{Name: "forecare_ingest_stored_lines_total", Help: "Lines that the readings store has taken."}),
		batch: f.NewHistogram(prometheus.HistogramOpts{
			Name: "forecare_ingest_write_lines", Help: "Lines per write.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 8),
		}),
		seconds: f.NewHistogram(prometheus.HistogramOpts{
			Name: "forecare_ingest_write_seconds", Help: "How long a write takes.",
			Buckets: prometheus.ExponentialBuckets(1e-3, 2, 14),
		}),
		retries: f.NewCounterVec(prometheus.CounterOpts{Name: "forecare_ingest_write_retries_total", Help: "Failed writes that were given again, by cause."}, []string{"cause"}),
		refused: f.NewCounter(prometheus.CounterOpts{Name: "forecare_ingest_refused_lines_total", Help: "Lines that the readings store refuses; they are dead letters."}),
	}
}

func (m *writerMetrics) wrote(lines int, took time.Duration) {
	m.lines.Add(float64(lines))
	m.batch.Observe(float64(lines))
	m.seconds.Observe(took.Seconds())
}

func (m *writerMetrics) retried(k WriteErrorKind) {
	cause := "busy"
	if k == Refused {
		cause = "refused"
	}
	m.retries.WithLabelValues(cause).Inc()
}
