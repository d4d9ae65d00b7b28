package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/devices"
)

// How long the Writer waits before it gives a failed write again.
const (
	firstWait   = 200 * time.Millisecond
	longestWait = 10 * time.Second
	refusedWait = 30 * time.Second // for what only a person can mend
)

// DeadLetters keeps what was refused. AppendDeadLetter returns nil only when d
// is stored durably. Every Log is one.
type DeadLetters interface {
	AppendDeadLetter(ctx context.Context, d DeadLetter) error
}

// WriterOptions bound a Writer. Zero fields mean their defaults; a nil
// Registerer registers no metrics.
type WriterOptions struct {
	MaxLines   int // of one Write, as far as messages allow; default 5,000
	MaxBytes   int // likewise; default 1 MiB
	Parallel   int // writes in flight; default 2
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (o WriterOptions) withDefaults() WriterOptions {
	if o.MaxLines <= 0 {
		o.MaxLines = 5000
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 1 << 20
	}
	if o.Parallel <= 0 {
		o.Parallel = 2
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Writer carries the log into the readings store. Each line is stored, or a
// dead letter if the store refuses the line itself; nothing else ever makes it
// go on to the next.
type Writer struct {
	store   Store
	dead    DeadLetters
	options WriterOptions
	health  storeHealth
	lines   atomic.Uint64
	refused atomic.Uint64
	oldest  atomic.Int64 // Unix ns: when the log took what Handle is at; 0 if it is at nothing
	metrics writerMetrics
}

// NewWriter returns a Writer. It starts nothing.
func NewWriter(store Store, dead DeadLetters, o WriterOptions) *Writer {
	o = o.withDefaults()
	w := &Writer{store: store, dead: dead, options: o}
	w.health.logger = o.Logger
	w.health.since = time.Now()
	w.metrics = newWriterMetrics(o.Registerer, w)
	return w
}

// Handle returns nil when every line of msgs is stored or is a dead letter,
// however long that takes, and ctx's error if ctx ends before. It is called
// for one batch after the other. Messages of one shard are written in their
// order, so that of two values for one instant the later wins; different
// shards are written side by side.
func (w *Writer) Handle(ctx context.Context, msgs []LogMessage) error {
	if len(msgs) == 0 {
		return nil
	}
	w.oldest.Store(msgs[0].Stored.UnixNano())
	defer w.oldest.Store(0)
	var all sync.WaitGroup // Handle waits for every one of these goroutines
	errs := make([]error, w.options.Parallel)
	for i := range errs {
		all.Go(func() { errs[i] = w.writeShards(ctx, msgs, i) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// writeShards writes the messages of every Parallel-th shard.
func (w *Writer) writeShards(ctx context.Context, msgs []LogMessage, which int) error {
	var b batch
	for i := range msgs {
		m := &msgs[i]
		if m.Shard%w.options.Parallel != which || len(m.Body) == 0 {
			continue
		}
		n := bytes.Count(m.Body, []byte{'\n'})
		if b.count > 0 && (b.count+n > w.options.MaxLines || len(b.lines)+len(m.Body) > w.options.MaxBytes) {
			if err := w.write(ctx, b); err != nil {
				return err
			}
			b = batch{lines: b.lines[:0]}
		}
		if b.count == 0 {
			b.stored = m.Stored
		}
		b.lines = append(b.lines, m.Body...)
		b.count += n
	}
	if b.count == 0 {
		return nil
	}
	return w.write(ctx, b)
}

// batch is what one Write is given.
type batch struct {
	lines  []byte
	count  int
	stored time.Time // when the log took the first of them
}

// halves splits a batch of at least two lines.
func (b batch) halves() (first, second batch) {
	n, cut := b.count/2, 0
	for range n {
		cut += bytes.IndexByte(b.lines[cut:], '\n') + 1
	}
	return batch{b.lines[:cut], n, b.stored}, batch{b.lines[cut:], b.count - n, b.stored}
}

// write returns when the batch is dealt with or ctx ends.
func (w *Writer) write(ctx context.Context, b batch) error {
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		began := time.Now()
		err := w.store.Write(ctx, b.lines)
		if err == nil {
			w.health.good()
			w.lines.Add(uint64(b.count))
			w.metrics.wrote(b.count, time.Since(began))
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		pause := wait
		failure := asWriteError(err)
		switch failure.Kind {
		case BadLines, TooBig:
			w.health.good() // the store is there and looks at lines
			return w.narrow(ctx, b, failure)
		case Refused:
			w.health.refused(failure)
			pause = refusedWait
		default:
			w.health.busy(failure)
			if failure.After > 0 {
				pause = failure.After
			}
		}
		w.metrics.retried(failure.Kind)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// narrow goes on with both halves of a batch that was refused for its lines,
// down to the single line.
func (w *Writer) narrow(ctx context.Context, b batch, failure *WriteError) error {
	if b.count <= 1 {
		return w.bury(ctx, b, failure)
	}
	first, second := b.halves()
	if err := w.write(ctx, first); err != nil {
		return err
	}
	return w.write(ctx, second)
}

// bury makes a refused line a dead letter. [TP-5.14]
func (w *Writer) bury(ctx context.Context, b batch, failure *WriteError) error {
	scan := devices.ScanLines(b.lines)
	scan.Next()
	key := devices.Key{Tenant: string(scan.Tenant()), Device: string(scan.Device())}
	topic := devices.Topic{Key: key, Kind: devices.TopicTelemetry}
	detail := fmt.Sprintf("The readings store refused the line: %s", failure)
	d := newDeadLetter(Message{Publisher: key, Topic: topic.String(), Received: b.stored}, StoreRefused, detail, b.lines, 1)
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		err := w.dead.AppendDeadLetter(ctx, d)
		if err == nil {
			w.refused.Add(1)
			w.metrics.refused.Inc()
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		w.health.noDeadLetter(err)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// asWriteError takes an error of no known kind for a passing one: the Writer
// waits rather than give up on a line.
func asWriteError(err error) *WriteError {
	if w, ok := errors.AsType[*WriteError](err); ok {
		return w
	}
	return &WriteError{Kind: Busy, Err: err}
}

// sleep waits, unless ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
