package config

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Broker is what an mqtt:// or mqtts:// URL says. Empty fields are for the
// subscriber's owner to choose.
type Broker struct {
	URL      string // scheme and host only
	Username string
	ClientID string   // names our session at the broker; must not change
	Group    string   // of a shared subscription
	Tenants  []string // whose messages are taken; none means every tenant's
}

// ExternalBroker returns the broker that devices connect to, and whether there
// is one: else they connect to us.
func (c *Config) ExternalBroker() (b Broker, external bool) {
	u, err := url.Parse(string(c.MQTT))
	if err != nil || (u.Scheme != "mqtt" && u.Scheme != "mqtts") {
		return Broker{}, false
	}
	q := u.Query()
	b = Broker{URL: u.Scheme + "://" + u.Host, Username: u.User.Username(), ClientID: q.Get("client_id"), Group: q.Get("group")}
	if t := q.Get("tenants"); t != "" {
		b.Tenants = strings.Split(t, ",")
	}
	return b, true
}

// word is what a client identifier, a group and a tenant look like.
var word = regexp.MustCompile(`^[A-Za-z0-9:._-]{1,64}$`)

func (c *Config) checkBroker(say func(string, ...any)) {
	b, external := c.ExternalBroker()
	if !external {
		if c.MQTTSecret != "" || c.MQTTCA != "" {
			say("mqtt_password_file, mqtt_ca_file: they are for a broker of your own, and mqtt names none")
		}
		return
	}
	u, err := url.Parse(string(c.MQTT))
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		say("mqtt: %q is no mqtt://host:port or mqtts://host:port", c.MQTT.String())
		return
	}
	if _, has := u.User.Password(); has {
		say("mqtt: a password in an address ends up in logs; put it into a file and name that in mqtt_password_file")
	}
	if c.MQTTSecret != "" && b.Username == "" {
		say("mqtt_password_file: it needs a user, as in %s://user@%s", u.Scheme, u.Host)
	}
	if c.MQTTCA != "" && u.Scheme != "mqtts" {
		say("mqtt_ca_file: only mqtts:// has certificates")
	}
	for key, values := range u.Query() {
		if !slices.Contains([]string{"client_id", "group", "tenants"}, key) {
			say("mqtt: there is no setting %q; the address takes client_id, group and tenants", key)
			continue
		}
		for _, v := range strings.Split(strings.Join(values, ","), ",") {
			if !word.MatchString(v) {
				say("mqtt: %s: %q must be 1 to 64 letters, digits, colons, dots, underscores or hyphens", key, v)
			}
		}
	}
}
