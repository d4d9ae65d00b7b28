package bus

import (
	"context"
	"time"

	"github.com/forecare/forecare/devices"
)

// Status is a snapshot of the streams and of who reads them.
type Status struct {
	Durability string // "" if the dialled server decides [TP-9.6]
	Streams    []StreamStatus
	Consumers  []ConsumerStatus
}

// StreamStatus is the size of one stream. Removed counts the messages that are
// not there any more: trimmed, or for DEADLETTER forgotten by its limits.
type StreamStatus struct {
	Name     string
	Messages uint64
	Bytes    uint64
	MaxBytes int64
	First    uint64
	Last     uint64
	Removed  uint64
	Oldest   time.Time // when the first was stored; zero if there is none
	Newest   time.Time
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
func (b *Bus) Status(ctx context.Context) (Status, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	out := Status{Durability: b.options.Durability}
	for _, config := range streamConfigs(b.options) {
		stream, err := b.js.Stream(ctx, config.Name)
		if err != nil {
			return Status{}, devices.Wrap(err, devices.Unavailable, "The log does not say how it is.")
		}
		info := stream.CachedInfo()
		s := info.State
		status := StreamStatus{
			Name: config.Name, Messages: s.Msgs, Bytes: s.Bytes, MaxBytes: info.Config.MaxBytes,
			First: s.FirstSeq, Last: s.LastSeq, Removed: s.LastSeq - s.Msgs,
		}
		if s.Msgs > 0 {
			status.Oldest, status.Newest = s.FirstTime, s.LastTime
		}
		out.Streams = append(out.Streams, status)
		consumers, err := durables(ctx, stream)
		if err != nil {
			return Status{}, devices.Wrap(err, devices.Unavailable, "The log does not say who reads it.")
		}
		for _, c := range consumers {
			lag := s.LastSeq - min(s.LastSeq, c.AckFloor.Stream)
			out.Consumers = append(out.Consumers, ConsumerStatus{Stream: config.Name, Name: c.Name, Acked: c.AckFloor.Stream, Lag: min(lag, s.Msgs)})
		}
	}
	return out, nil
}
