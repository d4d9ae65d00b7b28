package formats

import (
	"slices"
	"strings"

	"github.com/forecare/forecare/devices"
)

// zigbee2mqtt reads what Zigbee2MQTT publishes. [FM-9]
type zigbee2mqtt struct{ base string }

func openZigbee2MQTT(o Options) (reader, error) {
	z := &zigbee2mqtt{base: o.Base}
	if z.base == "" {
		z.base = "zigbee2mqtt"
	}
	return z, plainTopic("base", z.base)
}

// plainTopic checks an option that is the beginning of topics.
func plainTopic(name, s string) error {
	if strings.ContainsAny(s, "+#{}\x00") || strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/") || len(s) > 256 {
		return devices.Errorf(devices.Invalid, "the option %s is %s; write the first levels of the topics without wildcards and without a slash at the ends", name, quote(s))
	}
	return nil
}

func (z *zigbee2mqtt) read(in *Input, st *State, c *collector) {
	rest, ours := strings.CutPrefix(in.Topic, z.base+"/")
	if !ours || rest == "" {
		c.reject(refusef(BadTopic, "The topic %s does not begin with %s/. Set the option base to the bridge's base topic.", quote(in.Topic), z.base))
		return
	}
	if st.zigbee[z.base] == nil {
		if st.zigbee == nil {
			st.zigbee = map[string]*zbBridge{}
		}
		st.zigbee[z.base] = &zbBridge{}
	}
	bridge := st.zigbee[z.base]
	if about, is := strings.CutPrefix(rest, "bridge/"); is {
		z.bridge(about, bridge, st, c)
		return
	}
	if l := strings.Split(rest, "/"); slices.Contains(l[1:], "set") || slices.Contains(l[1:], "get") {
		c.skip("", NotMeasurement, "It is a command, which goes to the bridge.")
		return
	}
	z.device(rest, bridge, c)
}

// bridge reads what the bridge says about itself and those behind it.
func (z *zigbee2mqtt) bridge(about string, b *zbBridge, st *State, c *collector) {
	switch about {
	case "state":
		c.lifecycle("")
	case "devices":
		if root, ok := c.parsed(); ok {
			z.devices(root, b, st, c)
		}
	case "info":
		if root, ok := c.parsed(); ok {
			c.hint(Hint{Model: "Zigbee2MQTT", Firmware: short(root.member("version"))}, false)
		}
	case "event":
		root, ok := c.parsed()
		if !ok {
			return
		}
		c.happening(Event{Kind: Happening}, root)
		if root.member("type").text() == "device_leave" {
			name := short(root.member("data").member("friendly_name"))
			if id := c.device("data.friendly_name", name); id != "" {
				c.hint(Hint{Device: id, Name: name, Gone: true}, false)
			}
		}
	default:
		c.skip("", NotMeasurement, "It is about the bridge.")
	}
}

// devices takes the list of all that are behind the bridge; who is not in it
// any more has gone. [FM-9.2]
func (z *zigbee2mqtt) devices(root jsonValue, b *zbBridge, st *State, c *collector) {
	if root.kind() != jsonArray {
		c.reject(refusef(BadPayload, "The payload is no list of devices."))
		return
	}
	before := b.devices
	st.used -= b.count
	b.devices, b.count = map[string]*zbDevice{}, 0
	for e := range root.inside() {
		name := short(e.member("friendly_name"))
		if name == "" || e.member("type").text() == "Coordinator" || e.member("disabled").kind() == jsonTrue {
			continue
		}
		if len(b.devices) >= st.limits.Devices {
			c.refuse(name, TooLarge, "There are more than %d devices behind the bridge.", st.limits.Devices)
			break
		}
		d := &zbDevice{id: c.device(name, name), properties: map[string]*zbProperty{}}
		if d.id == "" {
			continue
		}
		room := st.limits.Channels - st.used
		definition := e.member("definition")
		d.expose(definition.member("exposes"), nil, 0, &room, c)
		if room <= 0 {
			c.refuse(name, TooLarge, "There are more than %d properties of devices to remember.", st.limits.Channels)
		}
		st.used += len(d.properties)
		b.count += len(d.properties)
		b.devices[name] = d
		c.hint(d.hint(name, e, definition, c), false)
		if !c.going() {
			return
		}
	}
	for _, name := range sortedKeys(before) {
		if b.devices[name] == nil {
			c.hint(Hint{Device: before[name].id, Name: name, Gone: true}, false)
		}
	}
}

