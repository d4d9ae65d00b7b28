package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// Check says everything that is wrong with the configuration, nil if nothing
// is.
func (c *Config) Check() error {
	var errs []error
	say := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if c.Data == "" {
		say("data: name a folder")
	}
	for _, r := range c.Roles {
		if !slices.Contains(Roles(), r) {
			say("roles: there is no role %q; the roles are ingest, writer, anomaly, outreach, web", r)
		}
	}
	scheme(say, "mqtt", c.MQTT, "embedded", "mqtt", "mqtts")
	scheme(say, "log", c.Log, "embedded", "nats", "tls")
	scheme(say, "readings", c.Readings, "embedded", "influx")
	scheme(say, "state", c.State, "sqlite", "postgres", "postgresql")
	if c.MQTT.Scheme() == "embedded" {
		address(say, "mqtt", c.MQTT.Host())
	}
	c.checkBroker(say)
	address(say, "web.listen", c.Web.Listen)
	if c.Durability != "process" && c.Durability != "fsync" {
		say("durability: %q is none; choose process (survives kill -9) or fsync (survives power loss)", c.Durability)
	}
	if c.LogLimit < 64<<20 {
		say("log_limit: at least 64MiB")
	}
	if c.LogKeep > c.LogLimit/2 {
		say("log_keep: at most half of log_limit, or the log would be full although everything was read")
	}
	if c.Readings.Scheme() == "influx" && c.TokenFile == "" {
		say("readings_token_file: %s needs a token; put it into a file and name the file", c.Readings)
	}
	if c.Web.PublicURL != "" {
		if u, err := url.Parse(c.Web.PublicURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			say("web.public_url: %q is no http(s) address", c.Web.PublicURL)
		}
	}
	c.checkMix(say)
	c.checkCare(say)
	c.checkChannels(say)
	return errors.Join(errs...)
}

// checkMix refuses engines inside this process that other processes would
// need: roles that run apart meet only in engines that stand apart.
func (c *Config) checkMix(say func(string, ...any)) {
	all := true
	for _, r := range Roles() {
		all = all && c.Has(r)
	}
	if all {
		return
	}
	if c.Log.Scheme() == "embedded" {
		say("log: it is embedded, so no other process can read it; roles run apart need nats://")
	}
	if c.State.Scheme() == "sqlite" {
		say("state: it is sqlite, which one process may write; roles run apart need postgres://")
	}
	if c.Readings.Scheme() == "embedded" && (c.Has(Writer) || c.Has(Web)) {
		say("readings: it is embedded, so only one process reaches it; roles run apart need influx://")
	}
}

func (c *Config) checkCare(say func(string, ...any)) {
	if len(c.Care.Technicians) == 0 {
		say("care.technicians: name at least one")
	}
	if c.Care.WorkFrom >= c.Care.WorkUntil || len(c.Care.WorkDays) == 0 {
		say("care.work_from, work_until, work_days: nobody would ever work")
	}
	if strings.TrimSpace(c.Care.Brand) == "" {
		say("care.brand: owners want to know who writes")
	}
}

func (c *Config) checkChannels(say func(string, ...any)) {
	if c.Email.Host != "" {
		if c.Email.From == "" {
			say("email.from: the address that owners can answer to")
		}
		if !slices.Contains([]string{"starttls", "tls", "none"}, c.Email.TLS) {
			say("email.tls: %q is none of starttls, tls, none", c.Email.TLS)
		}
		if c.Email.Port < 1 || c.Email.Port > 65535 {
			say("email.port: %d is no port", c.Email.Port)
		}
	}
	if s := c.WebPush.Subject; s != "" && !strings.HasPrefix(s, "mailto:") && !strings.HasPrefix(s, "https://") {
		say("webpush.subject: %q must begin with mailto: or https://", s)
	}
}

func scheme(say func(string, ...any), name string, u URL, known ...string) {
	if !slices.Contains(known, u.Scheme()) {
		say("%s: %q is no engine we know; it begins with one of %s", name, u.Scheme()+":", strings.Join(known, ":, ")+":")
	}
}

func address(say func(string, ...any), name, hostport string) {
	if _, _, err := net.SplitHostPort(hostport); err != nil {
		say("%s: %q is no host:port", name, hostport)
	}
}
