// Package broker is the embedded MQTT door: devices connect with MQTT 3.1.1 or
// 5, and every message they publish goes to one function, ingest's Accept,
// whose verdict decides the acknowledgement. Nothing that devices publish
// reaches other devices; commands go the other way. The reactions are those of
// docs/protocol.md.
//
// The MQTT protocol is mochi-mqtt's. What it does not do stands here: a listener
// that outlives a connection's panic, authentication and authorization by the
// registry, and acknowledgements that are sent later, in order, and many in one
// write, so that one connection can have many messages on their way to the log.
package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

// Options are what a Broker works with. Address, Registry and Accept must be
// given.
type Options struct {
	Address  string // host:port to listen on; port 0 takes a free one
	Registry *devices.Registry
	// Accept takes a message and calls done exactly once; see
	// ingest.Acceptor.Accept.
	Accept func(m ingest.Message, done func(ingest.Outcome))
	// OnConnection, if given, hears that a device came or went, and then why,
	// as one of the words of Ending. Calls are in order and never two at once. A
	// device with several connections comes with its first and goes with its
	// last. It must return quickly.
	OnConnection func(key devices.Key, connected bool, reason string, at time.Time)
	TLS          *tls.Config // nil means plain TCP
	Limits       Limits
	Logger       *slog.Logger          // nil discards
	Registerer   prometheus.Registerer // nil registers no metrics
}

// Broker is the MQTT door. Its methods may be called concurrently.
type Broker struct {
	options  Options
	limits   Limits
	log      *slog.Logger
	metrics  *metrics
	listener net.Listener
	server   *mqtt.Server
	live     *live
	wills    *wills
	refusals *refusals

	stopping   atomic.Bool
	handshakes atomic.Int64 // connections that are not authenticated yet
	wg         sync.WaitGroup
}

// New binds the listener and serves nothing yet, see Run.
func New(o Options) (*Broker, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	b := &Broker{options: o, limits: o.Limits.withDefaults(), log: o.Logger, metrics: newMetrics(o.Registerer), wills: newWills()}
	b.live = newLive(o.OnConnection)
	b.refusals = newRefusals(o.Logger, b.metrics)
	b.server = mqtt.New(b.limits.mochi())
	if err := b.server.AddHook(&hook{b: b}, nil); err != nil {
		return nil, devices.Wrap(err, devices.Internal, "The MQTT broker cannot be set up.")
	}
	// Keep-alive finds devices that lost their network and asked for no MQTT
	// keep-alive.
	config := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4}}
	listener, err := config.Listen(context.Background(), "tcp", o.Address)
	if err != nil {
		return nil, devices.Wrap(err, devices.Invalid, "The MQTT address %s cannot be listened on. Is another broker running there?", o.Address)
	}
	if o.TLS != nil {
		listener = tls.NewListener(listener, o.TLS)
	}
	b.listener = listener
	return b, nil
}

// Addr returns the address that is listened on.
func (b *Broker) Addr() net.Addr { return b.listener.Addr() }

// Run serves until ctx ends. Then it accepts nobody anymore, takes no further
// message, sends the acknowledgements that are still on their way, and closes
// all connections. It must be called once.
func (b *Broker) Run(ctx context.Context) error {
	if err := b.server.Serve(); err != nil {
		b.listener.Close()
		return devices.Wrap(err, devices.Internal, "The MQTT broker cannot be started.")
	}
	b.log.Info("listening for devices", "address", b.Addr().String())
	closed := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(closed)
		b.listener.Close()
	})
	err := b.accept(ctx)
	if err == nil {
		<-closed
	}
	b.stop()
	return err
}

// accept serves every connection until ctx ends.
func (b *Broker) accept(ctx context.Context) error {
	delay := time.Duration(0)
	for {
		nc, err := b.listener.Accept()
		if ctx.Err() != nil {
			if err == nil {
				nc.Close()
			}
			return nil
		}
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return devices.Wrap(err, devices.Internal, "The MQTT listener was closed.")
			}
			// Out of file descriptors, mostly: others will be given back.
			delay = min(max(2*delay, 10*time.Millisecond), time.Second)
			b.log.Warn("a device could not be let in", "error", err, "again_in", delay)
			pause(ctx, delay)
			continue
		}
		delay = 0
		if b.handshakes.Add(1) > int64(b.limits.Handshakes) {
			b.handshakes.Add(-1)
			b.refusals.add(refusal{reason: refusedBusy, remote: nc.RemoteAddr()})
			nc.Close()
			continue
		}
		c := newConnection(b, nc)
		b.live.opened(c)
		b.wg.Go(func() { b.serve(c) }) // stop waits for it
	}
}

// stop ends all connections: kindly first, and then for good.
func (b *Broker) stop() {
	b.stopping.Store(true)
	b.wills.stop()
	done := make(chan struct{})
	go func() { // ends with the last connection
		b.wg.Wait()
		close(done)
	}()
	for _, c := range b.live.all() {
		c.drain()
	}
	late := time.NewTimer(b.limits.Stop)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		for _, c := range b.live.all() {
			c.close()
		}
		<-done
	}
	if err := b.server.Close(); err != nil {
		b.log.Warn("the broker did not end well", "error", err)
	}
	b.log.Info("no longer listening for devices")
}

// Disconnect ends the device's connections, because it was disabled or removed
// or its token was changed. Call it after the registry knows. [TP-2.6]
func (b *Broker) Disconnect(key devices.Key) {
	for _, c := range b.live.of(key) {
		c.end(EndedByRegistry)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
