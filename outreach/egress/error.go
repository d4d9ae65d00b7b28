package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// Stage is how far a failed request got.
type Stage string

// The stages.
const (
	Refused    Stage = "refused"    // not tried: the URL leads where we do not go
	Unreached  Stage = "unreached"  // nothing was sent
	Unanswered Stage = "unanswered" // it may have been received
)

// Error is a request without an answer. Its text holds our own words only:
// the causes would name the URL, which is somebody's address.
type Error struct {
	Stage  Stage
	Reason string
	cause  error // a bare sentinel, safe to show
}

// Error returns the reason.
func (e *Error) Error() string { return e.Reason }

// Unwrap returns context.Canceled or context.DeadlineExceeded, where one of
// them was the cause.
func (e *Error) Unwrap() error { return e.cause }

func refused(why string) *Error {
	return &Error{Stage: Refused, Reason: "the URL is not one that Forecare calls: " + why}
}

func failure(err error, sent bool) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	e := &Error{Stage: Unreached}
	if sent {
		e.Stage = Unanswered
	}
	e.Reason, e.cause = words(err)
	return e
}

func words(err error) (string, error) {
	if errors.Is(err, context.Canceled) {
		return "the request was given up", context.Canceled
	}
	if t, ok := errors.AsType[net.Error](err); ok && t.Timeout() {
		return "the host did not answer in time", context.DeadlineExceeded
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return "the host has no address", nil
		}
		return "the host could not be looked up", nil
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "the host refused the connection", nil
	}
	if badCertificate(err) {
		return "the host's certificate is not valid for it", nil
	}
	return "the connection broke", nil
}

func badCertificate(err error) bool {
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	return verification || authority || host
}

// maxRetryAfter keeps a mistaken header from putting a message off for years.
const maxRetryAfter = 24 * time.Hour

// RetryAfter reads the header of that name, seconds or a date, as a wait from
// now. 0 means that there is none to respect.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	var wait time.Duration
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		wait = time.Duration(s) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
