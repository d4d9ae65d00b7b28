package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/web/account"
)

const healthWithin = 3 * time.Second

// healthz says that the process answers, and nothing about its parts.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

type partHealth struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// readyz says for each part whether it works, and 503 if one does not. The
// cause of a fault may name hosts, so strangers get the sentence only.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) error {
	parts, ok := s.health(r.Context())
	status, word := http.StatusOK, "ready"
	if !ok {
		status, word = http.StatusServiceUnavailable, "not ready"
	}
	return writeJSON(w, status, struct {
		Status string       `json:"status"`
		Parts  []partHealth `json:"parts"`
	}{word, parts})
}

func (s *Server) health(ctx context.Context) (parts []partHealth, ok bool) {
	parts, ok = []partHealth{}, true
	if s.o.Health == nil {
		return parts, ok
	}
	ctx, cancel := context.WithTimeout(ctx, healthWithin)
	defer cancel()
	for _, p := range s.o.Health(ctx) {
		h := partHealth{Name: p.Name, OK: p.Err == nil, Detail: p.Detail}
		if p.Err != nil {
			ok, h.Detail = false, devices.MessageOf(p.Err)
			if devices.CodeOf(p.Err) == devices.Internal {
				h.Detail = "It does not answer as it should; the log says why."
			}
		}
		parts = append(parts, h)
	}
	return parts, ok
}

// metricsPage serves Prometheus' text to this machine and to admins, or to
// everybody if so configured.
func (s *Server) metricsPage(w http.ResponseWriter, r *http.Request) error {
	if s.o.Gatherer == nil {
		return devices.Errorf(devices.NotFound, "This process has no metrics.")
	}
	if !s.o.OpenMetrics && !local(r) {
		id, err := s.whois(r)
		if err != nil {
			return err
		}
		if !id.Role.May(account.ManageAccess) {
			return devices.Errorf(devices.Forbidden, "Metrics are for admins.")
		}
	}
	promhttp.HandlerFor(s.o.Gatherer, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.Encode(v) //nolint:errcheck // the reader has gone
	return nil
}

func (s *Server) writeProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", p.ContentType(""))
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p) //nolint:errcheck // the reader has gone
}
