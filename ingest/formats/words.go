package formats

import (
	"bytes"
	"encoding/json"
	"strings"
)

// onOff reads the words with which switches tell their state.
func onOff(s string) (on, ok bool) {
	switch s {
	case "ON", "on", "On":
		return true, true
	case "OFF", "off", "Off":
		return false, true
	}
	return false, false
}

// switched makes a boolean of a text that is ON or OFF.
func switched(v Value) Value {
	if v.Kind == Text {
		if on, ok := onOff(v.Text); ok {
			return boolValue(on)
		}
	}
	return v
}

// lifecycle reads a payload that says online or offline, as text or as
// {"state": ...}.
func (c *collector) lifecycle(device string) {
	word := strings.TrimSpace(string(c.in.Payload[:min(len(c.in.Payload), 256)]))
	if strings.HasPrefix(word, "{") {
		root, ok := c.parsed()
		if !ok {
			return
		}
		word = root.member("state").text()
	}
	switch strings.ToLower(word) {
	case "online":
		c.event(Event{Device: device, Kind: Online})
	case "offline":
		c.event(Event{Device: device, Kind: Offline})
	case "":
		c.skip("", NotMeasurement, "It clears what was retained.")
	default:
		c.reject(refusef(BadPayload, "The payload is %s, where online or offline belongs.", quote(word)))
	}
}

// happening tells JSON as an event. JSON with the words for what is no number
// cannot be told.
func (c *collector) happening(e Event, v jsonValue) {
	if !json.Valid(v.raw()) {
		c.refuse("", BadPayload, "The payload holds NaN or Infinity, which are no JSON.")
		return
	}
	if len(v.raw()) > 64<<10 {
		c.refuse("", TooLarge, "The event is longer than 64 KiB.")
		return
	}
	e.Payload = bytes.Clone(v.raw())
	c.event(e)
}

// short is a text of a payload that becomes a fact about a device, "" if it is
// too long to be one.
func short(v jsonValue) string {
	if len(v.raw()) > 256 {
		return ""
	}
	switch v.kind() {
	case jsonString:
		return v.text()
	case jsonNumber, jsonTrue, jsonFalse:
		return string(v.raw())
	}
	return ""
}
