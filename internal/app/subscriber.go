package app

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest/subscriber"
	"github.com/forecare/forecare/internal/config"
)

// wireSubscriber makes the door to a broker that devices connect to instead of
// us, and returns how commands go out at it.
func (a *App) wireSubscriber(b config.Broker, accept acceptFunc) (sendFunc, error) {
	o, err := subscriberOptions(a.cfg, b)
	if err != nil {
		return nil, err
	}
	o.Accept, o.Logger, o.Registerer = accept, a.log.With("component", "subscriber"), a.metrics
	door, err := subscriber.New(o)
	if err != nil {
		return nil, err
	}
	a.subscriber = door
	a.run("subscriber", door.Run)
	return door.SendCommand, nil
}

// subscriberOptions says what the configuration means for the subscriber.
func subscriberOptions(c config.Config, b config.Broker) (subscriber.Options, error) {
	o := subscriber.Options{
		Broker: b.URL, ClientID: b.ClientID, Group: b.Group, Tenants: b.Tenants, Username: b.Username,
		// Read for each connection, so that a changed password needs no restart.
		Password: func() (string, error) { return config.Secret(c.MQTTSecret) },
	}
	if _, err := o.Password(); err != nil {
		return o, fmt.Errorf("mqtt_password_file: %w", err)
	}
	if o.ClientID == "" {
		host, err := os.Hostname()
		if err != nil {
			return o, fmt.Errorf("naming the session at the broker after this host (or set client_id in mqtt): %w", err)
		}
		o.ClientID = clientID(host)
	}
	if c.MQTTCA != "" {
		pem, err := os.ReadFile(c.MQTTCA)
		if err != nil {
			return o, fmt.Errorf("mqtt_ca_file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return o, fmt.Errorf("mqtt_ca_file: %s holds no certificate in PEM", c.MQTTCA)
		}
		o.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return o, nil
}

// clientID makes a client identifier of a host's name.
func clientID(host string) string {
	id := "forecare-" + strings.Map(func(r rune) rune {
		if r < 0x80 && devices.ValidID(string(r)) {
			return r
		}
		return '-'
	}, host)
	return id[:min(len(id), 64)]
}
