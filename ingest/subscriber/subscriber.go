// Package subscriber is the door for fleets whose devices connect to a broker
// of their maker's: Mosquitto, EMQX, HiveMQ or any other of MQTT 3.1.1. It
// subscribes to what they publish, hands every message to one function,
// ingest's Accept, and acknowledges it to the broker only when that has said
// that it is durable. What is not acknowledged the broker keeps, in a session
// that outlives connections and restarts, and delivers again. Commands go the
// other way. See docs/protocol.md, section 10.
package subscriber

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/forecare/forecare/devices"
)

// Subscriber is the connection to an external broker. Its methods may be
// called concurrently.
type Subscriber struct {
	options Options
	limits  Limits
	address string // host:port
	secure  bool
	filters []string
	log     *slog.Logger
	metrics *metrics
	health  health
	dropped dropped
	current atomic.Pointer[connection] // nil while there is none
}

// New returns a Subscriber. It connects to nothing yet, see Run.
func New(o Options) (*Subscriber, error) {
	address, secure, err := o.check()
	if err != nil {
		return nil, err
	}
	s := &Subscriber{
		options: o, limits: o.Limits.withDefaults(), address: address, secure: secure,
		filters: o.filters(), log: o.Logger, metrics: newMetrics(o.Registerer),
	}
	s.health.lost(errors.New("it has not been asked yet"))
	s.dropped.init(s.log, s.metrics)
	return s, nil
}

// Run keeps a connection to the broker until ctx ends. Then it takes no
// further message, acknowledges what is still on its way, disconnects, and
// returns nil. A broker that is away, or refuses us, is asked again and again:
// see Ready. Run must be called once.
func (s *Subscriber) Run(ctx context.Context) error {
	wait := time.Duration(0)
	for ctx.Err() == nil {
		progress, err := s.session(ctx)
		if ctx.Err() != nil {
			break
		}
		if progress {
			wait = 0
		}
		wait = min(max(2*wait, s.limits.Backoff), s.limits.MaxBackoff)
		again := wait/2 + rand.N(wait/2+1)
		if say := s.health.lost(err); say {
			s.log.Warn("not connected to the MQTT broker", "broker", s.address, "reason", err, "again_in", again)
		}
		pause(ctx, again)
	}
	s.log.Info("no longer connected to the MQTT broker", "broker", s.address)
	return nil
}

// session is one connection from beginning to end. It reports whether it was
// of use, and why it ended.
func (s *Subscriber) session(ctx context.Context) (progress bool, err error) {
	c := newConnection(s)
	began := time.Now()
	err = c.open(ctx)
	open := err == nil
	if open {
		s.current.Store(c)
		s.metrics.connected.Set(1)
		s.health.is(nil)
		s.log.Info("connected to the MQTT broker", "broker", s.address, "client_id", s.options.ClientID, "session_present", c.present)
		select {
		case <-ctx.Done():
			err = errStopping
		case <-c.dead:
			err = c.cause()
			if errors.Is(err, io.EOF) && time.Since(began) < time.Minute {
				err = fmt.Errorf("the broker hung up (%w); does it stop, or is another with the client identifier %s connected?", err, s.options.ClientID)
			}
		}
		s.current.Store(nil)
		s.metrics.connected.Set(0)
		s.health.is(err)
	}
	if ctx.Err() != nil {
		err = errStopping
		c.leave()
	}
	c.abandon(ctx, err)
	s.metrics.ended.WithLabelValues(endingOf(err)).Inc()
	// A connection that was of no use is followed by a longer pause, so that a
	// log which is away is not asked for the same messages all the time.
	return c.acked.Load() || open && time.Since(began) > s.limits.MaxBackoff, err
}

// Ready says why messages do not come in at the moment, nil if they do.
func (s *Subscriber) Ready() error {
	if err := s.health.reason(); err != nil {
		return devices.Errorf(devices.Unavailable, "The MQTT broker %s is not connected: %v", s.address, err)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
