package formats

import (
	"strings"
	"time"
)

// homeassistant reads discovery messages as Home Assistant does, and then the
// topics that they announce. [FM-10.1]
type homeassistant struct{ prefix string }

func openHomeAssistant(o Options) (reader, error) {
	h := &homeassistant{prefix: o.Base}
	if h.prefix == "" {
		h.prefix = "homeassistant"
	}
	return h, plainTopic("base", h.prefix)
}

func (h *homeassistant) read(in *Input, st *State, c *collector) {
	if st.discovery == nil {
		st.discovery = &haDiscovery{}
	}
	if rest, ours := strings.CutPrefix(in.Topic, h.prefix+"/"); ours && st.discovery.byTopic[in.Topic] == nil {
		levels := strings.Split(rest, "/")
		n := len(levels)
		switch {
		case rest == "status":
			c.skip("", NotMeasurement, "It is the state of Home Assistant.")
		case n < 3 || n > 4 || levels[n-1] != "config":
			c.reject(refusef(BadTopic, "The topic %s is none of discovery, which are %s/component/object/config, with or without a node before the object.", quote(in.Topic), h.prefix))
		default:
			h.config(levels[0], levels[1:n-1], st, c)
		}
		return
	}
	if len(in.Topic) > 1024 || st.discovery.byTopic[in.Topic] == nil {
		c.reject(refusef(UnknownMetric, "No discovery message has announced the topic %s. Retained ones come again when the device or the bridge starts.", quote(in.Topic)))
		return
	}
	h.state(st.discovery.byTopic[in.Topic], c)
}

// config takes a discovery message. ids are the node's, if there is one, and
// the object's.
func (h *homeassistant) config(component string, ids []string, st *State, c *collector) {
	if len(c.in.Payload) == 0 {
		h.removed(st.discovery.forget(st, c.in.Topic), st, c)
		return
	}
	root, ok := c.parsed()
	if !ok {
		return
	}
	const most = 10_000
	if len(root.tree.nodes) > most {
		c.reject(refusef(TooLarge, "The discovery message holds more than %d values.", most))
		return
	}
	dev, parts := haMember(root, "device"), haMember(root, "components")
	if component == "device" && (dev.kind() != jsonObject || haMember(root, "origin").kind() != jsonObject || parts.kind() != jsonObject) {
		c.reject(refusef(BadPayload, "A discovery message of a whole device needs device, origin and components."))
		return
	}
	hint := haHint(dev, ids, c)
	if hint.Device == "" {
		return
	}
	before := st.discovery.forget(st, c.in.Topic)
	if component != "device" {
		h.entity(component, ids[len(ids)-1], root, root, &hint, st, c)
	}
	const mostEntities = 1000
	count := 0
	for e := range parts.inside() {
		platform := short(haMember(e, "platform"))
		if platform != "" && e.node().skip-e.at == 2 { // only the platform: taken away
			continue
		}
		if count++; count > mostEntities {
			c.refuse("", TooLarge, "The device has more than %d entities.", mostEntities)
			break
		}
		h.entity(platform, e.name(), root, e, &hint, st, c)
	}
	c.hint(hint, true)
	h.removed(before, st, c)
}

// removed tells of devices that have no entity any more.
func (h *homeassistant) removed(before []*haEntity, st *State, c *collector) {
	told := map[string]bool{}
	for _, e := range before {
		if told[e.device] {
			continue
		}
		told[e.device] = true
		if !st.discovery.has(e.device) {
			c.hint(Hint{Device: e.device, Gone: true}, false)
		}
	}
}

// haHint reads what a message says about the device. [FM-10.5]
func haHint(dev jsonValue, ids []string, c *collector) Hint {
	id := haFirst(haMember(dev, "identifiers"))
	if id == "" {
		id = haFirst(haMember(dev, "connections"))
	}
	if id == "" {
		id = ids[0]
	}
	hint := Hint{
		Device: c.device("device", id), Name: short(dev.member("name")), Maker: short(haMember(dev, "manufacturer")),
		Model: short(haMember(dev, "model")), Firmware: short(haMember(dev, "sw_version")), Serial: short(haMember(dev, "serial_number")),
		Via: DeviceID(short(dev.member("via_device"))),
	}
	hint.attribute("hw_version", short(haMember(dev, "hw_version")))
	hint.attribute("suggested_area", short(haMember(dev, "suggested_area")))
	return hint
}

