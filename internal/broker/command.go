package broker

import (
	"encoding/json"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

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
// gateway, that have subscribed to it. It is Unavailable if there are none:
// nothing is queued here, the caller repeats what is not acknowledged. It may
// wait, as long as Limits.Write, for a device that does not read.
func (b *Broker) SendCommand(cmd devices.Command) error {
	topic := devices.Topic{Key: cmd.Key, Kind: devices.TopicCommand, Command: cmd.ID}.String()
	if _, err := devices.ParseTopic(topic); err != nil {
		return devices.Wrap(err, devices.Invalid, "The command %q for %s cannot be addressed.", cmd.ID, cmd.Key)
	}
	now := time.Now()
	if !cmd.Expires.IsZero() && !now.Before(cmd.Expires) {
		b.metrics.commands.WithLabelValues("expired").Inc()
		return devices.Errorf(devices.Conflict, "The command %s has expired.", cmd.ID)
	}
	payload, err := json.Marshal(order{ID: cmd.ID, Name: cmd.Name, Args: cmd.Args, Issued: cmd.Issued, Expires: cmd.Expires})
	if err != nil {
		return devices.Wrap(err, devices.Invalid, "The arguments of command %s are no JSON.", cmd.ID)
	}
	receivers := b.live.of(cmd.Key)
	if d, _, ok := b.options.Registry.Lookup(cmd.Key); ok && d.Gateway != "" {
		receivers = append(receivers, b.live.of(devices.Key{Tenant: cmd.Key.Tenant, Device: d.Gateway})...)
	}
	sent := false
	for _, c := range receivers {
		sent = c.send(topic, payload, cmd.Expires) || sent
	}
	if !sent {
		b.metrics.commands.WithLabelValues("offline").Inc()
		return devices.Errorf(devices.Unavailable, "%s is not connected, or does not listen for commands.", cmd.Key)
	}
	b.metrics.commands.WithLabelValues("sent").Inc()
	return nil
}

// send writes a command if the device has subscribed to its topic, and reports
// whether it did. QoS is 1, or 0 if the device wants it so.
func (c *connection) send(topic string, payload []byte, expires time.Time) bool {
	if !c.b.mayRead(c.key, topic) { // no longer that device's gateway
		return false
	}
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish}, TopicName: topic, Payload: payload}
	found := false
	for filter, sub := range c.cl.State.Subscriptions.GetAll() {
		if !matches(filter, topic) {
			continue
		}
		found = true
		pk.FixedHeader.Qos = max(pk.FixedHeader.Qos, min(1, sub.Qos))
		if sub.Identifier > 0 { // [MQTT-3.3.4-3]
			pk.Properties.SubscriptionIdentifier = append(pk.Properties.SubscriptionIdentifier, sub.Identifier)
		}
	}
	if !found {
		return false
	}
	if !expires.IsZero() {
		pk.Expiry = expires.Unix() // as MQTT 5 Message Expiry Interval
	}
	if pk.FixedHeader.Qos == 1 {
		var ok bool
		if pk.PacketID, ok = c.nextID(); !ok {
			return false
		}
	}
	return c.cl.WritePacket(pk) == nil
}

// maxUnacked is how many commands a connection is sent without answering any.
const maxUnacked = 64

// nextID returns a packet identifier for a command; ok is false while the
// device owes us too many PUBACKs. Those of the device itself are another
// matter: each side has its own.
func (c *connection) nextID() (id uint16, ok bool) {
	most := maxUnacked
	if r := int(c.cl.Properties.Props.ReceiveMaximum); r > 0 {
		most = min(most, r)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unacked >= most {
		return 0, false
	}
	c.unacked++
	if c.packetID++; c.packetID == 0 {
		c.packetID = 1
	}
	return c.packetID, true
}
