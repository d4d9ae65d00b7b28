package formats

import (
	"strings"

	"github.com/forecare/forecare/devices"
)

// thingsboard reads the topics of ThingsBoard's device and gateway API. [FM-7]
type thingsboard struct{}

func openThingsBoard(Options) (reader, error) { return thingsboard{}, nil }

func (t thingsboard) read(in *Input, _ *State, c *collector) {
	topic, ours := strings.CutPrefix(in.Topic, "v1/devices/me/")
	if !ours {
		switch in.Topic {
		case "v2/t", "v2/t/j":
			topic, ours = "telemetry", true
		case "v2/a", "v2/a/j":
			topic, ours = "attributes", true
		}
	}
	if gateway, is := strings.CutPrefix(in.Topic, "v1/gateway/"); is {
		topic, ours = "gateway/"+gateway, true
	}
	action, id := topic, ""
	for _, with := range []string{"rpc/response/", "rpc/request/", "attributes/request/"} {
		if rest, is := strings.CutPrefix(topic, with); is {
			action, id = with, rest
		}
	}
	read := map[string]func(jsonValue, string, *collector){
		"telemetry":           t.telemetry,
		"attributes":          t.attributes,
		"rpc/response/":       t.answer,
		"rpc/request/":        t.request,
		"attributes/request/": t.wanted,
		"gateway/telemetry":   t.gatewayTelemetry,
		"gateway/attributes":  t.gatewayAttributes,
		"gateway/connect":     t.connect,
		"gateway/disconnect":  t.disconnect,
		"gateway/rpc":         t.gatewayAnswer,
	}[action]
	switch {
	case !ours:
		c.reject(refusef(BadTopic, "The topic %s is none of ThingsBoard's device and gateway API.", quote(in.Topic)))
	case read == nil:
		c.skip("", Unsupported, "Messages on %s are not read.", quote(in.Topic))
	default:
		if root, ok := c.parsed(); ok {
			read(root, id, c)
		}
	}
}

// telemetry takes {"a": 1}, {"ts": ms, "values": {...}} or a list of these.
// [FM-7.1]
func (t thingsboard) telemetry(root jsonValue, _ string, c *collector) {
	t.points("", root, "", c)
}

func (t thingsboard) points(at string, v jsonValue, device string, c *collector) {
	if v.kind() == jsonArray {
		for e := range v.inside() {
			t.point(at, e, device, c)
			if !c.going() {
				return
			}
		}
		return
	}
	t.point(at, v, device, c)
}

func (t thingsboard) point(at string, v jsonValue, device string, c *collector) {
	if v.kind() != jsonObject {
		c.refuse(at, BadPayload, `There is %s where an object like {"temp": 21.4} belongs.`, quote(v.raw()))
		return
	}
	like := Sample{Device: device}
	values := v
	if ts := v.member("ts"); ts.kind() != jsonAbsent && v.member("values").kind() == jsonObject {
		read, ok := jsonTime(ts, millis, nil)
		if ts.kind() != jsonNumber || !ok {
			c.refuse(at, BadPayload, "The time ts is %s. ThingsBoard's is a number of milliseconds since 1970.", quote(ts.raw()))
			return
		}
		like.Time, like.Clock, values = read, DeviceClock, v.member("values")
	}
	flatten(values, nil, func(way path, v jsonValue) bool {
		if v.kind() == jsonString {
			t.text(way, v, like, c)
		} else {
			c.leaf(way, v, like)
		}
		return c.going()
	})
}

// text reads a text that holds a number as that number, as ThingsBoard does.
// [FM-7.2]
func (t thingsboard) text(way path, v jsonValue, like Sample, c *collector) {
	n, ok := parseNumber(v.text())
	channel, fits := c.channelOf(way)
	if !ok || !fits {
		c.leaf(way, v, like)
		return
	}
	like.Channel, like.Value = channel, numberValue(n)
	c.sample(like, way)
}

// attributes are facts about the device. [FM-7.3]
func (t thingsboard) attributes(root jsonValue, _ string, c *collector) {
	t.facts("", root, "", c)
}

