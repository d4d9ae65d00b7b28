package bus

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/forecare/forecare/devices"
)

// The streams. [TP-9.1]
const (
	streamTelemetry  = "TELEMETRY"
	streamEvents     = "EVENTS"
	streamFindings   = "FINDINGS"
	streamDeadLetter = "DEADLETTER"
)

const (
	eventBytes      = 512 << 20
	findingBytes    = 512 << 20
	deadLetterBytes = 1 << 30 // [TP-6.4]
	deadLetterAge   = 90 * 24 * time.Hour
	findingWindow   = 24 * time.Hour // [TP-9.7]
)

// streamConfigs describe the streams. None has persist_mode async, which loses
// acknowledged messages when the process is killed.
func streamConfigs(o Options) []jetstream.StreamConfig {
	configs := []jetstream.StreamConfig{
		{Name: streamTelemetry, Subjects: []string{"telemetry.*"}, MaxBytes: o.MaxBytes, Discard: jetstream.DiscardNew},
		{Name: streamEvents, Subjects: []string{"event.*"}, MaxBytes: eventBytes, Discard: jetstream.DiscardNew},
		{Name: streamFindings, Subjects: []string{"finding.*"}, MaxBytes: findingBytes, Discard: jetstream.DiscardNew, Duplicates: findingWindow},
		{Name: streamDeadLetter, Subjects: []string{"deadletter.*"}, MaxBytes: deadLetterBytes, Discard: jetstream.DiscardOld, MaxAge: deadLetterAge},
	}
	for i := range configs {
		c := &configs[i]
		c.Storage = jetstream.FileStorage
		c.Retention = jetstream.LimitsPolicy
		c.AllowDirect = true
		c.Replicas = 1
		if o.Durability == DurabilityReplicated {
			c.Replicas = 3
		}
	}
	return configs
}

// createStreams makes the streams, or brings them up to date.
func (b *Bus) createStreams(ctx context.Context) error {
	for _, c := range streamConfigs(b.options) {
		if _, err := b.js.CreateOrUpdateStream(ctx, c); err != nil {
			return devices.Wrap(err, devices.Unavailable, "The log's stream %s cannot be made. Does the server have JetStream, room for %d MiB, and at least %d servers?", c.Name, c.MaxBytes>>20, c.Replicas)
		}
	}
	return nil
}
