package bus

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

// Options say where the log is and how durable.
type Options struct {
	URL        string // embedded:///dir or nats://host:port[,host:port...]
	Durability string // embedded: process (default) or fsync; nats://: "" (the server's own) or replicated (three copies)
	MaxBytes   int64  // of stream TELEMETRY; a fuller log refuses; default 4 GiB
	KeepBytes  int64  // of TELEMETRY kept for re-reading although everyone has read it; default a quarter of MaxBytes
	Shards     int    // default 8
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Bus is an open log. Its methods may be called concurrently.
type Bus struct {
	options Options
}

var errNotBuilt = devices.Errorf(devices.Unavailable, "The log is not ready yet.")

// Open starts or dials the log and makes sure that its streams exist.
func Open(ctx context.Context, o Options) (*Bus, error) { return nil, errNotBuilt }

// Close lets go of the log; an embedded one is stopped.
func (b *Bus) Close(ctx context.Context) error { return nil }

// Ready returns nil while the log can be reached.
func (b *Bus) Ready() error { return errNotBuilt }

// Shards returns the number of shards.
func (b *Bus) Shards() int { return b.options.Shards }

// AppendTelemetry implements ingest.Log.
func (b *Bus) AppendTelemetry(ctx context.Context, shard int, lines []byte) error { return errNotBuilt }

// AppendDeadLetter implements ingest.Log.
func (b *Bus) AppendDeadLetter(ctx context.Context, d ingest.DeadLetter) error { return errNotBuilt }

// AppendEvent implements ingest.Log.
func (b *Bus) AppendEvent(ctx context.Context, e devices.Event) error { return errNotBuilt }

// ConsumeTelemetry feeds handle from the durable position of that name.
func (b *Bus) ConsumeTelemetry(ctx context.Context, durable string, handle func(context.Context, []ingest.LogMessage) error) error {
	return errNotBuilt
}

// ReplayTelemetry feeds handle every message after that sequence, in order.
func (b *Bus) ReplayTelemetry(ctx context.Context, after uint64, handle func(context.Context, ingest.LogMessage) error) error {
	return errNotBuilt
}

// PublishFinding stores one revision of a finding, once.
func (b *Bus) PublishFinding(ctx context.Context, f anomaly.Finding) error { return errNotBuilt }

// ConsumeFindings feeds handle findings one at a time.
func (b *Bus) ConsumeFindings(ctx context.Context, durable string, handle func(context.Context, anomaly.Finding) error) error {
	return errNotBuilt
}

// ConsumeEvents feeds handle device events one at a time.
func (b *Bus) ConsumeEvents(ctx context.Context, durable string, handle func(context.Context, devices.Event) error) error {
	return errNotBuilt
}

// DeadLetterQuery selects dead letters. Tenant "" means all; Before 0 means
// from the newest; Limit 0 means 50.
type DeadLetterQuery struct {
	Tenant string
	Before uint64
	Limit  int
}

// DeadLetters returns dead letters, newest first.
func (b *Bus) DeadLetters(ctx context.Context, q DeadLetterQuery) ([]ingest.DeadLetter, error) {
	return nil, errNotBuilt
}

// SendCommand passes a command to whichever process holds the device's
// connection. It is not kept: the sender repeats it until acknowledged.
func (b *Bus) SendCommand(ctx context.Context, c devices.Command) error { return errNotBuilt }

// Commands calls handle for every command sent while ctx lives.
func (b *Bus) Commands(ctx context.Context, handle func(devices.Command)) error { return errNotBuilt }

// Notice tells live pages and the console that something changed.
type Notice struct {
	Kind   string `json:"kind"` // registry, case, finding, device, message or stats
	Tenant string `json:"tenant,omitempty"`
	ID     string `json:"id,omitempty"`
	Text   string `json:"text,omitempty"`
}

// Notify sends n to everyone who listens now, best effort.
func (b *Bus) Notify(n Notice) {}

// Notices calls handle for every notice while ctx lives.
func (b *Bus) Notices(ctx context.Context, handle func(Notice)) error { return errNotBuilt }

// Trim removes messages of TELEMETRY that nobody needs any more.
func (b *Bus) Trim(ctx context.Context, upTo uint64) error { return errNotBuilt }

// Status is a snapshot of the streams and of who reads them.
type Status struct {
	Durability string
	Streams    []StreamStatus
	Consumers  []ConsumerStatus
}

// StreamStatus is the size of one stream. Discarded counts messages that the
// stream's own limits have removed, ever.
type StreamStatus struct {
	Name      string
	Messages  uint64
	Bytes     uint64
	MaxBytes  int64
	First     uint64
	Last      uint64
	Discarded uint64
}

// ConsumerStatus is how far a durable consumer has come: Acked is the sequence
// up to which it is done, Lag the number of messages still to do.
type ConsumerStatus struct {
	Stream string
	Name   string
	Acked  uint64
	Lag    uint64
}

// Status asks the log for its state.
func (b *Bus) Status(ctx context.Context) (Status, error) { return Status{}, errNotBuilt }
