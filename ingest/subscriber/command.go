package subscriber

import (
	"context"
	"encoding/json"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/forecare/forecare/devices"
)

// order is a command as a device gets it. [TP-8.3]
type order struct {
	ID      string         `json:"id"`
	Name    string         `json:"name"`
	Args    map[string]any `json:"args,omitempty"`
	Issued  time.Time      `json:"issued"`
	Expires time.Time      `json:"expires,omitzero"`
}

// SendCommand publishes a command, QoS 1, and returns when the broker has
// acknowledged it. Whether a device listens only the broker knows. It is
// Unavailable while there is no connection, or if the broker does not answer
// within Limits.Command: nothing is queued here, the caller repeats what the
// device does not acknowledge. [TP-10.6]
func (s *Subscriber) SendCommand(cmd devices.Command) error {
	topic := devices.Topic{Key: cmd.Key, Kind: devices.TopicCommand, Command: cmd.ID}.String()
	if _, err := devices.ParseTopic(topic); err != nil {
		return devices.Wrap(err, devices.Invalid, "The command %q for %s cannot be addressed.", cmd.ID, cmd.Key)
	}
	if !s.options.takes(cmd.Key.Tenant) {
		return devices.Errorf(devices.Forbidden, "The tenant %s is not one of those whose devices are on this broker.", cmd.Key.Tenant)
	}
	if !cmd.Expires.IsZero() && !time.Now().Before(cmd.Expires) {
		s.metrics.commands.WithLabelValues("expired").Inc()
		return devices.Errorf(devices.Conflict, "The command %s has expired.", cmd.ID)
	}
	payload, err := json.Marshal(order{ID: cmd.ID, Name: cmd.Name, Args: cmd.Args, Issued: cmd.Issued, Expires: cmd.Expires})
	if err != nil {
		return devices.Wrap(err, devices.Invalid, "The arguments of command %s are no JSON.", cmd.ID)
	}
	c := s.current.Load()
	if c == nil {
		s.metrics.commands.WithLabelValues("offline").Inc()
		return devices.Wrap(s.health.reason(), devices.Unavailable, "The MQTT broker %s is not connected.", s.address)
	}
	if err := c.publish(topic, payload); err != nil {
		s.metrics.commands.WithLabelValues("offline").Inc()
		return devices.Wrap(err, devices.Unavailable, "The MQTT broker %s did not take the command.", s.address)
	}
	s.metrics.commands.WithLabelValues("sent").Inc()
	return nil
}

// publish publishes and waits for the PUBACK of this very connection: paho's
// token completes without an error when a connection is resumed, so here none
// ever is.
func (c *connection) publish(topic string, payload []byte) error {
	published := make(chan paho.Token, 1)
	// Ends within Limits.Command, paho's time for handing over to a connection.
	go func() { published <- c.client.Publish(topic, 1, false, payload) }()
	select {
	case t := <-published:
		return c.wait(context.Background(), t, c.s.limits.Command)
	case <-c.dead:
		return c.cause()
	}
}
