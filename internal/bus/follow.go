package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	batchMessages = 512
	batchBytes    = 4 << 20
	fetchExpiry   = 30 * time.Second
	ackWait       = 30 * time.Second
	ackTimeout    = 2 * time.Second
	firstWait     = 250 * time.Millisecond
	longestWait   = 60 * time.Second
)

// item is one message of a stream.
type item struct {
	sequence uint64
	stored   time.Time
	subject  string
	body     []byte
	msg      jetstream.Msg
}

// follower reads one stream in order, and leaves out nothing: it knows which
// sequence comes next, and where that is not what arrives it asks the server
// to begin there again. So neither a lost connection nor a delivery that was
// given up on changes what take sees.
type follower struct {
	bus    *Bus
	stream string
	name   string // for the log
	last   uint64 // the sequence that has been dealt with
	begun  bool   // last is valid
	// open returns a consumer that begins after last, or sets last where the
	// server knows it.
	open func(ctx context.Context, f *follower) (jetstream.Consumer, error)
	// take deals with messages; it must repeat until it has, or return an error
	// that ends the follower. f.last is up to date when it has.
	take   func(ctx context.Context, items []item) error
	logger *slog.Logger
}

// Why a session ends although nothing is broken.
var (
	errGap    = errors.New("a message is missing in the delivery")
	errCutOff = errors.New("the connection was lost")
)

// fatalError ends a follower.
type fatalError struct{ error }

func (e fatalError) Unwrap() error { return e.error }

// run follows until ctx ends or take returns an error.
func (f *follower) run(ctx context.Context) error {
	f.logger = f.bus.logger.With("stream", f.stream, "consumer", f.name)
	for wait := firstWait; ctx.Err() == nil; {
		before := f.last
		err := f.session(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // what the end of ctx broke off is no fault
		}
		if fatal, ok := errors.AsType[fatalError](err); ok {
			return fatal.error
		}
		if f.last != before {
			wait = firstWait
		}
		if errors.Is(err, errGap) || errors.Is(err, errCutOff) {
			f.logger.Debug("beginning again", "after", f.last, "reason", err)
		} else {
			f.logger.Warn("reading the log was interrupted; trying again", "error", err, "wait", wait.String())
		}
		sleep(ctx, wait)
		wait = min(2*wait, longestWait)
	}
	return nil
}

