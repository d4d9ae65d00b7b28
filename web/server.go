package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/web/account"
)

// Options are what a Server is made of. Address, Care, Registry, Fleet and
// Accounts are required; without Readings, DeadLetters, Live, Log or Health
// the pages say that this process does not have them.
type Options struct {
	Address     string // host:port to listen on; port 0 picks one
	PublicURL   *url.URL
	Care        Care
	Registry    Registry
	Fleet       Fleet
	Changed     func(ctx context.Context) error // called after a write through Fleet; returns when Registry shows it
	Readings    Readings
	DeadLetters DeadLetters
	Live        Live
	Accounts    *account.Accounts
	Health      func(ctx context.Context) []Part
	Log         func(ctx context.Context) (LogStatus, error)
	Owners      Owners                     // without it there are no owners' pages
	Phrases     Phrases                    // required with Owners
	PushKey     string                     // public key of Web Push, "" without it
	Brand       func(tenant string) string // who writes to owners; nil means "Forecare"
	MQTTAddress string                     // what devices connect to, shown to makers: host:port
	Extra       map[string]http.Handler    // further handlers by path prefix, such as "/mailbox"; they are served without sign-in
	OpenMetrics bool                       // /metrics for everybody, not only for this machine and admins
	Now         func() time.Time           // nil means time.Now
	Logger      *slog.Logger
	Registerer  prometheus.Registerer
	Gatherer    prometheus.Gatherer // what /metrics shows; nil means that there is none
}

// Server serves the pages and the API. Its listener is bound when New returns.
type Server struct {
	o         Options
	log       *slog.Logger
	now       func() time.Time
	secure    bool // people reach us by https
	cookie    string
	listener  net.Listener
	http      *http.Server
	router    *chi.Mux
	rules     []Rule
	assets    *assets
	pages     pages
	hub       *hub
	overview  *overviews
	evidences *evidences
	attempts  *account.Limiter
	metrics   *metrics
	api       *api
}

// New binds the listener and prepares everything, but serves nothing yet.
func New(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o, now: o.Now, log: o.Logger.With("component", "web")}
	s.secure = o.PublicURL != nil && o.PublicURL.Scheme == "https"
	s.cookie = "forecare_session"
	if s.secure {
		s.cookie = "__Host-forecare_session" // browsers then insist on Secure and on our host
	}
	s.metrics = newMetrics(o.Registerer)
	s.attempts = account.NewLimiter(10, 6*time.Second, o.Now)
	s.hub = newHub(o.Live, s.metrics)
	s.overview = newOverviews(o.Care, o.Registry, o.Now)
	s.evidences = newEvidences(o.Readings, o.Now)
	s.hub.onNotice = s.overview.forget

	static, err := fs.Sub(staticFiles, "static")
	if err != nil {
		return nil, fmt.Errorf("opening the static files: %w", err)
	}
	if s.assets, err = loadAssets(static); err != nil {
		return nil, err
	}
	if s.pages, err = loadPages(s); err != nil {
		return nil, err
	}
	if err := s.routes(); err != nil {
		return nil, err
	}
	var config net.ListenConfig
	if s.listener, err = config.Listen(context.Background(), "tcp", o.Address); err != nil {
		return nil, fmt.Errorf("listening for the web on %s: %w", o.Address, err)
	}
	s.http = &http.Server{
		Handler:           s.router,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second, // event streams extend it themselves
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Handler returns what the server serves, for tests and for mounting.
func (s *Server) Handler() http.Handler { return s.router }

// Run serves until ctx ends, then lets requests that are under way finish for
// some seconds. Event streams end at once.
func (s *Server) Run(ctx context.Context) error {
	streams, stopStreams := context.WithCancel(context.WithoutCancel(ctx))
	defer stopStreams()
	s.http.BaseContext = func(net.Listener) context.Context { return context.WithoutCancel(ctx) }
	ended := make(chan error, 3)
	// Run waits for all three below.
	go func() { ended <- s.hub.run(streams) }()
	go func() { ended <- s.sweep(streams) }()
	go func() {
		err := s.http.Serve(s.listener)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		ended <- err
	}()
	var errs []error
	waiting := 3
	select {
	case <-ctx.Done():
	case err := <-ended:
		errs = append(errs, err)
		waiting--
	}
	stopStreams()
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), 8*time.Second)
	defer cancel()
	if err := s.http.Shutdown(within); err != nil {
		errs = append(errs, err, s.http.Close())
	}
	for range waiting {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}

// Close frees the listener of a server that never ran.
func (s *Server) Close() error { return s.listener.Close() }

// sweep forgets old links and sessions, now and then.
func (s *Server) sweep(ctx context.Context) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.o.Accounts.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("old sessions could not be swept, trying again in an hour", "error", err)
		}
	}
}
