package outreach

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type deskMetrics struct {
	cases    *prometheus.GaugeVec
	events   *prometheus.CounterVec
	findings *prometheus.CounterVec
	messages *prometheus.CounterVec
}

func newDeskMetrics(r prometheus.Registerer) *deskMetrics {
	f := promauto.With(r)
	return &deskMetrics{
		cases: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "forecare_outreach_cases", Help: "Cases by state, over all tenants.",
		}, []string{"state"}),
		events: f.NewCounterVec(prometheus.CounterOpts{
			Name: "forecare_outreach_case_events_total", Help: "Case events by kind, written by this process.",
		}, []string{"kind"}),
		findings: f.NewCounterVec(prometheus.CounterOpts{
			Name: "forecare_outreach_findings_total", Help: "Findings that were news, by kind and status.",
		}, []string{"kind", "status"}),
		messages: f.NewCounterVec(prometheus.CounterOpts{
			Name: "forecare_outreach_messages_written_total", Help: "Messages written to the outbox, by channel and state at that moment.",
		}, []string{"channel", "state"}),
	}
}

// countCases brings the gauge of cases up to date.
func (d *Desk) countCases(ctx context.Context) error {
	counts, err := d.o.Store.CaseCounts(ctx)
	if err != nil {
		return err
	}
	for _, s := range []State{Opened, Offered, Scheduled, InProgress, Done, Verified, Dismissed, Withdrawn, Reopened} {
		d.metrics.cases.WithLabelValues(string(s)).Set(float64(counts[s]))
	}
	return nil
}

type dispatcherMetrics struct {
	settled *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	waited  *prometheus.HistogramVec
	depth   *prometheus.GaugeVec
	paused  *prometheus.GaugeVec
}

func newDispatcherMetrics(r prometheus.Registerer) *dispatcherMetrics {
	f := promauto.With(r)
	return &dispatcherMetrics{
		settled: f.NewCounterVec(prometheus.CounterOpts{
			Name: "forecare_outreach_messages_total", Help: "What became of leased messages, by channel and state; pending means it will be tried again.",
		}, []string{"channel", "state"}),
		seconds: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "forecare_outreach_send_seconds", Help: "How long a channel takes to send.",
			Buckets: prometheus.ExponentialBuckets(0.005, 3, 9),
		}, []string{"channel"}),
		waited: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "forecare_outreach_message_delay_seconds", Help: "From when a message was due until it was sent.",
			Buckets: prometheus.ExponentialBuckets(0.1, 4, 9),
		}, []string{"channel"}),
		depth: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "forecare_outreach_outbox_messages", Help: "Messages that are pending or being sent, by channel.",
		}, []string{"channel"}),
		paused: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "forecare_outreach_channel_paused", Help: "1 while a channel waits because its configuration is refused.",
		}, []string{"channel"}),
	}
}
