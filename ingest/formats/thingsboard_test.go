package formats_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest/formats"
)

func TestThingsBoard(t *testing.T) {
	for _, c := range []struct{ clause, topic, payload, want string }{
		{"FM-7.1", "v1/devices/me/telemetry", `{"temp":21.5,"on":true,"note":"x"}`, "temp = 21.5 @ receipt\non = true @ receipt\nnote = \"x\" @ receipt"},
		{"FM-7.1", "v2/t", `{"temp":21.5}`, "temp = 21.5 @ receipt"},
		{"FM-7.1", "v1/devices/me/telemetry", `{"ts":1772366399000,"values":{"temp":21.5,"loc":{"lat":1.5}}}`, "temp = 21.5 @ 2026-03-01T11:59:59Z\nloc.lat > loc_lat = 1.5 @ 2026-03-01T11:59:59Z"},
		{"FM-7.1", "v1/devices/me/telemetry", `[{"ts":1772366399000,"values":{"t":1}},{"t":2},{"ts":1772366400500,"values":{"t":3}},4]`, `
			t = 1 @ 2026-03-01T11:59:59Z
			t = 2 @ receipt
			t = 3 @ 2026-03-01T12:00:00.5Z
			refused bad_payload: There is "4" where an object like {"temp": 21.4} belongs.`},
		{"FM-7.1", "v1/devices/me/telemetry", `{"ts":1000,"values":{"t":1}}`, "t = 1 @ 1970-01-01T00:00:01Z"},
		{"FM-7.1", "v1/devices/me/telemetry", `{"ts":"now","values":{"t":1}}`, `refused bad_payload: The time ts is "\"now\"". ThingsBoard's is a number of milliseconds since 1970.`},
		{"FM-7.2", "v1/devices/me/telemetry", `{"a":"21.5","b":"0x1","c":""}`, "a = 21.5 @ receipt\nb = \"0x1\" @ receipt\nc = \"\" @ receipt"},
		{"FM-7.3", "v1/devices/me/attributes", `{"fw_version":"1.2","serialNumber":"S7","ip":"10.0.0.7","n":5}`, "hint  name=\"\" maker=\"\" model=\"\" fw=\"1.2\" serial=\"S7\" via=\"\" gone=false\nfact ip=10.0.0.7\nfact n=5"},
		{"FM-7.3", "v1/devices/me/attributes", `[1]`, `refused bad_payload: There is "[1]" where an object of attributes belongs.`},
		{"FM-7.4", "v1/devices/me/rpc/response/17", `{"done":true}`, `event answered id="17" {"done":true}`},
		{"FM-7.4", "v1/devices/me/rpc/response/17", `{"error":"busy"}`, `event answered id="17" {"error":"busy"} busy`},
		{"FM-7.4", "v1/devices/me/rpc/response/", `{}`, `rejected bad_payload: The id of the command is "", which is none.`},
		{"FM-7.4", "v1/devices/me/rpc/response/17", `{"a":NaN}`, `refused bad_payload: The payload holds NaN or Infinity, which are no JSON.`},
		{"FM-7.4", "v1/devices/me/rpc/request/3", `{"method":"getTime","params":{}}`, `event happening id="" {"method":"getTime","params":{}}`},
		{"FM-7.5", "v1/devices/me/attributes/request/3", `{"sharedKeys":"a"}`, `request v1/devices/me/attributes/response/3 2 bytes: the device asks for shared attributes, of which there are none`},
		{"FM-7.6", "v1/gateway/telemetry", `{"Device A":[{"ts":1772366399000,"values":{"t":1}}],"B":[{"t":2}],"Device-A":[{"t":3}],"ü":[{"t":4}],"C":5}`, `
			Device-A: t = 1 @ 2026-03-01T11:59:59Z
			B: t = 2 @ receipt
			refused Device-A bad_payload: The devices "Device A" and "Device-A" would both become Device-A. Rename one of them.
			refused ü bad_payload: The device is called "\u00fc", of which no identifier of 1 to 64 letters, digits, colons, dots, underscores and hyphens can be made.
			refused C bad_payload: There is "5" where an object like {"temp": 21.4} belongs.`},
		{"FM-7.6", "v1/gateway/attributes", `{"A":{"model":"K2"}}`, `hint A name="" maker="" model="K2" fw="" serial="" via="" gone=false`},
		{"FM-7.6", "v1/gateway/connect", `{"device":"Device A","type":"K2"}`, "hint Device-A name=\"Device A\" maker=\"\" model=\"K2\" fw=\"\" serial=\"\" via=\"\" gone=false\nevent Device-A online id=\"\""},
		{"FM-7.6", "v1/gateway/disconnect", `{"device":"Device A"}`, `event Device-A offline id=""`},
		{"FM-7.6", "v1/gateway/rpc", `{"device":"A","id":5,"data":{"ok":1}}`, `event A answered id="5" {"ok":1}`},
		{"FM-7.6", "v1/gateway/rpc", `{"device":"A","id":5}`, `rejected bad_payload: The answer lacks data; a gateway sends {"device": ..., "id": ..., "data": ...}.`},
		{"FM-7.6", "v1/gateway/telemetry", `[]`, `rejected bad_payload: The payload is no object with a member for each device.`},
		{"FM-7.7", "v1/devices/me/claim", `{}`, `skipped unsupported: Messages on "v1/devices/me/claim" are not read.`},
		{"FM-7.7", "v1/x", `{}`, `rejected bad_topic: The topic "v1/x" is none of ThingsBoard's device and gateway API.`},
	} {
		t.Run(c.clause+" "+c.payload, func(t *testing.T) {
			got := decode(t, "thingsboard", formats.Options{}, c.topic, c.payload)
			sane(t, got)
			want(t, got, c.want)
		})
	}
}

