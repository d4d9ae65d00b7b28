package formats

import (
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
)

// mapping reads JSON of any shape. [FM-4]
type mapping struct {
	each        path
	split       bool // each is given
	time        path
	timeAtRoot  bool
	unit        timeUnit
	name, value path
	pairs       bool // name and value are given
	device      path
	deviceRoot  bool
	devices     bool // device is given
	zone        *time.Location
}

func openMapping(o Options) (reader, error) {
	m := &mapping{split: o.Each != "", pairs: o.Name != "", devices: o.Device != ""}
	if (o.Name == "") != (o.Value == "") {
		return nil, devices.Errorf(devices.Invalid, "the options name and value belong together; give both or neither")
	}
	if o.Time == "" {
		o.Time = "ts"
	}
	var err error
	if m.each, err = parsePath(o.Each); err != nil {
		return nil, devices.Errorf(devices.Invalid, "the option each: %s", devices.MessageOf(err))
	}
	for _, p := range []struct {
		name, value string
		into        *path
		root        *bool
	}{
		{"time", o.Time, &m.time, &m.timeAtRoot},
		{"device", o.Device, &m.device, &m.deviceRoot},
		{"name", o.Name, &m.name, nil},
		{"value", o.Value, &m.value, nil},
	} {
		value := p.value
		if p.root != nil {
			value, *p.root = strings.CutPrefix(value, "$.")
		}
		if *p.into, err = plainPath(p.name, value); err != nil {
			return nil, err
		}
	}
	if m.unit, err = o.unit(); err != nil {
		return nil, err
	}
	m.zone, err = o.location()
	return m, err
}

func (m *mapping) read(_ *Input, _ *State, c *collector) {
	root, ok := c.parsed()
	if !ok {
		return
	}
	records := 0
	var shared mappingShared // looked up once: the payload may be made to make that expensive
	if m.timeAtRoot {
		shared.time = m.time.in(root)
	}
	if m.deviceRoot {
		shared.device = m.device.in(root)
	}
	record := func(way path, v jsonValue) bool {
		records++
		m.record(shared, way, v, c)
		return c.going()
	}
	switch {
	case m.split:
		m.each.each(root, nil, record)
		if records == 0 {
			c.reject(refusef(NoFields, "There is nothing at %s.", m.each))
		}
	case root.kind() == jsonArray && (m.pairs || root.element(0).kind() == jsonObject):
		path{{kind: stepAnyIndex}}.each(root, nil, record)
	default:
		record(nil, root)
	}
	if c.going() && len(c.out.Samples)+len(c.out.Refused)+c.out.Unlisted == 0 {
		c.reject(refusef(NoFields, "There is no value in the message."))
	}
}

// mappingShared is what all records of a payload share.
type mappingShared struct{ time, device jsonValue }

// record takes one reading. way leads to it, for words.
func (m *mapping) record(shared mappingShared, way path, v jsonValue, c *collector) {
	at, _ := c.channelOf(way)
	if len(way) > 0 && v.kind() != jsonObject && (!m.split || m.pairs) {
		c.refuse(at, BadPayload, "There is %s where an object belongs.", quote(v.raw()))
		return
	}
	like, ok := m.like(shared, at, v, c)
	if !ok {
		return
	}
	if m.pairs {
		m.pair(at, v, like, c)
		return
	}
	if k := v.kind(); k != jsonObject && k != jsonArray {
		c.leaf(way, v, like)
		return
	}
	whole := len(way) == 0
	c.leaves(v, nil, like, func(way path) bool {
		if _, is := m.time.matches(way); is && (whole || !m.timeAtRoot) {
			return true
		}
		_, is := m.device.matches(way)
		return is && m.devices && (whole || !m.deviceRoot)
	})
}

// like reads what all values of a record share.
func (m *mapping) like(shared mappingShared, at string, v jsonValue, c *collector) (Sample, bool) {
	var s Sample
	t := shared.time
	if !m.timeAtRoot {
		t = m.time.in(v)
	}
	if t.kind() != jsonAbsent && t.kind() != jsonNull {
		read, ok := jsonTime(t, m.unit, m.zone)
		if !ok {
			return s, c.refuse(at, BadPayload, "The time is %s. %s", quote(t.raw()), m.wanted())
		}
		s.Time, s.Clock = read, DeviceClock
	}
	if !m.devices {
		return s, true
	}
	d := shared.device
	if !m.deviceRoot {
		d = m.device.in(v)
	}
	name := short(d)
	if name == "" {
		return s, c.refuse(at, BadPayload, "There is no device's name of up to 254 bytes at %s.", m.device)
	}
	s.Device = c.device(at, name)
	return s, s.Device != ""
}

func (m *mapping) wanted() string {
	if m.zone != nil {
		return `Send RFC 3339, with or without a zone, or a number since 1970.`
	}
	return `Send RFC 3339 with a zone, as "2026-03-01T09:30:00Z", or a number since 1970. Times without a zone need the option zone.`
}

// pair takes a record that is one value with its name.
func (m *mapping) pair(at string, v jsonValue, like Sample, c *collector) {
	name := m.name.in(v).text()
	switch {
	case name == "":
		c.refuse(at, BadPayload, "There is no text at %s, where the name of the value belongs.", m.name)
		return
	case len(name) > c.limits.Name:
		c.refuse(at, TooLarge, "The name of the value is longer than %d bytes.", c.limits.Name)
		return
	}
	value := m.value.in(v)
	if k := value.kind(); k == jsonAbsent || k == jsonNull {
		return
	}
	like.Channel = name
	var ok bool
	if like.Value, ok = c.value(name, value); ok {
		c.sample(like, nil)
	}
}

// jsonTime reads a number or a text as an instant. A text may also hold the
// number.
func jsonTime(v jsonValue, unit timeUnit, zone *time.Location) (time.Time, bool) {
	if len(v.raw()) > 128 {
		return time.Time{}, false
	}
	switch v.kind() {
	case jsonNumber:
		return instant(epochNanos(string(v.raw()), unit)), true
	case jsonString:
		s := v.text()
		if _, ok := parseNumber(s); ok && s[0] != '+' {
			return instant(epochNanos(s, unit)), true
		}
		return textTime(s, zone)
	}
	return time.Time{}, false
}
