package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	requests *prometheus.HistogramVec
	streams  prometheus.Gauge
	dropped  prometheus.Counter
	signIns  *prometheus.CounterVec
}

// newMetrics registers the web server's metrics; r may be nil.
func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "forecare_web_request_seconds", Help: "Time to answer a request, event streams left out.",
			Buckets: []float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"method", "route", "status"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "forecare_web_streams", Help: "Open event streams.",
		}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "forecare_web_streams_dropped_total", Help: "Event streams ended because their reader was too slow.",
		}),
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "forecare_web_sign_ins_total", Help: "Attempts to sign in.",
		}, []string{"result"}),
	}
	if r != nil {
		r.MustRegister(m.requests, m.streams, m.dropped, m.signIns)
	}
	return m
}

// measure counts requests by the route they matched, never by their path.
func (s *Server) measure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		seen := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(seen, r)
		if seen.Header().Get("Content-Type") == "text/event-stream; charset=utf-8" {
			return
		}
		if seen.status == 0 {
			seen.status = http.StatusOK
		}
		s.metrics.requests.WithLabelValues(r.Method, routeOf(r), strconv.Itoa(seen.status)).Observe(time.Since(start).Seconds())
	})
}

// statusWriter remembers the status that was written.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the first status.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
