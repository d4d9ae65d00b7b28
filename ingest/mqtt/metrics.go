package mqtt

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	connections prometheus.Gauge
	refused     *prometheus.CounterVec
	ended       *prometheus.CounterVec
	filters     prometheus.Counter
	commands    *prometheus.CounterVec
	dropped     *prometheus.CounterVec

	accepted, rejected, unavailable prometheus.Counter // of publishes
	received, sent                  prometheus.Counter // bytes
	writes                          prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "forecare_mqtt_" + name, Help: help}, labels)
	}
	publishes := counters("publishes_total", "Messages of devices by outcome: accepted, rejected, unavailable (to be sent again).", "outcome")
	bytes := counters("bytes_total", "Bytes of connections by direction: received, sent.", "direction")
	m := &metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "forecare_mqtt_connections", Help: "Connections of authenticated clients.",
		}),
		refused: counters("refused_total", "Connections that were not let in, by reason.", "reason"),
		ended:   counters("ended_total", "Connections of clients that ended, by reason.", "reason"),
		filters: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "forecare_mqtt_filters_refused_total", Help: "Topic filters that a client may not subscribe to.",
		}),
		commands:    counters("commands_total", "Commands by outcome: sent, offline, expired.", "outcome"),
		dropped:     counters("dropped_total", "Messages that did not reach a subscriber or were not retained, by reason: queue_full, not_reading, too_large, expired, retained_full.", "reason"),
		accepted:    publishes.WithLabelValues("accepted"),
		rejected:    publishes.WithLabelValues("rejected"),
		unavailable: publishes.WithLabelValues("unavailable"),
		received:    bytes.WithLabelValues("received"),
		sent:        bytes.WithLabelValues("sent"),
		writes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "forecare_mqtt_writes_total", Help: "Writes to connections; one holds all acknowledgements that are due.",
		}),
	}
	if r != nil {
		r.MustRegister(m.connections, m.refused, m.ended, m.filters, m.commands, m.dropped, publishes, bytes, m.writes)
	}
	return m
}
