package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/forecare/forecare/devices"
)

// statuses is the one table between error codes and HTTP.
var statuses = map[devices.Code]int{
	devices.Invalid:      http.StatusUnprocessableEntity,
	devices.NotFound:     http.StatusNotFound,
	devices.Conflict:     http.StatusConflict,
	devices.Unauthorized: http.StatusUnauthorized,
	devices.Forbidden:    http.StatusForbidden,
	devices.Unavailable:  http.StatusServiceUnavailable,
	devices.Internal:     http.StatusInternalServerError,
}

// StatusOf returns the HTTP status of an error code.
func StatusOf(c devices.Code) int {
	if status, ok := statuses[c]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// CodeOf returns the error code of an HTTP status, for clients of the API.
// Statuses below 400 have none.
func CodeOf(status int) devices.Code {
	for code, s := range statuses {
		if s == status {
			return code
		}
	}
	switch {
	case status < 400:
		return ""
	case status == http.StatusTooManyRequests || status == http.StatusBadGateway || status == http.StatusGatewayTimeout:
		return devices.Unavailable
	case status < 500:
		return devices.Invalid
	}
	return devices.Internal
}

// Problem is how the API says that something went wrong (RFC 9457). Code is
// one of devices.Code; ID finds the entry in the log.
type Problem struct {
	Type   string              `json:"type" doc:"Always about:blank; code says what kind of problem it is."`
	Title  string              `json:"title" doc:"The HTTP status in words."`
	Status int                 `json:"status" doc:"The HTTP status."`
	Code   devices.Code        `json:"code" enum:"invalid,not_found,conflict,unauthorized,forbidden,unavailable,internal" doc:"The kind of problem. Only unavailable is worth trying again unchanged."`
	Detail string              `json:"detail" doc:"What happened and what to do about it."`
	ID     string              `json:"id,omitempty" doc:"Finds the request in Forecare's log."`
	Errors []*huma.ErrorDetail `json:"errors,omitempty" doc:"What is wrong with which part of the request."`
}

// Error returns the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType names the form of a problem.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

func newProblem(status int, code devices.Code, detail, id string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail, ID: id}
}

// problem turns err into what the API answers and logs what is ours to mend.
// where is the route, never the path, which may hold a secret.
func (s *Server) problem(ctx context.Context, where string, err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	id := requestID(ctx)
	code := devices.CodeOf(err)
	s.note(ctx, where, code, id, err)
	return newProblem(StatusOf(code), code, devices.MessageOf(err), id)
}

// note logs errors that are not the caller's. A caller that has gone away is
// nobody's error.
func (s *Server) note(ctx context.Context, where string, code devices.Code, id string, err error) {
	if ctx.Err() != nil {
		return
	}
	level := slog.LevelError
	switch code {
	case devices.Unavailable:
		level = slog.LevelWarn
	case devices.Internal:
	default:
		return
	}
	s.log.Log(ctx, level, "request failed", "id", id, "route", where, "code", string(code), "error", err)
}

// problems makes every error that huma itself answers, such as a body that
// does not fit its schema, one of ours.
func problems(ctx huma.Context, status string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := newProblem(m.Status, CodeOf(m.Status), m.Detail, requestID(ctx.Context()))
	p.Errors = m.Errors
	if m.Detail == "validation failed" {
		p.Detail = "The request does not fit; errors says what to mend."
	}
	return p, nil
}