func (t thingsboard) facts(at string, v jsonValue, device string, c *collector) {
	if v.kind() != jsonObject {
		c.refuse(at, BadPayload, "There is %s where an object of attributes belongs.", quote(v.raw()))
		return
	}
	h := Hint{Device: device}
	flatten(v, nil, func(way path, v jsonValue) bool {
		name, fits := c.channelOf(way)
		text := short(v)
		if !fits || text == "" {
			c.skip(name, NotMeasurement, "The attribute is no short text, number or boolean.")
			return c.going()
		}
		switch strings.ToLower(name) {
		case "fw_version", "firmware_version", "firmwareversion", "current_fw_version", "firmware":
			h.Firmware = text
		case "serialnumber", "serial_number", "serial":
			h.Serial = text
		case "model":
			h.Model = text
		default:
			if len(h.Attributes) >= 64 {
				c.skip(name, NotMeasurement, "The device has more than 64 attributes.")
			}
			h.attribute(name, text)
		}
		return c.going()
	})
	c.hint(h, false)
}

// answer is what a device says to a command. [FM-7.4]
func (t thingsboard) answer(root jsonValue, id string, c *collector) {
	t.answered("", root, id, c)
}

func (t thingsboard) answered(device string, v jsonValue, id string, c *collector) {
	if !devices.ValidID(id) {
		c.reject(refusef(BadPayload, "The id of the command is %s, which is none.", quote(id)))
		return
	}
	e := Event{Device: device, Kind: Answered, ID: id}
	switch fault := v.member("error"); fault.kind() {
	case jsonAbsent, jsonNull, jsonFalse:
	case jsonString:
		e.Error = fault.text()
	default:
		e.Error = string(fault.raw())
	}
	if len(e.Error) > c.limits.Text {
		e.Error = strings.ToValidUTF8(e.Error[:c.limits.Text], "")
	}
	c.happening(e, v)
}

// request is a procedure that the device wants the server to run.
func (t thingsboard) request(root jsonValue, _ string, c *collector) {
	c.happening(Event{Kind: Happening}, root)
}

// wanted asks for attributes that the server keeps. Forecare keeps none, and
// says so, since firmware waits for the answer. [FM-7.5]
func (t thingsboard) wanted(_ jsonValue, id string, c *collector) {
	if !devices.ValidID(id) {
		c.reject(refusef(BadTopic, "The id of the request is %s, which is none.", quote(id)))
		return
	}
	c.request(Request{Topic: "v1/devices/me/attributes/response/" + id, Payload: []byte("{}"), Why: "the device asks for shared attributes, of which there are none"})
}

// gatewayTelemetry is an object with a list of points for each device. [FM-7.6]
func (t thingsboard) gatewayTelemetry(root jsonValue, _ string, c *collector) {
	t.each(root, c, t.points)
}

func (t thingsboard) gatewayAttributes(root jsonValue, _ string, c *collector) {
	t.each(root, c, t.facts)
}

func (t thingsboard) each(root jsonValue, c *collector, take func(at string, v jsonValue, device string, c *collector)) {
	if root.kind() != jsonObject {
		c.reject(refusef(BadPayload, "The payload is no object with a member for each device."))
		return
	}
	for m := range root.inside() {
		at, fits := c.channelOf(path{{key: m.name()}})
		if !fits {
			c.refuse("", TooLarge, "The name of a device is longer than %d bytes.", c.limits.Name)
		} else if device := c.device(at, m.name()); device != "" {
			take(at, m, device, c)
		}
		if !c.going() {
			return
		}
	}
}

func (t thingsboard) connect(root jsonValue, _ string, c *collector) {
	name := short(root.member("device"))
	if device := c.device("device", name); device != "" {
		c.event(Event{Device: device, Kind: Online})
		c.hint(Hint{Device: device, Name: name, Model: short(root.member("type")), Via: c.in.Device}, false)
	}
}

func (t thingsboard) disconnect(root jsonValue, _ string, c *collector) {
	if device := c.device("device", short(root.member("device"))); device != "" {
		c.event(Event{Device: device, Kind: Offline})
	}
}

func (t thingsboard) gatewayAnswer(root jsonValue, _ string, c *collector) {
	if root.member("data").kind() == jsonAbsent {
		c.reject(refusef(BadPayload, `The answer lacks data; a gateway sends {"device": ..., "id": ..., "data": ...}.`))
		return
	}
	if device := c.device("device", short(root.member("device"))); device != "" {
		t.answered(device, root.member("data"), short(root.member("id")), c)
	}
}
