package bus

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/forecare/forecare/devices"
)

// Trim makes room in the log. Of TELEMETRY it removes, oldest first, what
// everyone has dealt with: messages up to upTo (the caller's: the sequence of
// the oldest checkpoint that still has to be replayed from) and up to the
// position of every durable consumer; but it leaves the newest
// Options.KeepBytes, for whoever wants to read again. While no durable
// consumer exists nothing is removed, since nobody can have stored anything.
// EVENTS and FINDINGS are treated likewise, without upTo and with a quarter of
// their size. How much goes is estimated from the mean message size, so
// somewhat more or less than KeepBytes stays; what has not been dealt with
// always stays. It is to be called every few seconds; when nothing is to be
// done it costs a few requests. [TP-9.5]
func (b *Bus) Trim(ctx context.Context, upTo uint64) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if err := b.trim(ctx, streamTelemetry, upTo, b.options.KeepBytes); err != nil {
		return err
	}
	if err := b.trim(ctx, streamEvents, ^uint64(0), eventBytes/4); err != nil {
		return err
	}
	return b.trim(ctx, streamFindings, ^uint64(0), findingBytes/4)
}

func (b *Bus) trim(ctx context.Context, name string, upTo uint64, keep int64) error {
	failed := func(err error) error {
		return devices.Wrap(err, devices.Unavailable, "The log's stream %s cannot be trimmed at the moment.", name)
	}
	stream, err := b.js.Stream(ctx, name)
	if err != nil {
		return failed(err)
	}
	state := stream.CachedInfo().State
	if state.Msgs == 0 || state.Bytes <= uint64(keep) {
		return nil
	}
	consumers, err := durables(ctx, stream)
	if err != nil {
		return failed(err)
	}
	if len(consumers) == 0 {
		return nil
	}
	for _, c := range consumers {
		upTo = min(upTo, c.AckFloor.Stream)
	}
	excess := (state.Bytes - uint64(keep)) / max(1, state.Bytes/state.Msgs)
	if last := state.FirstSeq + excess; last <= upTo {
		upTo = last - 1
	}
	if upTo < state.FirstSeq {
		return nil
	}
	if err := stream.Purge(ctx, jetstream.WithPurgeSequence(upTo+1)); err != nil {
		return failed(err)
	}
	return nil
}

// durables returns the consumers of a stream that have a name and a position.
func durables(ctx context.Context, stream jetstream.Stream) ([]*jetstream.ConsumerInfo, error) {
	var out []*jetstream.ConsumerInfo
	list := stream.ListConsumers(ctx)
	for c := range list.Info() {
		if c.Config.Durable != "" {
			out = append(out, c)
		}
	}
	return out, list.Err()
}
