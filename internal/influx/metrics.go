package influx

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	up           prometheus.Gauge
	restarts     prometheus.Counter
	writes       *prometheus.CounterVec
	writtenLines prometheus.Counter
	writtenBytes prometheus.Counter
	writeSeconds prometheus.Histogram
	queries      *prometheus.CounterVec
	querySeconds prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		up: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "forecare_influx_up", Help: "1 while there is an InfluxDB to talk to.",
		}),
		restarts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "forecare_influx_restarts_total", Help: "How often the embedded InfluxDB ended and was started again.",
		}),
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "forecare_influx_writes_total", Help: "Writes by outcome: stored, busy, bad_lines, too_big, refused.",
		}, []string{"outcome"}),
		writtenLines: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "forecare_influx_written_lines_total", Help: "Lines that InfluxDB confirmed, repeated ones included.",
		}),
		writtenBytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "forecare_influx_written_bytes_total", Help: "Bytes of line protocol that InfluxDB confirmed.",
		}),
		writeSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "forecare_influx_write_seconds", Help: "Time of one write.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
		}),
		queries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "forecare_influx_queries_total", Help: "Queries by kind and outcome: answered, failed.",
		}, []string{"kind", "outcome"}),
		querySeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "forecare_influx_query_seconds", Help: "Time of one query.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 16),
		}),
	}
	if r != nil {
		r.MustRegister(m.up, m.restarts, m.writes, m.writtenLines, m.writtenBytes, m.writeSeconds, m.queries, m.querySeconds)
	}
	return m
}
