package formats_test

import (
	"strings"
	"testing"

	"github.com/forecare/forecare/ingest/formats"
)

const zigbeeDevices = `[
	{"ieee_address":"0x00","type":"Coordinator","friendly_name":"Coordinator"},
	{"ieee_address":"0x01","type":"EndDevice","friendly_name":"hall/climate","power_source":"Battery","software_build_id":"3000-0001","disabled":false,
	 "definition":{"model":"WSD","vendor":"Acme","exposes":[
		{"type":"numeric","property":"temperature","unit":"°C","access":1},
		{"type":"binary","property":"contact","value_on":false,"value_off":true},
		{"type":"binary","property":"alarm","value_on":"ALARM","value_off":"CALM"},
		{"type":"light","features":[{"type":"composite","property":"color","features":[{"type":"numeric","property":"x"}]}]}]}},
	{"ieee_address":"0x02","type":"Router","friendly_name":"hall","definition":null},
	{"ieee_address":"0x03","type":"Router","friendly_name":"off","disabled":true}]`

// [FM-9]
func TestZigbee2MQTT(t *testing.T) {
	d := decoder(t, "zigbee2mqtt", formats.Options{})
	st := d.NewState()
	send := func(topic, payload, lines string) {
		t.Helper()
		got := d.Decode(formats.Input{Topic: "zigbee2mqtt/" + topic, Payload: []byte(payload), Received: received}, st)
		sane(t, got)
		want(t, got, lines)
	}
	// Before the bridge has named its devices, a topic is a name.
	send("hall/climate", `{"temperature":21.5,"battery":null,"state":"ON","last_seen":"2026-03-01T12:59:59+01:00"}`, `
		hall-climate: temperature = 21.5 @ 2026-03-01T11:59:59Z
		hall-climate: state = true @ 2026-03-01T11:59:59Z`)
	send("bridge/devices", zigbeeDevices, `
		hint hall-climate name="hall/climate" maker="Acme" model="WSD" fw="3000-0001" serial="0x01" via="" gone=false
		has alarm > alarm unit="" type="binary" class="" every=0s
		has color.x > color_x unit="" type="numeric" class="" every=0s
		has contact > contact unit="" type="binary" class="" every=0s
		has temperature > temperature unit="°C" type="numeric" class="" every=0s
		fact power_source=Battery
		hint hall name="hall" maker="" model="" fw="" serial="0x02" via="" gone=false`)
	send("hall/climate", `{"temperature":21.5,"contact":false,"alarm":"CALM","color":{"x":0.5},"linkquality":80,"last_seen":1772366399000,"device":{"model":"x"},"update":{"state":"idle"}}`, `
		hall-climate: temperature = 21.5 °C @ 2026-03-01T11:59:59Z
		hall-climate: contact = true @ 2026-03-01T11:59:59Z
		hall-climate: alarm = false @ 2026-03-01T11:59:59Z
		hall-climate: color.x > color_x = 0.5 @ 2026-03-01T11:59:59Z
		hall-climate: linkquality = 80 @ 2026-03-01T11:59:59Z
		skipped device.model not_measurement: It is a fact about the device.
		skipped update.state not_measurement: It is a fact about the device.`)
	send("hall/climate/temperature", `22.5`, `hall-climate: temperature = 22.5 °C @ receipt`)
	send("hall/occupancy", `warm`, `hall: occupancy = "warm" @ receipt`)
	send("hall/climate/availability", `{"state":"offline"}`, `event hall-climate offline id=""`)
	send("hall/availability", `online`, `event hall online id=""`)
	send("all lamps", `{"state":"ON"}`, `skipped not_measurement: The bridge has no device "all lamps"; it may be a group.`)
	send("hall/set", `{}`, `skipped not_measurement: It is a command, which goes to the bridge.`)
	send("hall/climate/get", `{}`, `skipped not_measurement: It is a command, which goes to the bridge.`)
	send("hall", ``, `skipped not_measurement: It clears what was retained.`)
	send("hall", `[1]`, `rejected bad_payload: The payload is no object with the device's state.`)
	send("hall", `{"last_seen":"yesterday","a":1}`, `refused last_seen bad_payload: The time is "\"yesterday\"". Set last_seen to ISO_8601, ISO_8601_local or epoch in the bridge.`)
	send("bridge/state", `{"state":"online"}`, `event online id=""`)
	send("bridge/info", `{"version":"2.1.0"}`, `hint  name="" maker="" model="Zigbee2MQTT" fw="2.1.0" serial="" via="" gone=false`)
	send("bridge/logging", `{}`, `skipped not_measurement: It is about the bridge.`)
	send("bridge/event", `{"type":"device_leave","data":{"friendly_name":"hall"}}`, `
		hint hall name="hall" maker="" model="" fw="" serial="" via="" gone=true
		event happening id="" {"type":"device_leave","data":{"friendly_name":"hall"}}`)
	send("bridge/devices", `[]`, `
		hint hall name="hall" maker="" model="" fw="" serial="" via="" gone=true
		hint hall-climate name="hall/climate" maker="" model="" fw="" serial="" via="" gone=true`)
	send("bridge/devices", `{}`, `rejected bad_payload: The payload is no list of devices.`)
	want(t, decode(t, "zigbee2mqtt", formats.Options{Base: "home/z2m"}, "home/z2m/a", `{"a":1}`), "a: a = 1 @ receipt")
	want(t, decode(t, "zigbee2mqtt", formats.Options{}, "z/a", `{}`), `rejected bad_topic: The topic "z/a" does not begin with zigbee2mqtt/. Set the option base to the bridge's base topic.`)
	if _, err := formats.NewDecoder("zigbee2mqtt", formats.Options{Base: "a/#"}, formats.Limits{}); err == nil || !strings.Contains(err.Error(), "without wildcards") {
		t.Error(err)
	}
}

func FuzzZigbee2MQTT(f *testing.F) {
	f.Add([]byte(zigbeeDevices), "hall/climate", []byte(`{"temperature":21.5,"contact":false,"last_seen":1}`))
	f.Add([]byte(`[{"friendly_name":"a","definition":{"exposes":[{"features":[{"property":"b","value_on":1}]}]}}]`), "a/b", []byte("1"))
	d := decoder(f, "zigbee2mqtt", formats.Options{})
	f.Fuzz(func(t *testing.T, list []byte, topic string, payload []byte) {
		st := d.NewState()
		for range 2 {
			sane(t, d.Decode(formats.Input{Topic: "zigbee2mqtt/bridge/devices", Payload: list, Received: received}, st))
			sane(t, d.Decode(formats.Input{Topic: "zigbee2mqtt/" + topic, Payload: payload, Received: received}, st))
		}
	})
}
