package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

// DeadLetterQuery selects dead letters. Tenant "" means all tenants; Before is
// the sequence that the newest one returned must be under, 0 for no limit;
// Limit defaults to 50 and is at most 500.
type DeadLetterQuery struct {
	Tenant string
	Before uint64
	Limit  int
}

// DeadLetters returns dead letters, newest first. To turn the page, ask again
// Before the Seq of the last one.
func (b *Bus) DeadLetters(ctx context.Context, q DeadLetterQuery) ([]ingest.DeadLetter, error) {
	if q.Limit <= 0 {
		q.Limit = 50
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	stream, err := b.js.Stream(ctx, streamDeadLetter)
	if err != nil {
		return nil, devices.Wrap(err, devices.Unavailable, "The dead letters cannot be read at the moment.")
	}
	state := stream.CachedInfo().State
	at := state.LastSeq
	if q.Before > 0 {
		at = min(at, q.Before-1)
	}
	out := []ingest.DeadLetter{}
	for len(out) < min(q.Limit, 500) && at >= state.FirstSeq && at > 0 {
		d, err := b.deadLetterUpTo(ctx, stream, q.Tenant, at)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound) && q.Tenant == "":
			at-- // removed meanwhile
			continue
		case errors.Is(err, jetstream.ErrMsgNotFound):
			return out, nil
		case err != nil:
			return nil, devices.Wrap(err, devices.Unavailable, "The dead letters cannot be read at the moment.")
		}
		out = append(out, d)
		at = d.Seq - 1
	}
	return out, nil
}

// deadLetterUpTo returns the tenant's newest dead letter up to that sequence,
// or the one of that sequence if tenant is "".
func (b *Bus) deadLetterUpTo(ctx context.Context, stream jetstream.Stream, tenant string, seq uint64) (ingest.DeadLetter, error) {
	var body []byte
	if tenant == "" {
		m, err := stream.GetMsg(ctx, seq)
		if err != nil {
			return ingest.DeadLetter{}, err
		}
		body = m.Data
	} else {
		var err error
		if body, seq, err = b.lastUpTo(ctx, streamDeadLetter, "deadletter."+escape(tenant), seq); err != nil {
			return ingest.DeadLetter{}, err
		}
	}
	var d ingest.DeadLetter
	if err := json.Unmarshal(body, &d); err != nil {
		return d, fmt.Errorf("reading dead letter %d: %w", seq, err)
	}
	d.Seq = seq
	return d, nil
}

// lastUpTo asks the server for the newest message of a subject up to a
// sequence. The client library reads forward only.
func (b *Bus) lastUpTo(ctx context.Context, stream, subject string, seq uint64) ([]byte, uint64, error) {
	request, err := json.Marshal(map[string]any{"multi_last": []string{subject}, "up_to_seq": seq, "batch": 1})
	if err != nil {
		return nil, 0, err
	}
	m, err := b.conn.RequestWithContext(ctx, "$JS.API.DIRECT.GET."+stream, request)
	if err != nil {
		return nil, 0, err
	}
	switch status := m.Header.Get("Status"); status {
	case "":
	case "404":
		return nil, 0, jetstream.ErrMsgNotFound
	default:
		return nil, 0, fmt.Errorf("the server answers %s %s", status, m.Header.Get("Description"))
	}
	found, err := strconv.ParseUint(m.Header.Get(nats.JSSequence), 10, 64)
	if err != nil {
		return nil, 0, fmt.Errorf("reading the message's sequence: %w", err)
	}
	return m.Data, found, nil
}