// [TP-8.2]
func TestEventsInTheFormOfTheProtocol(t *testing.T) {
	k := devices.Key{Tenant: "acme", Device: "gw"}
	for _, c := range []struct {
		event        formats.Event
		device, want string
		kind         devices.EventKind
		id           string
	}{
		{formats.Event{Kind: formats.Online}, "gw", `{"online":true}`, devices.EventState, ""},
		{formats.Event{Kind: formats.Offline, Device: "d"}, "d", `{"online":false}`, devices.EventState, ""},
		{formats.Event{Kind: formats.Answered, ID: "7"}, "gw", `{"ok":true}`, devices.EventAck, "7"},
		{formats.Event{Kind: formats.Answered, ID: "7", Payload: json.RawMessage(`[1]`)}, "gw", `{"ok":true,"result":[1]}`, devices.EventAck, "7"},
		{formats.Event{Kind: formats.Answered, ID: "7", Error: `a"b`}, "gw", `{"ok":false,"error":"a\"b"}`, devices.EventAck, "7"},
		{formats.Event{Kind: formats.Happening, Payload: json.RawMessage(`{}`)}, "gw", `{}`, devices.EventHappening, ""},
		{formats.Event{Kind: formats.Happening}, "gw", `null`, devices.EventHappening, ""},
	} {
		got := c.event.DeviceEvent(k, received)
		expect := devices.Event{Key: devices.Key{Tenant: "acme", Device: c.device}, Kind: c.kind, ID: c.id, Received: received, Payload: json.RawMessage(c.want)}
		if diff := cmp.Diff(expect, got); diff != "" || !json.Valid(got.Payload) {
			t.Error(diff)
		}
	}
}

func FuzzThingsBoard(f *testing.F) {
	f.Add("v1/devices/me/telemetry", []byte(`[{"ts":1772366399000,"values":{"t":"1"}},{"a":[1]}]`))
	f.Add("v1/gateway/telemetry", []byte(`{"A":[{"ts":1e300,"values":{"t":1}}]}`))
	f.Add("v1/devices/me/rpc/response/1", []byte(`{"error":NaN}`))
	f.Add("v1/gateway/rpc", []byte(`{"device":"A","id":5,"data":[]}`))
	d := decoder(f, "thingsboard", formats.Options{})
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		got := d.Decode(formats.Input{Topic: topic, Payload: payload, Received: received}, nil)
		sane(t, got)
		for _, e := range got.Events {
			if !json.Valid(e.DeviceEvent(devices.Key{Tenant: "t", Device: "d"}, received).Payload) {
				t.Fatalf("%+v is no JSON", e)
			}
		}
	})
}
