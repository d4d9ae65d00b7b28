package formats

import (
	"strings"
	"time"
)

// tasmota reads what Tasmota publishes. [FM-8]
type tasmota struct{ zone *time.Location }

func openTasmota(o Options) (reader, error) {
	zone, err := o.location()
	return &tasmota{zone}, err
}

func (t *tasmota) read(in *Input, _ *State, c *collector) {
	levels := strings.Split(in.Topic, "/")
	kind := levels[len(levels)-1]
	prefix, rest := "", []string(nil)
	for i, l := range levels[:len(levels)-1] {
		if prefix == "" && (l == "tele" || l == "stat" || l == "cmnd") {
			prefix = l
			rest = append(append(rest, levels[:i]...), levels[i+1:len(levels)-1]...)
		}
	}
	if n := len(levels); prefix == "" && n == 4 && levels[1] == "discovery" {
		t.discovery(kind, c)
		return
	}
	switch {
	case prefix == "":
		c.reject(refusef(BadTopic, "The topic %s has no level tele or stat, as Tasmota's topics have.", quote(in.Topic)))
		return
	case prefix == "cmnd":
		c.skip("", NotMeasurement, "It is a command, which goes to the device.")
		return
	}
	if in.Device == "" {
		if in.Device = c.device("", strings.Join(rest, "/")); in.Device == "" {
			return
		}
	}
	if prefix == "tele" {
		t.telemetry(kind, c)
	} else {
		t.status(kind, c)
	}
}

func (t *tasmota) telemetry(kind string, c *collector) {
	switch kind {
	case "LWT":
		c.lifecycle("")
	case "SENSOR", "STATE", "UPTIME":
		if root, ok := c.parsed(); ok {
			t.values(root, c)
		}
	case "INFO1", "INFO2", "INFO3":
		if root, ok := c.parsed(); ok {
			t.info(kind, root, c)
		}
	default:
		c.skip("", Unsupported, "Messages of the kind tele/.../%s are not read.", quote(kind))
	}
}

// status reads answers to commands, of which some are measurements. [FM-8.4]
func (t *tasmota) status(kind string, c *collector) {
	wrapper := map[string]string{"STATUS8": "StatusSNS", "STATUS10": "StatusSNS", "STATUS11": "StatusSTS"}[kind]
	switch {
	case wrapper != "":
		if root, ok := c.parsed(); ok {
			t.values(root.member(wrapper), c)
		}
	case kind == "RESULT":
		root, ok := c.parsed()
		switch {
		case !ok:
		case root.member("POWER").kind() == jsonString || root.member("POWER1").kind() == jsonString:
			t.values(root, c)
		default:
			c.happening(Event{Kind: Happening}, root)
		}
	case strings.HasPrefix(kind, "POWER"):
		word := strings.TrimSpace(string(c.in.Payload[:min(len(c.in.Payload), 16)]))
		if on, ok := onOff(word); ok {
			c.sample(Sample{Channel: kind, Value: boolValue(on)}, nil)
		} else {
			c.reject(refusef(BadPayload, "The payload is %s, where ON or OFF belongs.", quote(word)))
		}
	default:
		c.skip("", Unsupported, "Messages of the kind stat/.../%s are not read.", quote(kind))
	}
}

// values takes the sensors or the state. [FM-8.1]
func (t *tasmota) values(root jsonValue, c *collector) {
	if root.kind() != jsonObject {
		c.reject(refusef(BadPayload, "The payload is no object with a member for each sensor."))
		return
	}
	like := Sample{Clock: DeviceClock, Time: t.time(root)}
	stated := map[string]string{}
	for _, name := range []string{"TempUnit", "PressureUnit"} {
		stated[name] = short(root.member(name))
	}
	flatten(root, nil, func(way path, v jsonValue) bool {
		if len(way) == 1 {
			switch way[0].key {
			case "Time", "Epoch", "TempUnit", "PressureUnit", "SpeedUnit":
				return true
			}
		}
		one := like
		one.Unit = tasmotaUnit(stated, way)
		t.leaf(way, v, one, c)
		return c.going()
	})
	if c.going() && len(c.out.Samples)+len(c.out.Refused)+c.out.Unlisted == 0 {
		c.reject(refusef(NoFields, "There is no value in the message."))
	}
}

func (t *tasmota) leaf(way path, v jsonValue, like Sample, c *collector) {
	if v.kind() == jsonString {
		if on, ok := onOff(v.text()); ok {
			channel, fits := c.channelOf(way)
			if fits {
				like.Channel, like.Value = channel, boolValue(on)
				c.sample(like, way)
				return
			}
		}
	}
	c.leaf(way, v, like)
}

// time is the device's, if it says which zone it means or the rule does and if
// its clock is set; else it is zero, which means the moment of receipt. [FM-8.2]
func (t *tasmota) time(root jsonValue) time.Time {
	at, ok := time.Time{}, false
	if e := root.member("Epoch"); e.kind() == jsonNumber {
		at, ok = jsonTime(e, autoUnit, nil)
	} else {
		at, ok = textTime(short(root.member("Time")), t.zone)
	}
	if !ok || at.Year() < 2015 {
		return time.Time{}
	}
	return at
}

// tasmotaUnit is the unit that the payload states, or that Tasmota always uses.
func tasmotaUnit(stated map[string]string, way path) string {
	name, group := "", ""
	for _, s := range way {
		if s.kind == stepKey {
			group, name = name, s.key
		}
	}
	switch name {
	case "Temperature", "DewPoint", "HeatIndex":
		return stated["TempUnit"]
	case "Pressure", "SeaPressure":
		return stated["PressureUnit"]
	case "Humidity":
		return "%"
	case "Illuminance":
		return "lx"
	case "CarbonDioxide", "eCO2":
		return "ppm"
	case "RSSI":
		return "%"
	case "Signal":
		return "dBm"
	}
	if group != "ENERGY" {
		return ""
	}
	return map[string]string{
		"Total": "kWh", "Yesterday": "kWh", "Today": "kWh", "Period": "Wh", "Power": "W", "ApparentPower": "VA",
		"ReactivePower": "var", "Voltage": "V", "Current": "A", "Frequency": "Hz",
	}[name]
}

// info reads what a device tells after its start. [FM-8.3]
func (t *tasmota) info(kind string, root jsonValue, c *collector) {
	if wrapped := root.member("Info" + kind[4:]); wrapped.kind() == jsonObject {
		root = wrapped
	}
	h := Hint{Device: c.in.Device, Model: short(root.member("Module")), Firmware: short(root.member("Version"))}
	for _, name := range []string{"Hostname", "IPAddress", "GroupTopic"} {
		h.attribute(name, short(root.member(name)))
	}
	c.hint(h, false)
	if kind == "INFO3" {
		c.happening(Event{Kind: Happening}, root)
	}
}

func (t *tasmota) discovery(kind string, c *collector) {
	if kind != "config" {
		c.skip("", Unsupported, "Messages of the kind discovery/.../%s are not read.", quote(kind))
		return
	}
	if len(c.in.Payload) == 0 {
		c.skip("", NotMeasurement, "It clears what was retained.")
		return
	}
	root, ok := c.parsed()
	if !ok {
		return
	}
	h := Hint{
		Name: short(root.member("dn")), Maker: "Tasmota", Model: short(root.member("md")),
		Firmware: short(root.member("sw")), Serial: short(root.member("mac")),
	}
	if h.Device = c.device("t", short(root.member("t"))); h.Device == "" {
		return
	}
	h.attribute("Hostname", short(root.member("hn")))
	h.attribute("IPAddress", short(root.member("ip")))
	c.hint(h, false)
}
