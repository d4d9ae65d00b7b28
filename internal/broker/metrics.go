package broker

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/ingest"
)

type metrics struct {
	connections prometheus.Gauge
	refused     *prometheus.CounterVec
	ended       *prometheus.CounterVec
	filters     prometheus.Counter
	commands    *prometheus.CounterVec

	accepted, rejected, unavailable prometheus.Counter // of publishes
	received, sent                  prometheus.Counter // bytes
}

func newMetrics(r prometheus.Registerer) *metrics {
	publishes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "forecare_broker_publishes_total", Help: "Messages of devices by outcome: accepted, rejected, unavailable (to be sent again).",
	}, []string{"outcome"})
	bytes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "forecare_broker_bytes_total", Help: "Bytes of connections by direction: received, sent.",
	}, []string{"direction"})
	m := &metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "forecare_broker_connections", Help: "Connections of authenticated devices.",
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "forecare_broker_refused_total", Help: "Connections that were not let in, by reason.",
		}, []string{"reason"}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "forecare_broker_ended_total", Help: "Connections of devices that ended, by reason.",
		}, []string{"reason"}),
		filters: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "forecare_broker_filters_refused_total", Help: "Topic filters that a device may not subscribe to.",
		}),
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "forecare_broker_commands_total", Help: "Commands by outcome: sent, offline, expired.",
		}, []string{"outcome"}),
		accepted:    publishes.WithLabelValues("accepted"),
		rejected:    publishes.WithLabelValues("rejected"),
		unavailable: publishes.WithLabelValues("unavailable"),
		received:    bytes.WithLabelValues("received"),
		sent:        bytes.WithLabelValues("sent"),
	}
	if r != nil {
		r.MustRegister(m.connections, m.refused, m.ended, m.filters, m.commands, publishes, bytes)
	}
	return m
}

// count counts a message that is acknowledged otherwise than by acks.
func (m *metrics) count(o ingest.Outcome) {
	switch {
	case o.Err != nil:
		m.unavailable.Inc()
	case o.Rejected != nil:
		m.rejected.Inc()
	default:
		m.accepted.Inc()
	}
}
