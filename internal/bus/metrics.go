package bus

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics describe appends as they happen, and streams and consumers as they
// are when somebody asks.
type metrics struct {
	seconds  *prometheus.HistogramVec
	failures *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer, b *Bus) metrics {
	f := promauto.With(r)
	if r != nil {
		r.MustRegister(newCollector(b))
	}
	return metrics{
		seconds: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "forecare_bus_append_seconds", Help: "How long the log takes to confirm a message.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 4, 9),
		}, []string{"stream"}),
		failures: f.NewCounterVec(prometheus.CounterOpts{Name: "forecare_bus_append_failures_total", Help: "Messages that the log did not confirm."}, []string{"stream"}),
	}
}

func (m *metrics) appended(stream string, took time.Duration, err error) {
	m.seconds.WithLabelValues(stream).Observe(took.Seconds())
	if err != nil {
		m.failures.WithLabelValues(stream).Inc()
	}
}

// collector asks the log for its state at each scrape.
type collector struct {
	bus                             *Bus
	messages, bytes, limit, removed *prometheus.Desc
	lag                             *prometheus.Desc
}

func newCollector(b *Bus) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("forecare_bus_"+name, help, labels, nil)
	}
	return &collector{
		bus:      b,
		messages: desc("stream_messages", "Messages in the stream.", "stream"),
		bytes:    desc("stream_bytes", "Bytes in the stream.", "stream"),
		limit:    desc("stream_max_bytes", "Bytes that the stream may hold.", "stream"),
		removed:  desc("stream_removed_total", "Messages trimmed from the stream, or forgotten by its limits.", "stream"),
		lag:      desc("consumer_lag_messages", "Messages that the consumer has not dealt with.", "stream", "consumer"),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.messages, c.bytes, c.limit, c.removed, c.lag} {
		out <- d
	}
}

// Collect implements prometheus.Collector. While the log is away there is
// nothing to tell, and a scrape must not wait for it.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	status, err := c.bus.Status(ctx)
	if err != nil {
		return
	}
	for _, s := range status.Streams {
		out <- prometheus.MustNewConstMetric(c.messages, prometheus.GaugeValue, float64(s.Messages), s.Name)
		out <- prometheus.MustNewConstMetric(c.bytes, prometheus.GaugeValue, float64(s.Bytes), s.Name)
		out <- prometheus.MustNewConstMetric(c.limit, prometheus.GaugeValue, float64(s.MaxBytes), s.Name)
		out <- prometheus.MustNewConstMetric(c.removed, prometheus.CounterValue, float64(s.Removed), s.Name)
	}
	for _, s := range status.Consumers {
		out <- prometheus.MustNewConstMetric(c.lag, prometheus.GaugeValue, float64(s.Lag), s.Stream, s.Name)
	}
}
