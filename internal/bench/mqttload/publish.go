package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/loadgen"
)

// publishers are the connections of a round.
type publishers struct {
	options
	conns        []*loadgen.Conn
	latency      loadgen.Histogram
	acknowledged atomic.Int64
	all          chan struct{} // closed with the last acknowledgement
}

// dialing bounds how many connections are made at the same time.
const dialing = 50

func connect(ctx context.Context, address string, o options, tokens map[devices.Key]string) (*publishers, error) {
	w := &publishers{options: o, conns: make([]*loadgen.Conn, o.connections), all: make(chan struct{})}
	acked := func(_ uint64, after time.Duration) {
		w.latency.Add(after)
		if w.acknowledged.Add(1) == int64(o.messages) {
			close(w.all)
		}
	}
	errs := make([]error, o.connections)
	room := make(chan struct{}, dialing)
	var made sync.WaitGroup
	for i := range w.conns {
		room <- struct{}{}
		made.Go(func() {
			k := key(i)
			w.conns[i], errs[i] = loadgen.Dial(ctx, address, k.Device, k.String(), tokens[k], o.window, acked)
			<-room
		})
	}
	made.Wait()
	if err := errors.Join(errs...); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// publish returns when every message was acknowledged.
func (w *publishers) publish(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began := time.Now()
	var sending sync.WaitGroup
	for i := range w.conns {
		sending.Go(func() {
			if err := w.send(ctx, i, began); err != nil {
				cancel(fmt.Errorf("connection %d: %w", i, err))
			}
		})
	}
	sending.Wait()
	for _, c := range w.conns {
		go func() { // ends with publish
			select {
			case <-c.Done():
				cancel(errors.New("the broker ended a connection"))
			case <-ctx.Done():
			}
		}()
	}
	select {
	case <-w.all:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d of %d messages were acknowledged: %w", w.acknowledged.Load(), w.messages, context.Cause(ctx))
	}
}

// send publishes the messages of one connection.
func (w *publishers) send(ctx context.Context, i int, began time.Time) error {
	n := w.messages / w.connections
	if i < w.messages%w.connections {
		n++
	}
	topic := "fleet/" + key(i).String() + "/telemetry"
	p := newPump(i, n)
	c := w.conns[i]
	for m := range n {
		if w.rate > 0 {
			if err := w.rest(ctx, c, began, m*w.connections+i); err != nil {
				return err
			}
		}
		if err := c.Publish(ctx, topic, p.payload(m)); err != nil {
			return err
		}
	}
	return c.Flush()
}

// rest waits until message number "at" of all connections is due. A connection
// that is late sends at once: time is not forgiven.
func (w *publishers) rest(ctx context.Context, c *loadgen.Conn, began time.Time, at int) error {
	if err := c.Flush(); err != nil {
		return err
	}
	due := time.NewTimer(time.Until(began.Add(time.Duration(at) * time.Second / time.Duration(w.rate))))
	defer due.Stop()
	select {
	case <-due.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *publishers) close() {
	for _, c := range w.conns {
		if c != nil {
			_ = c.Close() // the round is over
		}
	}
}
