package bus

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

// defaultTimeout bounds calls whose context has no deadline.
const defaultTimeout = 10 * time.Second

// AppendTelemetry stores lines, each ended by LF, as one message of the shard.
// It returns nil only when they are durable. [TP-4.1]
func (b *Bus) AppendTelemetry(ctx context.Context, shard int, lines []byte) error {
	return b.append(ctx, streamTelemetry, telemetrySubject(shard), lines)
}

// AppendEvent stores an event in the shard of its device. It returns nil only
// when it is durable.
func (b *Bus) AppendEvent(ctx context.Context, e devices.Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return devices.Wrap(err, devices.Internal, "An event of %s cannot be written.", e.Key)
	}
	return b.append(ctx, streamEvents, "event."+strconv.Itoa(ingest.ShardOf(e.Key, b.options.Shards)), body)
}

// AppendDeadLetter stores d under its publisher's tenant. It returns nil only
// when it is durable. d.Seq is ignored. [TP-6.1]
func (b *Bus) AppendDeadLetter(ctx context.Context, d ingest.DeadLetter) error {
	d.Seq = 0
	body, err := json.Marshal(d)
	if err != nil {
		return devices.Wrap(err, devices.Internal, "A dead letter of %s cannot be written.", d.Publisher)
	}
	return b.append(ctx, streamDeadLetter, "deadletter."+escape(d.Publisher.Tenant), body)
}

// PublishFinding stores one revision of a finding, which is stored once
// however often it is published within 24 hours. It returns nil only when it
// is durable. [TP-9.7]
func (b *Bus) PublishFinding(ctx context.Context, f anomaly.Finding) error {
	body, err := json.Marshal(f)
	if err != nil {
		return devices.Wrap(err, devices.Internal, "The finding %s cannot be written.", f.ID)
	}
	return b.append(ctx, streamFindings, "finding."+escape(f.Key.Tenant), body, jetstream.WithMsgID(f.ID+":"+strconv.Itoa(f.Revision)))
}

// append waits until the stream has stored the body.
func (b *Bus) append(ctx context.Context, stream, subject string, body []byte, options ...jetstream.PublishOpt) error {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	defer context.AfterFunc(b.link.current(), cancel)()
	began := time.Now()
	ack, err := b.js.Publish(ctx, subject, body, options...)
	if err == nil && ack.Stream != stream {
		err = errors.New("it was stored in the stream " + ack.Stream)
	}
	b.metrics.appended(stream, time.Since(began), err)
	if err == nil {
		return nil
	}
	if isFull(err) {
		return devices.Wrap(err, devices.Unavailable, "The log's stream %s is full; nothing is forgotten, but nothing more is taken until its readers have caught up or it is given more room.", stream)
	}
	return devices.Wrap(err, devices.Unavailable, "The log did not confirm a message of %s.", stream)
}

// isFull reports whether the stream has refused for its size. The server has
// one code for every failed store and tells them apart by text.
func isFull(err error) bool {
	const storeFailed = 10077
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && api.ErrorCode == storeFailed && strings.Contains(api.Description, "maximum bytes exceeded")
}

// bounded gives ctx a deadline if it has none.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, defaultTimeout)
}
