package bus

import (
	"context"
	"encoding/json"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
)

// ConsumeFindings gives handle the revisions of findings behind the position
// of that durable name, one at a time in the order in which they were
// published. When handle returns nil the position moves on; on an error the
// same one is given again, after 250 ms, 500 ms, ... up to 60 s, and those
// behind it wait. It returns nil when ctx ends. One process may use a name at a time.
// [TP-9.4]
func (b *Bus) ConsumeFindings(ctx context.Context, durable string, handle func(context.Context, anomaly.Finding) error) error {
	return consume(ctx, b, streamFindings, durable, handle)
}

// ConsumeEvents gives handle the events of devices, in the same way as
// ConsumeFindings gives findings.
func (b *Bus) ConsumeEvents(ctx context.Context, durable string, handle func(context.Context, devices.Event) error) error {
	return consume(ctx, b, streamEvents, durable, handle)
}

func consume[T any](ctx context.Context, b *Bus, stream, durable string, handle func(context.Context, T) error) error {
	f := &follower{bus: b, stream: stream, name: durable, open: durableConsumer}
	f.take = func(ctx context.Context, items []item) error {
		done := whileBusy(items)
		defer done()
		for _, i := range items {
			var v T
			if err := json.Unmarshal(i.body, &v); err != nil {
				// Only a defect of ours writes such a thing, and waiting for it
				// to become readable would stop everything behind it.
				f.logger.Error("a message of the log cannot be read and is left out", "sequence", i.sequence, "error", err)
			} else if err := f.persist(ctx, "a message of the log could not be dealt with; those behind it wait", func() error { return handle(ctx, v) }); err != nil {
				return err
			}
			f.acknowledge(ctx, i)
		}
		return nil
	}
	return f.run(ctx)
}