// session reads with one consumer until something is wrong with it.
func (f *follower) session(ctx context.Context) error {
	openCtx, cancel := bounded(ctx)
	consumer, err := f.open(openCtx, f)
	cancel()
	if err != nil {
		return err
	}
	f.begun = true
	for ctx.Err() == nil {
		if err := f.fetch(ctx, consumer); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// fetch makes one request and deals with what it brings, as it comes: what is
// there is taken together, so batches grow with the load. The request's bounds
// are the bounds of what is held in memory.
func (f *follower) fetch(ctx context.Context, consumer jetstream.Consumer) error {
	requestCtx, cancel := context.WithTimeout(ctx, fetchExpiry)
	defer cancel()
	connection := f.bus.link.current()
	defer context.AfterFunc(connection, cancel)()
	result, err := consumer.Fetch(batchMessages, jetstream.FetchMaxBytes(batchBytes), jetstream.FetchContext(requestCtx))
	if err != nil {
		return fmt.Errorf("fetching: %w", err)
	}
	items := make([]item, 0, 16)
	for m := range result.Messages() {
		if items, err = f.add(ctx, items, m); err != nil {
			return err
		}
		if len(items) == 0 || len(result.Messages()) > 0 {
			continue
		}
		if err := f.take(ctx, items); err != nil {
			return err
		}
		clear(items)
		items = items[:0]
	}
	if len(items) > 0 {
		if err := f.take(ctx, items); err != nil {
			return err
		}
	}
	switch err := result.Error(); {
	case connection.Err() != nil:
		return errCutOff
	case err != nil && !errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("fetching: %w", err)
	}
	return nil
}

// add appends a message if it is the next one.
func (f *follower) add(ctx context.Context, items []item, m jetstream.Msg) ([]item, error) {
	meta, err := m.Metadata()
	if err != nil {
		return items, fmt.Errorf("reading a message's sequence: %w", err)
	}
	next := f.last + 1
	if n := len(items); n > 0 {
		next = items[n-1].sequence + 1
	}
	switch seq := meta.Sequence.Stream; {
	case seq < next:
		return items, nil // given again although dealt with
	case seq > next:
		if err := f.mayBegin(ctx, next, seq); err != nil {
			return items, err
		}
	}
	return append(items, item{meta.Sequence.Stream, meta.Timestamp, m.Subject(), m.Data(), m}), nil
}

// mayBegin tells messages that are gone from the stream from those that were
// only not delivered. The former are rare enough to be said aloud: somebody has
// removed from the log what this reader had not read.
func (f *follower) mayBegin(ctx context.Context, next, seq uint64) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	stream, err := f.bus.js.Stream(ctx, f.stream)
	if err != nil {
		return err
	}
	if first := stream.CachedInfo().State.FirstSeq; next >= first {
		return errGap
	}
	if next > 1 {
		f.logger.Warn("messages were removed from the log before they were read", "first", next, "last", seq-1)
	}
	return nil
}

// persist calls once until it succeeds, waiting longer from time to time.
func (f *follower) persist(ctx context.Context, what string, once func() error) error {
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		err := once()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f.logger.Warn("what came from the log cannot be dealt with now, trying again", "what", what, "error", err, "wait", wait.String())
		if sleep(ctx, wait); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// durableConsumer opens the named position of a stream at where it has been
// acknowledged, whatever was delivered before and to whom. Without that reset
// the messages which were in work when a process was killed would come only
// after ackWait, behind later ones, and acknowledging those would skip them.
func durableConsumer(ctx context.Context, f *follower) (jetstream.Consumer, error) {
	js := f.bus.js
	consumer, err := js.CreateOrUpdateConsumer(ctx, f.stream, jetstream.ConsumerConfig{
		Durable:       f.name,
		DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy:     jetstream.AckAllPolicy,
		AckWait:       ackWait,
		MaxDeliver:    -1,
		MaxAckPending: 2 * batchMessages,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the consumer: %w", err)
	}
	reset, err := js.ResetConsumer(ctx, f.stream, f.name)
	if err != nil {
		return nil, fmt.Errorf("resetting the consumer (the log's server must be version 2.14 or later): %w", err)
	}
	if !f.begun {
		f.last = reset.ResetSeq - 1
		return consumer, nil
	}
	newest, err := f.newest(ctx)
	if err != nil {
		return nil, err
	}
	if newest < f.last {
		// A server that lost power without fsync has forgotten its newest
		// messages and gives their numbers to others.
		f.logger.Warn("the log has lost messages that were read already", "first", newest+1, "last", f.last)
		f.last = newest
	}
	if reset.ResetSeq-1 != f.last { // an acknowledgement was lost
		if _, err := js.ResetConsumerToSequence(ctx, f.stream, f.name, f.last+1); err != nil {
			return nil, fmt.Errorf("moving the consumer: %w", err)
		}
	}
	return consumer, nil
}

// newest returns the last sequence of the stream.
func (f *follower) newest(ctx context.Context) (uint64, error) {
	stream, err := f.bus.js.Stream(ctx, f.stream)
	if err != nil {
		return 0, fmt.Errorf("reading the stream's state: %w", err)
	}
	return stream.CachedInfo().State.LastSeq, nil
}

// acknowledge moves the durable position, also while ctx ends: what has been
// dealt with need not be again. If it fails the messages come again after a
// restart, and do no harm.
func (f *follower) acknowledge(ctx context.Context, last item) {
	f.last = last.sequence
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackTimeout)
	defer cancel()
	if err := last.msg.DoubleAck(ctx); err != nil {
		f.logger.Debug("the position was not saved; it will be with the next", "error", err)
	}
}

// whileBusy tells the server that the messages are still in work, until the
// function that it returns is called.
func whileBusy(items []item) (done func()) {
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() { // done waits for it
		defer close(stopped)
		tick := time.NewTicker(ackWait / 3)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				for _, i := range items {
					_ = i.msg.InProgress() // if not, they come again and are known
				}
			}
		}
	}()
	return func() { close(stop); <-stopped }
}
