// Package config is the one configuration of a Forecare process: defaults in
// code, a strict YAML file over them, environment variables over that. Four
// URLs choose the engines; their scheme is the adapter. Check refuses a mix
// that cannot work, in words.
package config

import (
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/forecare/forecare/outreach"
)

// Role is a part of the pipeline that a process can run.
type Role string

// The roles. A process runs all of them unless told otherwise.
const (
	Ingest   Role = "ingest"   // MQTT to the log
	Writer   Role = "writer"   // the log to the readings store
	Anomaly  Role = "anomaly"  // the log to findings
	Outreach Role = "outreach" // findings to cases and messages
	Web      Role = "web"      // pages and API
)

// Roles returns every role, in the order in which data walks through them.
func Roles() []Role { return []Role{Ingest, Writer, Anomaly, Outreach, Web} }

// Config is everything that can be set. The yaml names are also the names of
// the environment variables: FORECARE_MQTT, FORECARE_WEB_LISTEN and so on.
// Durations are written as "90s" or "72h", sizes as "10GiB". A *_file setting
// names a file whose first line is the secret.
type Config struct {
	Data       string     `yaml:"data"`       // folder of everything that this process keeps
	Roles      []Role     `yaml:"roles"`      // empty means all
	MQTT       URL        `yaml:"mqtt"`       // embedded://host:port | mqtt[s]://[user@]host[:port][?client_id=...&group=...&tenants=a,b]
	Log        URL        `yaml:"log"`        // embedded: | nats://host:port[,host:port]
	Readings   URL        `yaml:"readings"`   // embedded: | influx://host:port/org/bucket[?tls=true]
	State      URL        `yaml:"state"`      // sqlite: | sqlite:///path | postgres://...
	Durability string     `yaml:"durability"` // process | fsync
	LogLimit   Bytes      `yaml:"log_limit"`  // of the telemetry log; full means that PUBACKs are withheld
	LogKeep    Bytes      `yaml:"log_keep"`   // of it that is kept although everyone has read it
	TokenFile  string     `yaml:"readings_token_file"`
	MQTTSecret string     `yaml:"mqtt_password_file"` // of the user in an mqtt:// or mqtts:// URL
	MQTTCA     string     `yaml:"mqtt_ca_file"`       // PEM; empty means the system's authorities
	Influxd    string     `yaml:"influxd"`            // path of the influxd binary for embedded readings; empty means beside this binary
	LogLevel   slog.Level `yaml:"log_level"`          // debug | info | warn | error
	Web        WebConfig  `yaml:"web"`
	Care       CareConfig `yaml:"care"`
	Email      Email      `yaml:"email"`
	Webhook    Webhook    `yaml:"webhook"`
	WebPush    WebPush    `yaml:"webpush"`
}

// WebConfig says where pages and API are served.
type WebConfig struct {
	Listen    string `yaml:"listen"`
	PublicURL string `yaml:"public_url"` // what owners' links begin with; empty means http://listen
}

// CareConfig is the care policy that a maker sets.
type CareConfig struct {
	Brand       string         `yaml:"brand"`        // who signs messages
	QuietFrom   outreach.Clock `yaml:"quiet_from"`   // local time of the recipient, HH:MM
	QuietUntil  outreach.Clock `yaml:"quiet_until"`  // local time of the recipient, HH:MM
	OfferEvery  Duration       `yaml:"offer_every"`  // at most one proactive offer per contact in this time
	Technicians []string       `yaml:"technicians"`  // each has one calendar
	WorkFrom    outreach.Clock `yaml:"work_from"`    // site's local time, HH:MM
	WorkUntil   outreach.Clock `yaml:"work_until"`   // site's local time, HH:MM
	WorkDays    []outreach.Day `yaml:"work_days"`    // mon .. sun
	LinkExpires Duration       `yaml:"link_expires"` // of owners' links
}

// Email is the SMTP smarthost. Without a host the channel is off.
type Email struct {
	Host         string `yaml:"host"`
	Port         int    `yaml:"port"`
	TLS          string `yaml:"tls"` // starttls | tls | none (loopback only)
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
	From         string `yaml:"from"`
}

// Webhook signs what goes to a contact's webhook. Without a secret the channel
// is off.
type Webhook struct {
	SecretFile string   `yaml:"secret_file"`
	Allow      []string `yaml:"allow"` // private hosts that may be called all the same
}

// WebPush sends to browsers. Its keys are made on first start and kept in the
// data folder; Subject is the mailto: or https: contact that push services
// want. Without it the channel is off.
type WebPush struct {
	Subject string   `yaml:"subject"`
	Allow   []string `yaml:"allow"` // push services beyond the built-in list
}

// Default returns the configuration of an all-in-one process.
func Default() Config {
	return Config{
		Data:       "./data",
		MQTT:       "embedded://127.0.0.1:1883",
		Log:        "embedded:",
		Readings:   "embedded:",
		State:      "sqlite:",
		Durability: "process",
		LogLimit:   10 << 30,
		LogKeep:    1 << 30,
		LogLevel:   slog.LevelInfo,
		Web:        WebConfig{Listen: "127.0.0.1:8080"},
		Care: CareConfig{
			Brand:     "Forecare",
			QuietFrom: 21 * 60, QuietUntil: 8 * 60,
			OfferEvery:  Duration(30 * 24 * time.Hour),
			Technicians: []string{"technician"},
			WorkFrom:    9 * 60, WorkUntil: 17 * 60,
			WorkDays:    []outreach.Day{1, 2, 3, 4, 5},
			LinkExpires: Duration(30 * 24 * time.Hour),
		},
		Email: Email{Port: 587, TLS: "starttls"},
	}
}

// Has reports whether the process runs the role.
func (c *Config) Has(r Role) bool {
	if len(c.Roles) == 0 {
		return true
	}
	for _, have := range c.Roles {
		if have == r {
			return true
		}
	}
	return false
}

// URL chooses an engine. It may hold a password, so it prints without it.
type URL string

// Scheme returns what stands before the first colon.
func (u URL) Scheme() string {
	s, _, _ := strings.Cut(string(u), ":")
	return s
}

// Host returns host:port, or "" where the URL has none.
func (u URL) Host() string {
	p, err := url.Parse(string(u))
	if err != nil {
		return ""
	}
	return p.Host
}

// Bare reports whether the URL is a scheme and nothing else, which stands for
// the place in the data folder.
func (u URL) Bare() bool {
	_, rest, _ := strings.Cut(string(u), ":")
	return strings.Trim(rest, "/") == ""
}

// String returns the URL without its password.
func (u URL) String() string {
	p, err := url.Parse(string(u))
	if err != nil {
		return u.Scheme() + ":(unreadable)"
	}
	return p.Redacted()
}

// LogValue keeps passwords out of logs.
func (u URL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalYAML keeps passwords out of what check-config prints.
func (u URL) MarshalYAML() (any, error) { return u.String(), nil }
