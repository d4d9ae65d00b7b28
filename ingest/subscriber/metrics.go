package subscriber

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/ingest"
)

type metrics struct {
	connected prometheus.Gauge
	ended     *prometheus.CounterVec
	commands  *prometheus.CounterVec

	accepted, rejected, unavailable, lost, retained prometheus.Counter // messages
	redelivered, dropped                            prometheus.Counter

	current atomic.Pointer[connection]
}

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "forecare_subscriber_" + name, Help: help}, labels)
	}
	messages := counter("messages_total", "Messages of the broker by outcome: accepted, rejected (a dead letter), unavailable (to be delivered again), lost (likewise, but QoS 0), retained (a copy, ignored).", "outcome")
	m := &metrics{
		connected: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "forecare_subscriber_connected", Help: "1 while the broker is connected and subscribed to.",
		}),
		ended:       counter("ended_total", "Connections and attempts that ended, by reason: network, fault (messages could not be kept), stop.", "reason"),
		commands:    counter("commands_total", "Commands by outcome: sent (the broker has it), offline, expired.", "outcome"),
		accepted:    messages.WithLabelValues("accepted"),
		rejected:    messages.WithLabelValues("rejected"),
		unavailable: messages.WithLabelValues("unavailable"),
		lost:        messages.WithLabelValues("lost"),
		retained:    messages.WithLabelValues("retained"),
		redelivered: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "forecare_subscriber_redelivered_total", Help: "Messages that the broker delivered again.",
		}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "forecare_subscriber_broker_dropped_total", Help: "Messages that the broker says it has dropped, of all its clients, while this process was running.",
		}),
	}
	inflight := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "forecare_subscriber_inflight_messages", Help: "Messages that are not acknowledged yet.",
	}, func() float64 {
		if c := m.current.Load(); c != nil {
			return float64(len(c.flights))
		}
		return 0
	})
	bytes := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "forecare_subscriber_inflight_bytes", Help: "Payloads that are not acknowledged yet.",
	}, func() float64 {
		if c := m.current.Load(); c != nil {
			return float64(c.budget.used.Load())
		}
		return 0
	})
	if r != nil {
		r.MustRegister(m.connected, m.ended, m.commands, messages, m.redelivered, m.dropped, inflight, bytes)
	}
	return m
}

// watch shows the connection's messages in flight; nil shows none.
func (m *metrics) watch(c *connection) { m.current.Store(c) }

func (m *metrics) count(o ingest.Outcome, qos byte) {
	switch {
	case o.Err != nil && qos == 0:
		m.lost.Inc()
	case o.Err != nil:
		m.unavailable.Inc()
	case o.Rejected != nil:
		m.rejected.Inc()
	default:
		m.accepted.Inc()
	}
}
