package influx

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

const (
	// writeTimeout bounds one Write. InfluxDB itself gives up after 10 s.
	writeTimeout = 30 * time.Second
	// whileClosed is how long to wait for the child to come back.
	whileClosed = 250 * time.Millisecond
)

// Write stores lines of line protocol with nanosecond time stamps. nil means
// that they are in InfluxDB's write-ahead log on disk: they survive kill -9 of
// it. Writing lines again changes nothing, also where only some of them were
// stored. The error is an *ingest.WriteError; see there.
func (db *DB) Write(ctx context.Context, lines []byte) error {
	if len(bytes.TrimSpace(lines)) == 0 {
		return nil
	}
	s := db.server.Load()
	if s == nil {
		db.metrics.writes.WithLabelValues("busy").Inc()
		return &ingest.WriteError{Kind: ingest.Busy, After: whileClosed, Err: db.closed()}
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	start := time.Now()
	err := s.writer.WriteRecord(ctx, string(lines))
	db.metrics.writeSeconds.Observe(time.Since(start).Seconds())
	if err == nil {
		db.metrics.writes.WithLabelValues("stored").Inc()
		db.metrics.writtenLines.Add(float64(bytes.Count(lines, []byte{'\n'})))
		db.metrics.writtenBytes.Add(float64(len(lines)))
		return nil
	}
	we := s.judge(err)
	db.metrics.writes.WithLabelValues(kindWord(we.Kind)).Inc()
	return we
}

// judge says what a failed write means for the writer.
func (s *server) judge(err error) *ingest.WriteError {
	h, ok := errors.AsType[*influxhttp.Error](err)
	if !ok || h.StatusCode == 0 {
		return &ingest.WriteError{Kind: ingest.Busy, Err: devices.Wrap(err, devices.Unavailable, "InfluxDB does not answer.")}
	}
	switch code := h.StatusCode; {
	case code == http.StatusBadRequest, code == http.StatusUnprocessableEntity:
		return &ingest.WriteError{Kind: ingest.BadLines, Err: devices.Wrap(err, devices.Invalid, "InfluxDB refuses a line.")}
	case code == http.StatusRequestEntityTooLarge:
		return &ingest.WriteError{Kind: ingest.TooBig, Err: devices.Wrap(err, devices.Invalid, "InfluxDB refuses so many lines at once.")}
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500:
		return &ingest.WriteError{Kind: ingest.Busy, After: retryAfter(h), Err: devices.Wrap(err, devices.Unavailable, "InfluxDB is busy.")}
	default:
		return &ingest.WriteError{Kind: ingest.Refused, Err: s.refusal(h)}
	}
}

// refusal explains an answer that will not change by itself.
func (s *server) refusal(h *influxhttp.Error) error {
	switch h.StatusCode {
	case http.StatusUnauthorized:
		return devices.Wrap(h, devices.Unavailable, "InfluxDB at %s does not know the token. Put a valid one into the token file and restart.", s.base)
	case http.StatusForbidden:
		return devices.Wrap(h, devices.Unavailable, "The token may not be used with bucket %s of organization %s. Give it read and write permission.", s.bucket, s.org)
	case http.StatusNotFound:
		return devices.Wrap(h, devices.Unavailable, "InfluxDB at %s has no bucket %s in organization %s. Create it, or correct the readings URL.", s.base, s.bucket, s.org)
	default:
		return devices.Wrap(h, devices.Unavailable, "%s does not answer like an InfluxDB (status %d). Check the readings URL.", s.base, h.StatusCode)
	}
}

// retryAfter reads the header in both of its forms.
func retryAfter(h *influxhttp.Error) time.Duration {
	if h.RetryAfter > 0 {
		return time.Duration(h.RetryAfter) * time.Second
	}
	if at, err := http.ParseTime(h.Header.Get("Retry-After")); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

func kindWord(k ingest.WriteErrorKind) string {
	switch k {
	case ingest.BadLines:
		return "bad_lines"
	case ingest.TooBig:
		return "too_big"
	case ingest.Refused:
		return "refused"
	default:
		return "busy"
	}
}
