// Package influx keeps readings in InfluxDB. With embedded://dir it supervises
// bin/influxd, an InfluxDB 1.8, as a child process; with
// influx://host:port/org/bucket it talks to an InfluxDB 2.x or Cloud. Writes
// and Flux queries are the same calls of the same client for both, and use only
// what both understand.
//
// Readings lie in measurement "telemetry", tags tenant, device and model, one
// float field per metric, nanosecond time stamps. A point is identified by its
// tags, its time and its field, so writing it again changes nothing.
package influx

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

// Options are what a DB works with.
type Options struct {
	// URL is embedded://DIR, or influx://host:port/org/bucket, with ?tls=true
	// for https.
	URL string
	// Token is what an InfluxDB 2.x gives out. The embedded one needs none.
	Token string
	// Binary is the path of influxd; only the embedded InfluxDB needs it.
	Binary     string
	Logger     *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil registers no metrics
}

// DB is the readings store. Its methods may be called concurrently. While the
// embedded InfluxDB is opening or restarting they fail with an Unavailable
// error, and Write with one of kind Busy.
type DB struct {
	where   where
	binary  string
	token   string
	log     *slog.Logger
	metrics *metrics
	http    *http.Client

	server atomic.Pointer[server] // nil while the child is not open

	mu      sync.Mutex
	why     string    // why server is nil, for Ready
	checked time.Time // of the last successful check of an external server
}

var _ ingest.Store = (*DB)(nil)

// New checks the options; it neither dials nor starts anything, see Run.
func New(o Options) (*DB, error) {
	w, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	db := &DB{
		where: w, binary: o.Binary, token: o.Token, log: o.Logger,
		metrics: newMetrics(o.Registerer), http: newHTTPClient(w.embedded()),
		why: "InfluxDB has not been started yet.",
	}
	if !w.embedded() {
		if o.Token == "" {
			return nil, devices.Errorf(devices.Invalid, "The readings store %s needs a token.", w.server)
		}
		db.open(w.server, o.Token)
		return db, nil
	}
	switch info, err := os.Stat(o.Binary); {
	case err != nil:
		return nil, devices.Wrap(err, devices.Invalid, "There is no influxd at %q. Build it with \"make build\", or name an InfluxDB of your own with influx://.", o.Binary)
	case info.IsDir() || info.Mode().Perm()&0o111 == 0:
		return nil, devices.Errorf(devices.Invalid, "%s is no program. Build influxd with \"make build\".", o.Binary)
	}
	return db, nil
}

// Run supervises the embedded InfluxDB until ctx ends; with an external one it
// only waits for that. It returns nil then. It must be called once.
func (db *DB) Run(ctx context.Context) error {
	defer db.http.CloseIdleConnections()
	if !db.where.embedded() {
		<-ctx.Done()
		return nil
	}
	db.supervise(ctx)
	return nil
}

// checkEvery is how long a successful check of an external server is believed.
const checkEvery = 5 * time.Second

// Ready returns nil if readings can be written and queried now, else an
// Unavailable error that says why not.
func (db *DB) Ready(ctx context.Context) error {
	s := db.server.Load()
	if s == nil {
		return db.closed()
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if db.where.embedded() {
		if err := s.ping(ctx); err != nil {
			return devices.Wrap(err, devices.Unavailable, "InfluxDB does not answer.")
		}
		return nil
	}
	db.mu.Lock()
	fresh := time.Since(db.checked) < checkEvery
	db.mu.Unlock()
	if fresh {
		return nil
	}
	// Only a query proves address, organization, bucket and token at once.
	if err := db.each(ctx, s, "ready", s.from(time.Now().Add(-time.Second), time.Now())+"|> limit(n: 1)\n", nil); err != nil {
		return err
	}
	db.mu.Lock()
	db.checked = time.Now()
	db.mu.Unlock()
	return nil
}

// open makes a server usable at that base URL.
func (db *DB) open(base, token string) {
	db.server.Store(newServer(db.http, base, db.where.org, db.where.bucket, token))
	db.metrics.up.Set(1)
}

// close makes every call fail until open, with the reason.
func (db *DB) close(why string) {
	db.mu.Lock()
	db.why = why
	db.mu.Unlock()
	db.server.Store(nil)
	db.metrics.up.Set(0)
}

// closed is the error while there is no server.
func (db *DB) closed() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return devices.Errorf(devices.Unavailable, "%s", db.why)
}
