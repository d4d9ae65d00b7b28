package bus

import (
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/devices"
)

// The levels of durability. [TP-9.6]
const (
	DurabilityProcess    = "process"    // survives the death of every process
	DurabilityFsync      = "fsync"      // also the loss of power
	DurabilityReplicated = "replicated" // also the loss of one of at least three servers
)

const (
	defaultMaxBytes = 4 << 30
	defaultShards   = 8
)

// Options say where the log is and how durable. A nil Registerer registers no
// metrics.
type Options struct {
	// URL is embedded:///dir (embedded://dir for a relative one) for a log in
	// this process, or nats://host:port[,host:port...] for an existing one of
	// version 2.14 or later, tls:// likewise. An embedded log opens no port, but
	// with ?listen=127.0.0.1:4222 one for tools on this machine.
	URL string
	// Durability of an embedded log is process (default) or fsync. Of a dialled
	// one it is the server's own business (""), or replicated.
	Durability string
	MaxBytes   int64 // of stream TELEMETRY, which refuses beyond; default 4 GiB
	KeepBytes  int64 // of TELEMETRY, kept for re-reading by Trim; default a quarter of MaxBytes
	Shards     int   // default 8
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// place is where the log is.
type place struct {
	directory string // of an embedded log
	listen    string // of an embedded log, "" for none
	servers   string // of a dialled one
}

// resolve checks the options and fills in the defaults.
func (o Options) resolve() (Options, place, error) {
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.KeepBytes <= 0 {
		o.KeepBytes = o.MaxBytes / 4
	}
	if o.Shards <= 0 {
		o.Shards = defaultShards
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.KeepBytes >= o.MaxBytes {
		return o, place{}, devices.Errorf(devices.Invalid, "What the log keeps for re-reading (%d bytes) must be less than all it may hold (%d bytes).", o.KeepBytes, o.MaxBytes)
	}
	scheme, rest, _ := strings.Cut(o.URL, "://")
	switch scheme {
	case "embedded":
		p, err := embeddedPlace(rest)
		if o.Durability == "" {
			o.Durability = DurabilityProcess
		}
		if err == nil && o.Durability != DurabilityProcess && o.Durability != DurabilityFsync {
			err = devices.Errorf(devices.Invalid, "The durability of an embedded log is process or fsync, not %q; replicated needs a cluster (log: nats://...).", o.Durability)
		}
		return o, p, err
	case "nats", "tls":
		if o.Durability != "" && o.Durability != DurabilityReplicated {
			return o, place{}, devices.Errorf(devices.Invalid, "The durability of a log at %s:// is set at that server; say replicated, or leave it out, not %q.", scheme, o.Durability)
		}
		return o, place{servers: o.URL}, nil
	}
	return o, place{}, devices.Errorf(devices.Invalid, "The log's URL is embedded:///directory or nats://host:port.")
}

func embeddedPlace(rest string) (place, error) {
	path, query, _ := strings.Cut(rest, "?")
	values, err := url.ParseQuery(query)
	if err != nil || path == "" || len(values) > 1 || len(values) == 1 && !values.Has("listen") {
		return place{}, devices.Errorf(devices.Invalid, "An embedded log's URL is embedded:///directory, with ?listen=127.0.0.1:4222 if it shall open a port.")
	}
	p := place{directory: filepath.FromSlash(path), listen: values.Get("listen")}
	if p.listen == "" {
		return p, nil
	}
	host, _, err := net.SplitHostPort(p.listen)
	if ip, parseErr := netip.ParseAddr(host); err != nil || parseErr != nil || !ip.IsLoopback() {
		return place{}, devices.Errorf(devices.Invalid, "An embedded log has no passwords, so it listens on a loopback address such as 127.0.0.1:4222 only. For other machines use a server of its own (log: nats://...).")
	}
	return p, nil
}
