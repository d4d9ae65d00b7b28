package broker

import (
	"strings"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/forecare/forecare/devices"
)

// mayRead reports whether a device may subscribe to the filter, or be sent a
// message of that topic: the first three levels must name, without a wildcard,
// the device itself or one behind it. [TP-2.5]
func (b *Broker) mayRead(key devices.Key, filter string) bool {
	rest, ok := strings.CutPrefix(filter, "fleet/")
	if !ok {
		return false
	}
	tenant, rest, _ := strings.Cut(rest, "/")
	device, rest, below := strings.Cut(rest, "/")
	if !below || rest == "" || !devices.ValidID(tenant) || !devices.ValidID(device) {
		return false
	}
	return b.options.Registry.MayPublish(key, devices.Key{Tenant: tenant, Device: device})
}

// subscribe makes filters beyond the limit invalid.
func (c *connection) subscribe(pk packets.Packet) packets.Packet {
	have := c.cl.State.Subscriptions.Len()
	for i := range pk.Filters {
		f := &pk.Filters[i]
		if _, again := c.cl.State.Subscriptions.Get(f.Filter); again || !c.b.mayRead(c.key, f.Filter) {
			continue // renews one, or is refused anyway
		}
		if have++; have > c.b.limits.Subscriptions {
			f.Filter = "" // no valid filter: refused with 0x8F
		}
	}
	return pk
}

// matches reports whether a valid filter covers the topic.
func matches(filter, topic string) bool {
	for {
		f, restFilter, moreFilter := strings.Cut(filter, "/")
		if f == "#" {
			return true
		}
		t, restTopic, moreTopic := strings.Cut(topic, "/")
		if f != "+" && f != t {
			return false
		}
		if !moreTopic {
			return !moreFilter || restFilter == "#" // "a/#" covers "a" too
		}
		if !moreFilter {
			return false
		}
		filter, topic = restFilter, restTopic
	}
}
