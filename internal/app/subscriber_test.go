package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/config"
)

func TestSubscriberOptions(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c := config.Default()
	c.MQTT = "mqtts://care@emqx:8883?group=g&tenants=acme"
	c.MQTTSecret = file("password", "first\n")
	b, _ := c.ExternalBroker()
	o, err := subscriberOptions(c, b)
	if err != nil {
		t.Fatal(err)
	}
	if o.Broker != "mqtts://emqx:8883" || o.Username != "care" || o.Group != "g" || len(o.Tenants) != 1 || o.TLS != nil {
		t.Errorf("options are %+v", o)
	}
	again, err := subscriberOptions(c, b)
	if err != nil || !devices.ValidID(o.ClientID) || o.ClientID != again.ClientID {
		t.Errorf("the client identifier is %q, then %q, %v", o.ClientID, again.ClientID, err)
	}
	file("password", "second\n")
	if p, err := o.Password(); p != "second" || err != nil {
		t.Errorf("a changed password is not read again: %q, %v", p, err)
	}

	for name, change := range map[string]func(*config.Config){
		"no password file": func(c *config.Config) { c.MQTTSecret = filepath.Join(dir, "none") },
		"no CA file":       func(c *config.Config) { c.MQTTCA = filepath.Join(dir, "none") },
		"no PEM":           func(c *config.Config) { c.MQTTCA = file("ca", "hello") },
	} {
		t.Run(name, func(t *testing.T) {
			c := c
			change(&c)
			if _, err := subscriberOptions(c, b); err == nil || !strings.Contains(err.Error(), "mqtt_") {
				t.Errorf("got %v, want an error that names the setting", err)
			}
		})
	}
}

func TestClientIDOfAHost(t *testing.T) {
	for host, want := range map[string]string{
		"edge-1.example.com":     "forecare-edge-1.example.com",
		"büro pc":                "forecare-b-ro-pc",
		strings.Repeat("x", 300): "forecare-" + strings.Repeat("x", 55),
		"":                       "forecare-",
	} {
		if got := clientID(host); got != want || !devices.ValidID(got) {
			t.Errorf("%q gives %q, want %q", host, got, want)
		}
	}
}
