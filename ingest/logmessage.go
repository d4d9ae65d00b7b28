package ingest

import "time"

// LogMessage is one message of stream TELEMETRY as its consumers see it: the
// lines (line protocol, each ended by LF) of all readings that were committed
// together in one shard. Sequence counts from 1 without gaps; Stored is when
// the log took it. Body must not be changed and is not kept by a consumer
// after its callback has returned.
type LogMessage struct {
	Sequence uint64
	Shard    int
	Body     []byte
	Stored   time.Time
}
