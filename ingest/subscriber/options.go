package subscriber

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

// Options are what a Subscriber works with. Broker, ClientID and Accept must
// be given.
type Options struct {
	Broker string // mqtt://host[:1883] or mqtts://host[:8883]
	// ClientID names the session that the broker keeps for us. It must stay the
	// same from start to start, or what waits in the session is never fetched,
	// and no two processes may have the same.
	ClientID string
	Group    string   // of a shared subscription; "" subscribes alone
	Tenants  []string // whose messages are taken; empty means every tenant's
	Username string
	Password func() (string, error) // asked before each connection; nil means none
	TLS      *tls.Config            // for mqtts; nil means the system's authorities
	// Accept takes a message and calls done exactly once; see
	// ingest.Acceptor.Accept.
	Accept     func(m ingest.Message, done func(ingest.Outcome))
	Limits     Limits
	Logger     *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil registers no metrics
}

// Limits bound what is in work and how long things may take. A zero field
// means its default.
type Limits struct {
	Inflight      int           // messages that are not acknowledged yet; default 1,000
	InflightBytes int           // payloads of these together; default 16 MiB. A single message may be larger
	Keepalive     time.Duration // default 30 s, in whole seconds
	Connect       time.Duration // for reaching the broker and its answers; default 10 s
	Write         time.Duration // for one write to a broker that does not read; default 10 s
	Command       time.Duration // for the broker's acknowledgement of a command; default 5 s
	Backoff       time.Duration // before the second attempt to connect, doubled for each further; default 250 ms
	MaxBackoff    time.Duration // default 30 s
	Stop          time.Duration // for outstanding acknowledgements when stopping; default 10 s
}

func (l Limits) withDefaults() Limits {
	number := func(p *int, d int) {
		if *p <= 0 {
			*p = d
		}
	}
	span := func(p *time.Duration, d time.Duration) {
		if *p <= 0 {
			*p = d
		}
	}
	number(&l.Inflight, 1_000)
	number(&l.InflightBytes, 16<<20)
	span(&l.Keepalive, 30*time.Second)
	span(&l.Connect, 10*time.Second)
	span(&l.Write, 10*time.Second)
	span(&l.Command, 5*time.Second)
	span(&l.Backoff, 250*time.Millisecond)
	span(&l.MaxBackoff, 30*time.Second)
	span(&l.Stop, 10*time.Second)
	return l
}

// name is what a client identifier and a group may look like: no slash, no
// wildcard, nothing that a broker's access list could misread.
var name = regexp.MustCompile(`^[A-Za-z0-9:._-]{1,64}$`)

// check completes the options and returns the broker's host:port.
func (o *Options) check() (address string, secure bool, err error) {
	u, err := url.Parse(o.Broker)
	if err != nil || u.Hostname() == "" || (u.Scheme != "mqtt" && u.Scheme != "mqtts") {
		return "", false, devices.Errorf(devices.Invalid, "The broker's address must be mqtt://host:port or mqtts://host:port.")
	}
	if !name.MatchString(o.ClientID) {
		return "", false, devices.Errorf(devices.Invalid, "The client identifier %q must be 1 to 64 letters, digits, colons, dots, underscores or hyphens.", o.ClientID)
	}
	if o.Group != "" && !name.MatchString(o.Group) {
		return "", false, devices.Errorf(devices.Invalid, "The group %q must be 1 to 64 letters, digits, colons, dots, underscores or hyphens.", o.Group)
	}
	for _, t := range o.Tenants {
		if !devices.ValidID(t) {
			return "", false, devices.Errorf(devices.Invalid, "%q is no tenant.", t)
		}
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"mqtt": "1883", "mqtts": "8883"}[u.Scheme]
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Password == nil {
		o.Password = func() (string, error) { return "", nil }
	}
	if o.TLS == nil {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if o.TLS.ServerName == "" {
		o.TLS = o.TLS.Clone()
		o.TLS.ServerName = u.Hostname()
	}
	return net.JoinHostPort(u.Hostname(), port), u.Scheme == "mqtts", nil
}

// filters returns what to subscribe to: what goes up, of the tenants. [TP-10.2]
func (o *Options) filters() []string {
	prefix := "fleet/"
	if o.Group != "" {
		prefix = "$share/" + o.Group + "/fleet/"
	}
	tenants := o.Tenants
	if len(tenants) == 0 {
		tenants = []string{"+"}
	}
	var out []string
	for _, t := range tenants {
		for _, kind := range []string{"telemetry", "event", "state", "cmd/+/ack"} {
			out = append(out, prefix+t+"/+/"+kind)
		}
	}
	return out
}

// publisher returns in whose name a topic's message is. The broker has
// authenticated its sender and its access list has bound it to its own topics,
// so that is the topic's device. Of a topic that is none, or of another tenant
// than ours, it is this client, which may publish for nobody. [TP-10.4]
func (o *Options) publisher(topic string) devices.Key {
	nobody := devices.Key{Device: o.ClientID}
	rest, _ := strings.CutPrefix(topic, "fleet/")
	tenant, rest, _ := strings.Cut(rest, "/")
	device, _, _ := strings.Cut(rest, "/")
	if !devices.ValidID(tenant) || !o.takes(tenant) {
		return nobody
	}
	if !devices.ValidID(device) {
		return devices.Key{Tenant: tenant, Device: o.ClientID}
	}
	return devices.Key{Tenant: tenant, Device: device}
}

func (o *Options) takes(tenant string) bool {
	if len(o.Tenants) == 0 {
		return true
	}
	for _, t := range o.Tenants {
		if t == tenant {
			return true
		}
	}
	return false
}