func (d *zbDevice) hint(name string, e, definition jsonValue, c *collector) Hint {
	h := Hint{
		Device: d.id, Name: name, Maker: short(definition.member("vendor")), Model: short(definition.member("model")),
		Firmware: short(e.member("software_build_id")), Serial: short(e.member("ieee_address")), Via: c.in.Device,
	}
	if h.Model == "" {
		h.Model = short(e.member("model_id"))
	}
	h.attribute("power_source", short(e.member("power_source")))
	for _, p := range sortedKeys(d.properties) {
		h.Channels = append(h.Channels, ChannelHint{Channel: p, Unit: d.properties[p].unit, Type: d.properties[p].kind})
	}
	return h
}

// device reads what comes from one device. Its name may have slashes: the
// longest one that the bridge has named wins. [FM-9.4]
func (z *zigbee2mqtt) device(rest string, b *zbBridge, c *collector) {
	name, available := strings.CutSuffix(rest, "/availability")
	known, attribute := b.devices[name], ""
	for cut := strings.LastIndexByte(name, '/'); known == nil && !available && cut > 0; cut = strings.LastIndexByte(name[:cut], '/') {
		known, attribute = b.devices[name[:cut]], name[cut+1:]
	}
	if known == nil {
		if b.devices != nil {
			c.skip("", NotMeasurement, "The bridge has no device %s; it may be a group.", quote(name))
			return
		}
		id := c.in.Device
		if id == "" {
			id = c.device("", name)
		}
		if id == "" {
			return
		}
		known, attribute = &zbDevice{id: id}, ""
	}
	c.in.Device = known.id
	switch {
	case available:
		c.lifecycle("")
	case len(c.in.Payload) == 0:
		c.skip("", NotMeasurement, "It clears what was retained.")
	case attribute != "":
		known.attribute(attribute, c)
	default:
		if root, ok := c.parsed(); ok {
			known.values(root, c)
		}
	}
}

// values takes the state of a device. [FM-9.1]
func (d *zbDevice) values(root jsonValue, c *collector) {
	if root.kind() != jsonObject {
		c.reject(refusef(BadPayload, "The payload is no object with the device's state."))
		return
	}
	var like Sample
	if seen := root.member("last_seen"); seen.kind() == jsonNumber || seen.kind() == jsonString {
		at, ok := jsonTime(seen, autoUnit, nil)
		if !ok {
			c.refuse("last_seen", BadPayload, "The time is %s. Set last_seen to ISO_8601, ISO_8601_local or epoch in the bridge.", quote(seen.raw()))
			return
		}
		like.Time, like.Clock = at, DeviceClock
	}
	flatten(root, nil, func(way path, v jsonValue) bool {
		switch way[0].key {
		case "last_seen":
		case "device", "update":
			channel, _ := c.channelOf(way)
			c.skip(channel, NotMeasurement, "It is a fact about the device.")
		default:
			d.value(way, v, like, c)
		}
		return c.going()
	})
}

func (d *zbDevice) value(way path, v jsonValue, like Sample, c *collector) {
	channel, fits := c.channelOf(way)
	if !fits || v.kind() == jsonNull {
		c.leaf(way, v, like)
		return
	}
	p := d.properties[channel]
	if p == nil {
		p = &zbProperty{}
	}
	var ok bool
	if like.Value, ok = c.value(channel, v); !ok {
		return
	}
	like.Channel, like.Unit = channel, p.unit
	switch string(v.raw()) {
	case p.on:
		like.Value = boolValue(true)
	case p.off:
		like.Value = boolValue(false)
	default:
		like.Value = switched(like.Value)
	}
	c.sample(like, way)
}

// attribute takes a value that has a topic of its own. [FM-9.5]
func (d *zbDevice) attribute(name string, c *collector) {
	if len(name) > c.limits.Name || len(c.in.Payload) > c.limits.Text {
		c.reject(refusef(TooLarge, "The name or the value is longer than it may be."))
		return
	}
	like := Sample{Channel: name}
	if p := d.properties[name]; p != nil {
		like.Unit = p.unit
	}
	text := validText(c.in.Payload)
	if n, ok := parseNumber(text); ok {
		like.Value = numberValue(n)
	} else {
		like.Value = switched(textValue(text))
	}
	c.sample(like, nil)
}
