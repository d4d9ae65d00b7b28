package ingest

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/devices"
)

// appendTimeout bounds one append, and with it how long a message waits for
// the ones before it. [TP-4.4]
const appendTimeout = 10 * time.Second

// CommitterOptions bound a Committer. Zero fields mean their defaults; a nil
// Registerer registers no metrics.
type CommitterOptions struct {
	Shards        int // default 8
	MaxBytes      int // lines waiting and in flight, per shard; default 2 MiB
	MaxChoreBytes int // events and dead letters likewise; default 1 MiB
	MaxBody       int // of one log message; default 512 KiB; a longer line is one message
	Logger        *slog.Logger
	Registerer    prometheus.Registerer
}

func (o CommitterOptions) withDefaults() CommitterOptions {
	if o.Shards <= 0 {
		o.Shards = 8
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 2 << 20
	}
	if o.MaxChoreBytes <= 0 {
		o.MaxChoreBytes = 1 << 20
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 512 << 10
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Committer is the group commit: per shard one append is in flight, and what
// arrives meanwhile is appended together by the next. Its queues are bounded
// in bytes; while one is full its callers wait. [TP-4.4]
type Committer struct {
	log     Log
	options CommitterOptions
	logger  *slog.Logger
	lanes   []lane
	chores  []chores
	metrics committerMetrics
	failing atomic.Bool // the last append failed
}

// NewCommitter returns a Committer that appends to log, which must know that
// many shards. It starts nothing; see Run.
func NewCommitter(log Log, o CommitterOptions) *Committer {
	o = o.withDefaults()
	c := &Committer{
		log:     log,
		options: o,
		logger:  o.Logger,
		lanes:   make([]lane, o.Shards),
		chores:  make([]chores, o.Shards),
	}
	for i := range o.Shards {
		c.lanes[i].shard = i
		c.lanes[i].init(o.MaxBytes)
		c.chores[i].init(o.MaxChoreBytes)
	}
	c.metrics = newCommitterMetrics(o.Registerer, c)
	return c
}

// Run appends until ctx ends, then appends what is still queued and returns
// nil. From then on every message is answered with a devices.Unavailable
// error. Run can run once.
func (c *Committer) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, c.close)
	defer stop()
	var all sync.WaitGroup // Run waits for every one of these goroutines
	for i := range c.lanes {
		all.Go(func() { c.lanes[i].run(c) })
		all.Go(func() { c.chores[i].run(c) })
	}
	all.Wait()
	return nil
}

func (c *Committer) close() {
	for i := range c.lanes {
		c.lanes[i].close()
		c.chores[i].close()
	}
}

// Append queues lines of the device, each ended by LF, and calls done once,
// with nil when they are durable or with a devices.Unavailable error. It copies
// lines. It waits while the shard's queue is full; done must not wait for
// anything, since it is called between two appends.
func (c *Committer) Append(k devices.Key, lines []byte, done func(error)) {
	if !c.lanes[ShardOf(k, len(c.lanes))].put(lines, done) {
		done(errStopped())
	}
}

// Do queues a task of the device which appends something other than readings,
// of about size bytes, and calls done with its error. The tasks of a device
// are done one after the other. What is said of Append holds here too.
func (c *Committer) Do(k devices.Key, size int, task func(context.Context) error, done func(error)) {
	if !c.chores[ShardOf(k, len(c.chores))].put(chore{size: size, task: task, done: done}) {
		done(errStopped())
	}
}

func errStopped() error {
	return devices.Errorf(devices.Unavailable, "Forecare is stopping. Send the message again in a moment.")
}

// QueuedBytes returns how many bytes wait or are in flight.
func (c *Committer) QueuedBytes() int {
	n := 0
	for i := range c.lanes {
		n += c.lanes[i].bytes() + c.chores[i].bytes()
	}
	return n
}

// judge remembers whether the log takes what it is given, says aloud when that
// changes, and returns err as the devices.Unavailable that doors expect.
func (c *Committer) judge(err error) error {
	if err == nil {
		if c.failing.CompareAndSwap(true, false) {
			c.logger.Info("the log takes messages again")
		}
		return nil
	}
	if c.failing.CompareAndSwap(false, true) {
		c.logger.Warn("the log does not take messages; devices are not acknowledged and will send them again", "error", err)
	}
	if devices.CodeOf(err) == devices.Unavailable {
		return err
	}
	return devices.Wrap(err, devices.Unavailable, "The log did not take the message.")
}
