package mqtt

import (
	"encoding/json"
	"time"

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

// SendCommand publishes a command to the connections, of the device or of its
// gateway, that have subscribed to it. It is Unavailable if there are none, or
// if they do not take what they were sent before: nothing is queued here, the
// caller repeats what is not acknowledged. It does not wait.
func (s *Server) SendCommand(cmd devices.Command) error {
	topic := devices.Topic{Key: cmd.Key, Kind: devices.TopicCommand, Command: cmd.ID}.String()
	if _, err := devices.ParseTopic(topic); err != nil {
		return devices.Wrap(err, devices.Invalid, "The command %q for %s cannot be addressed.", cmd.ID, cmd.Key)
	}
	if !cmd.Expires.IsZero() && !time.Now().Before(cmd.Expires) {
		s.metrics.commands.WithLabelValues("expired").Inc()
		return devices.Errorf(devices.Conflict, "The command %s has expired.", cmd.ID)
	}
	payload, err := json.Marshal(order{ID: cmd.ID, Name: cmd.Name, Args: cmd.Args, Issued: cmd.Issued, Expires: cmd.Expires})
	if err != nil {
		return devices.Wrap(err, devices.Invalid, "The arguments of command %s are no JSON.", cmd.ID)
	}
	m := &message{topic: topic, key: cmd.Key, payload: payload, qos: 1, expires: cmd.Expires}
	receivers := s.directory.sessions(identity{key: cmd.Key}, nil)
	if d, _, ok := s.options.Registry.Lookup(cmd.Key); ok && d.Gateway != "" {
		receivers = s.directory.sessions(identity{key: devices.Key{Tenant: cmd.Key.Tenant, Device: d.Gateway}}, receivers)
	}
	sent := false
	for _, session := range receivers {
		if o, ok := session.covering(m); ok && s.mayRead(session.owner, topic) { // still that device's gateway
			o.message = m
			sent = session.deliver(&o, false) || sent
		}
	}
	if !sent {
		s.metrics.commands.WithLabelValues("offline").Inc()
		return devices.Errorf(devices.Unavailable, "%s is not connected, or does not listen for commands.", cmd.Key)
	}
	s.metrics.commands.WithLabelValues("sent").Inc()
	return nil
}
