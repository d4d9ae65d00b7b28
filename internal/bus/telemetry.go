package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

// ConsumeTelemetry gives handle everything on stream TELEMETRY behind the
// position of that durable name, in order, in batches that grow with the load
// (up to 512 messages or 4 MiB). When handle returns nil the position moves
// behind the batch; on an error the same batch is given again, after 250 ms,
// 500 ms, ... up to 60 s. It returns nil when ctx ends; after a restart it begins at
// the position, so what was in work is given again. One process may use a name
// at a time. [TP-9.4]
func (b *Bus) ConsumeTelemetry(ctx context.Context, durable string, handle func(context.Context, []ingest.LogMessage) error) error {
	f := &follower{bus: b, stream: streamTelemetry, name: durable, open: durableConsumer}
	messages := make([]ingest.LogMessage, 0, batchMessages)
	f.take = func(ctx context.Context, items []item) error {
		messages = messages[:0]
		for i := range items {
			m, err := logMessage(items[i])
			if err != nil {
				return err
			}
			messages = append(messages, m)
		}
		done := whileBusy(items)
		err := f.persist(ctx, "a batch of readings could not be dealt with; it waits in the log", func() error { return handle(ctx, messages) })
		done()
		clear(messages)
		if err != nil {
			return err
		}
		f.acknowledge(ctx, items[len(items)-1])
		return nil
	}
	return f.run(ctx)
}

// ReplayTelemetry gives handle every message of TELEMETRY after that sequence,
// one by one in order, then what is appended, until ctx ends; then it returns
// nil. It keeps no position: that is the caller's, who calls again with the
// sequence it has reached. It returns handle's error as it is. If the log ends
// before the sequence it is another log than the one that was read, or lost
// its end in a power cut: the error is then devices.Conflict. Messages that
// were trimmed are left out, with a warning if the caller has missed them.
func (b *Bus) ReplayTelemetry(ctx context.Context, after uint64, handle func(context.Context, ingest.LogMessage) error) error {
	f := &follower{bus: b, stream: streamTelemetry, name: "replay", last: after, open: passingConsumer}
	f.take = func(ctx context.Context, items []item) error {
		for i := range items {
			m, err := logMessage(items[i])
			if err != nil {
				return err
			}
			if err := handle(ctx, m); err != nil {
				return fatalError{err}
			}
			f.last = m.Sequence
		}
		return nil
	}
	return f.run(ctx)
}

// passingConsumer opens a consumer that the server forgets by itself.
func passingConsumer(ctx context.Context, f *follower) (jetstream.Consumer, error) {
	newest, err := f.newest(ctx)
	if err != nil {
		return nil, err
	}
	if newest < f.last {
		return nil, fatalError{devices.Errorf(devices.Conflict, "The log ends at message %d, before message %d which was read already. It is another log, or has lost its end.", newest, f.last)}
	}
	consumer, err := f.bus.js.CreateConsumer(ctx, f.stream, jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       f.last + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		InactiveThreshold: 2 * fetchExpiry,
		MemoryStorage:     true,
		Replicas:          1,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the consumer: %w", err)
	}
	return consumer, nil
}

func logMessage(i item) (ingest.LogMessage, error) {
	shard, err := shardOf(i.subject)
	if err != nil {
		return ingest.LogMessage{}, errors.Join(fmt.Errorf("message %d has the subject %q", i.sequence, i.subject), err)
	}
	return ingest.LogMessage{Sequence: i.sequence, Shard: shard, Body: i.body, Stored: i.stored}, nil
}