// entity takes one quantity. What it lacks, the whole message has.
func (h *homeassistant) entity(component, id string, root, v jsonValue, hint *Hint, st *State, c *collector) {
	if len(id) > 128 {
		c.refuse("", TooLarge, "The name of an entity is longer than 128 bytes.")
		return
	}
	switch component {
	case "sensor", "binary_sensor", "number", "switch":
	default:
		c.skip(id, Unsupported, "Entities of the kind %s are not read; sensor, binary_sensor, number and switch are.", quote(component))
		return
	}
	shared := func(name string) jsonValue {
		if m := haMember(v, name); m.kind() != jsonAbsent {
			return m
		}
		return haMember(root, name)
	}
	base := short(root.member("~"))
	if own := v.member("~"); own.kind() == jsonString {
		base = short(own)
	}
	source := short(haMember(v, "value_template"))
	e := &haEntity{
		device: hint.Device, channel: id, component: component, topic: haTopic(shared("state_topic"), base),
		template: parseHATemplate(source), unit: short(haMember(v, "unit_of_measurement")), class: short(haMember(v, "device_class")),
		on: "ON", off: "OFF",
	}
	if given := haMember(v, "value_template"); source == "" && len(given.raw()) > len(`""`) {
		e.template = nil // too long, or no text
	}
	for _, word := range []struct {
		into  *string
		names []string
	}{{&e.on, []string{"payload_on", "state_on"}}, {&e.off, []string{"payload_off", "state_off"}}} {
		for _, name := range word.names {
			if m := haMember(v, name); m.kind() != jsonAbsent {
				*word.into = haWord(m)
			}
		}
	}
	if after, ok := haMember(v, "expire_after").number(); ok && after > 0 && after < 1e9 {
		e.every = time.Duration(after * float64(time.Second))
	}
	h.availability(shared, base, e)
	switch {
	case e.topic == "":
		c.refuse(id, BadPayload, "The entity has no state_topic of up to 254 bytes.")
		return
	case e.template == nil:
		c.refuse(id, Unsupported, "The template is %s. Only {{ value }} and {{ value_json.a.b }}, with the filters float, int, round, default and is_defined, are read.", quote(haMember(v, "value_template").raw()))
		return
	case !st.discovery.learn(st, c.in.Topic, e):
		c.refuse(id, TooLarge, "There are more than %d entities to remember.", st.limits.Channels)
		return
	}
	hint.Channels = append(hint.Channels, ChannelHint{
		Channel: id, Unit: e.unit, Type: component, Class: e.class, Every: e.every,
	})
}

// availability reads the one topic, or the list of several.
func (h *homeassistant) availability(shared func(string) jsonValue, base string, e *haEntity) {
	add := func(topic, on, off, template jsonValue) {
		a := haAvailability{topic: haTopic(topic, base), on: "online", off: "offline", template: parseHATemplate(short(template))}
		if on.kind() != jsonAbsent {
			a.on = haWord(on)
		}
		if off.kind() != jsonAbsent {
			a.off = haWord(off)
		}
		if a.topic != "" && a.template != nil && len(e.availability) < 16 {
			e.availability = append(e.availability, a)
		}
	}
	if t := shared("availability_topic"); t.kind() != jsonAbsent {
		add(t, shared("payload_available"), shared("payload_not_available"), shared("availability_template"))
	}
	for m := range shared("availability").inside() {
		add(haMember(m, "topic"), haMember(m, "payload_available"), haMember(m, "payload_not_available"), haMember(m, "value_template"))
	}
}

// haWord is a value as a payload would write it.
func haWord(v jsonValue) string {
	switch v.kind() {
	case jsonTrue:
		return "True"
	case jsonFalse:
		return "False"
	}
	return short(v)
}

// state takes a message on a topic that was announced. [FM-10.6]
func (h *homeassistant) state(entities []*haEntity, c *collector) {
	if len(c.in.Payload) == 0 {
		c.skip("", NotMeasurement, "It clears what was retained.")
		return
	}
	payload := validText(c.in.Payload)
	var root jsonValue
	for _, e := range entities {
		asked := e.topic == c.in.Topic && e.template.json
		for _, a := range e.availability {
			asked = asked || a.topic == c.in.Topic && a.template.json
		}
		if asked {
			var ok bool
			if root, ok = c.parsed(); !ok {
				return
			}
			break
		}
	}
	told := map[string]bool{}
	for _, e := range entities {
		if e.topic == c.in.Topic {
			e.measured(payload, root, c)
		}
		for _, a := range e.availability {
			if a.topic != c.in.Topic || told[e.device] {
				continue
			}
			switch word, ok := a.template.text(payload, root); {
			case ok && word == a.on:
				c.event(Event{Device: e.device, Kind: Online})
			case ok && word == a.off:
				c.event(Event{Device: e.device, Kind: Offline})
			default:
				c.refuse(e.channel, BadPayload, "The availability is %s, where %s or %s belongs.", quote(word), quote(a.on), quote(a.off))
			}
			told[e.device] = true
		}
		if !c.going() {
			return
		}
	}
}

// measured takes one quantity of a payload.
func (e *haEntity) measured(payload string, root jsonValue, c *collector) {
	text, ok := e.template.text(payload, root)
	if !ok || text == "None" || text == "unknown" || text == "unavailable" {
		return // the payload is about other entities, or there is no value now
	}
	s := Sample{Device: e.device, Channel: e.channel, Unit: e.unit}
	switch e.component {
	case "sensor", "number":
		if n, isNumber := parseNumber(strings.TrimSpace(text)); isNumber {
			s.Value = numberValue(n)
		} else if e.unit != "" {
			c.refuse(e.channel, NotANumber, "The value is %s, but a quantity in %s is a number.", quote(text), e.unit)
			return
		} else {
			s.Value = textValue(text)
		}
	default:
		switch text {
		case e.on:
			s.Value = boolValue(true)
		case e.off:
			s.Value = boolValue(false)
		default:
			c.refuse(e.channel, BadPayload, "The value is %s, where %s or %s belongs.", quote(text), quote(e.on), quote(e.off))
			return
		}
	}
	c.sample(s, nil)
}
