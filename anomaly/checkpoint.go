package anomaly

import "context"

// Checkpoint is the Engine's whole state after the message Sequence of stream
// TELEMETRY. Parts are independent pieces of it, so that a store may write
// only those that changed.
type Checkpoint struct {
	Sequence uint64
	Parts    map[string][]byte
}

// Checkpoints keeps the newest checkpoint. Save replaces it as a whole or not
// at all; Load returns a zero Checkpoint if there is none.
type Checkpoints interface {
	Load(ctx context.Context) (Checkpoint, error)
	Save(ctx context.Context, c Checkpoint) error
}
