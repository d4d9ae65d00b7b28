package mqtt

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/forecare/forecare/devices"
)

// Server is the MQTT door. Its methods may be called concurrently.
type Server struct {
	options   Options
	limits    Limits
	log       *slog.Logger
	metrics   *metrics
	listener  net.Listener
	directory *directory
	wills     *wills
	refusals  *refusals
	throttle  *throttle
	retained  *retained
	chunks    *chunks
	flusher   flusher

	stopping atomic.Bool
	turn     atomic.Uint64 // among those who share a subscription
	places   chan struct{} // taken by connections that are not authenticated yet
	wg       sync.WaitGroup
}

// New binds the listener and serves nothing yet, see Run.
func New(o Options) (*Server, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	limits := o.Limits.withDefaults(o.TLS != nil)
	m := newMetrics(o.Registerer)
	s := &Server{
		options: o, limits: limits, log: o.Logger, metrics: m,
		directory: newDirectory(o.OnConnection), wills: newWills(),
		refusals: newRefusals(o.Logger, m),
		throttle: newThrottle(limits.FailedRate, limits.FailedBurst),
		retained: newRetained(limits.RetainedBytes),
		chunks:   newChunks(limits.Large),
		places:   make(chan struct{}, limits.Handshakes),
	}
	s.flusher.init()
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
	s.listener = listener
	return s, nil
}

// Addr returns the address that is listened on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Run serves until ctx ends. Then it accepts nobody anymore, takes no further
// message, sends the acknowledgements that are still on their way, and closes
// all connections. It must be called once.
func (s *Server) Run(ctx context.Context) error {
	s.log.Info("listening for devices", "address", s.Addr().String())
	var flushers sync.WaitGroup
	for range max(2, runtime.GOMAXPROCS(0)) {
		flushers.Go(s.flusher.run) // until the last connection has ended
	}
	stopListening := context.AfterFunc(ctx, func() { s.listener.Close() })
	defer stopListening()
	err := s.accept(ctx)
	s.stop()
	s.flusher.close()
	flushers.Wait()
	s.flusher.patient.Wait()
	s.log.Info("no longer listening for devices")
	return err
}

// accept serves every connection until ctx ends. A thousand that come at once
// wait for their turn in the queue of the operating system, so that those
// connected go on undisturbed.
func (s *Server) accept(ctx context.Context) error {
	delay := time.Duration(0)
	rate := newBucket(s.limits.ConnectRate, s.limits.ConnectBurst, time.Now())
	for {
		nc, err := s.listener.Accept()
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
			s.log.Warn("a device could not be let in", "error", err, "again_in", delay)
			pause(ctx, delay)
			continue
		}
		delay = 0
		if !s.doorstep(ctx) {
			s.refusals.add(refusal{reason: refusedBusy, remote: nc.RemoteAddr()})
			nc.Close()
			continue
		}
		c := s.newConnection(nc)
		s.directory.opened(c)
		s.wg.Go(func() { s.serve(c) }) // stop waits for it
		rate.wait(ctx)
	}
}

// doorstep takes one of the places for those who are not authenticated yet. In a
// storm one becomes free soon; if not, they are taken by someone who means no
// good.
func (s *Server) doorstep(ctx context.Context) bool {
	select {
	case s.places <- struct{}{}:
		return true
	default:
	}
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case s.places <- struct{}{}:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

// stop ends all connections: kindly first, and then for good.
func (s *Server) stop() {
	s.stopping.Store(true)
	s.wills.stop()
	done := make(chan struct{})
	go func() { // ends with the last connection
		s.wg.Wait()
		close(done)
	}()
	for _, c := range s.directory.all() {
		c.drain()
	}
	late := time.NewTimer(s.limits.Stop)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		for _, c := range s.directory.all() {
			c.abort(EndedByStop)
		}
		<-done
	}
	s.directory.stop()
}

// Disconnect ends the device's connections, because it was disabled or removed
// or its token was changed. Call it after the registry knows. [TP-2.6]
func (s *Server) Disconnect(key devices.Key) {
	for _, c := range s.directory.connections(identity{key: key}) {
		c.end(EndedByRegistry)
	}
}

// DisconnectUser is Disconnect for an application.
func (s *Server) DisconnectUser(tenant, user string) {
	for _, c := range s.directory.connections(identity{key: devices.Key{Tenant: tenant}, user: user}) {
		c.end(EndedByRegistry)
	}
}
