package formats_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/forecare/forecare/ingest/formats"
)

// home is a host with a decoder and its memory.
type home struct {
	t  *testing.T
	d  *formats.Decoder
	st *formats.State
}

func newHome(t *testing.T) *home {
	d := decoder(t, "homeassistant", formats.Options{})
	return &home{t, d, d.NewState()}
}

func (h *home) send(topic, payload, lines string) {
	h.t.Helper()
	got := h.d.Decode(formats.Input{Topic: topic, Payload: []byte(payload), Received: received}, h.st)
	sane(h.t, got)
	want(h.t, got, lines)
}

// [FM-10]
func TestHomeAssistantDiscovery(t *testing.T) {
	h := newHome(t)
	h.send("homeassistant/sensor/k1/temp/config", `{"~":"kitchen","stat_t":"~/state","avty_t":"~/lwt","val_tpl":"{{ value_json.boiler['temp'] | float(0) | round(1) }}",
		"unit_of_meas":"°C","dev_cla":"temperature","stat_cla":"measurement","exp_aft":90,"uniq_id":"k1temp",
		"dev":{"ids":["k 1"],"name":"Kettle","mf":"Acme","mdl":"K2","sw":"1.2","sn":"S7","hw":"B","sa":"Kitchen","via_device":"hub"}}`, `
		hint k-1 name="Kettle" maker="Acme" model="K2" fw="1.2" serial="S7" via="hub" gone=false
		has temp > temp unit="°C" type="sensor" class="temperature" every=1m30s
		fact hw_version=B
		fact suggested_area=Kitchen`)
	h.send("homeassistant/binary_sensor/k1/lid/config", `{"state_topic":"kitchen/state","value_template":"{{value_json.lid}}","payload_on":true,"payload_off":false,"device":{"connections":[["mac","k 1"]]},
		"availability":[{"topic":"kitchen/lwt","payload_available":"up"}]}`, `
		hint k-1 name="" maker="" model="" fw="" serial="" via="" gone=false
		has lid > lid unit="" type="binary_sensor" class="" every=0s`)
	h.send("kitchen/state", `{"boiler":{"temp":"21.46"},"lid":true,"x":1}`, "k-1: temp = 21.5 °C @ receipt\nk-1: lid = true @ receipt")
	h.send("kitchen/state", `{"lid":3}`, `refused lid bad_payload: The value is "3", where "True" or "False" belongs.`)
	h.send("kitchen/state", `{"boiler":{"temp":"hot"}}`, `refused temp not_a_number: The value is "hot", but a quantity in °C is a number.`)
	h.send("kitchen/state", `{"boiler":{"temp":null}}`, ``)
	h.send("kitchen/state", `{"boiler"`, `rejected bad_payload: The JSON ends behind byte 9 where a colon belongs.`)
	h.send("kitchen/lwt", `offline`, `event k-1 offline id=""`)
	h.send("kitchen/lwt", `online`, `event k-1 online id=""`)
	h.send("kitchen/lwt", `gone`, `refused temp bad_payload: The availability is "gone", where "online" or "offline" belongs.`)
	h.send("kitchen/other", `1`, `rejected unknown_metric: No discovery message has announced the topic "kitchen/other". Retained ones come again when the device or the bridge starts.`)
	h.send("homeassistant/sensor/k1/temp/config", ``, ``)
	h.send("kitchen/state", `{"boiler":{"temp":21},"lid":false}`, "k-1: lid = false @ receipt")
	h.send("homeassistant/binary_sensor/k1/lid/config", ``, `hint k-1 name="" maker="" model="" fw="" serial="" via="" gone=true`)
	h.send("homeassistant/status", `online`, `skipped not_measurement: It is the state of Home Assistant.`)
}

// [FM-10.2] All entities of a device in one message.
func TestHomeAssistantDevice(t *testing.T) {
	h := newHome(t)
	config := func(cmps string) string {
		return `{"dev":{"ids":"ea1","name":"Pump"},"o":{"name":"x"},"state_topic":"pump/state","avty_t":"pump/lwt","cmps":{` + cmps + `}}`
	}
	h.send("homeassistant/device/ea1/config", config(`"flow":{"p":"sensor","unit_of_measurement":"l/min","value_template":"{{ value_json.flow }}"},"run":{"p":"switch","stat_t":"pump/run"},"up":{"p":"update","name":"x"},"gone":{"p":"sensor"}`), `
		hint ea1 name="Pump" maker="" model="" fw="" serial="" via="" gone=false
		has flow > flow unit="l/min" type="sensor" class="" every=0s
		has run > run unit="" type="switch" class="" every=0s
		skipped up unsupported: Entities of the kind "update" are not read; sensor, binary_sensor, number and switch are.`)
	h.send("pump/state", `{"flow":3}`, "ea1: flow = 3 l/min @ receipt")
	h.send("pump/run", `OFF`, "ea1: run = false @ receipt")
	h.send("pump/lwt", `offline`, `event ea1 offline id=""`)
	h.send("homeassistant/device/ea1/config", config(`"flow":{"p":"sensor"},"run":{"p":"switch","stat_t":"pump/run"}`), `
		hint ea1 name="Pump" maker="" model="" fw="" serial="" via="" gone=false
		has run > run unit="" type="switch" class="" every=0s`)
	h.send("homeassistant/device/ea1/config", `{"cmps":{}}`, `rejected bad_payload: A discovery message of a whole device needs device, origin and components.`)
	h.send("pump/run", `ON`, "ea1: run = true @ receipt")
	h.send("homeassistant/device/ea1/config", config(`"run":{"p":"switch"}`), "hint ea1 name=\"Pump\" maker=\"\" model=\"\" fw=\"\" serial=\"\" via=\"\" gone=false\nhint ea1 name=\"\" maker=\"\" model=\"\" fw=\"\" serial=\"\" via=\"\" gone=true")
}

// [FM-10.4]
func TestHomeAssistantTemplates(t *testing.T) {
	for template, expect := range map[string]string{
		"":                                   `"{\"a\":{\"b c\":[5,\"7.25\"]},\"t\":true}"`,
		"{{ value }}":                        `"{\"a\":{\"b c\":[5,\"7.25\"]},\"t\":true}"`,
		"{{ value_json.a['b c'][0] }}":       "5",
		`{{value_json['a']["b c"][1]}}`:      "7.25",
		"{{- value_json.t -}}":               `"True"`,
		"{{ value_json.a['b c'][1]|int}":     "refused",
		"{{ value_json.a['b c'][1] | int }}": "7",
		"{{ value_json.a['b c'][1] | float | round }}":        "7",
		"{{ value_json.a['b c'][1] | round(1) }}":             "7.3",
		"{{ value_json.a['b c'][1] | round(99) }}":            "refused",
		"{{ value_json.x | default(0) }}":                     "nothing",
		"{{ value_json.x | is_defined }}":                     "nothing",
		"{{ value_json.a }}":                                  "nothing",
		"{{ value_json.x + 1 }}":                              "refused",
		"{{ value_json.x | multiply(2) }}":                    "refused",
		"{% if value_json.x %}1{% endif %}":                   "refused",
		"{{ value.x }}":                                       "refused",
		"{{ states('sensor.x') }}":                            "refused",
		"{{ value_json.x }} {{ value_json.y }}":               "refused",
		"{{ value_json." + strings.Repeat("x", 300) + " }}":   "refused",
		"{{ value_json.a['b c'][1] | float(default = 0.0) }}": "7.25",
	} {
		h := newHome(t)
		d := h.d.Decode(formats.Input{Topic: "homeassistant/sensor/x/config", Payload: fmt.Appendf(nil, `{"stat_t":"s","val_tpl":%q}`, template), Received: received}, h.st)
		got := "nothing"
		switch s := h.d.Decode(formats.Input{Topic: "s", Payload: []byte(`{"a":{"b c":[5,"7.25"]},"t":true}`), Received: received}, h.st).Samples; {
		case len(d.Refused) == 1 && strings.HasPrefix(d.Refused[0].Detail, "The template is"):
			got = "refused"
		case len(s) == 1:
			got = s[0].Value.String()
		}
		if got != expect {
			t.Errorf("%s: %s, want %s", template, got, expect)
		}
	}
}

func TestHomeAssistantSaysWhatIsWrong(t *testing.T) {
	for topic, c := range map[string][2]string{
		"homeassistant/sensor/config":         {`{}`, `rejected bad_topic: The topic "homeassistant/sensor/config" is none of discovery, which are homeassistant/component/object/config, with or without a node before the object.`},
		"homeassistant/sensor/a/b/c/config":   {`{}`, `rejected bad_topic: The topic "homeassistant/sensor/a/b/c/config" is none of discovery, which are homeassistant/component/object/config, with or without a node before the object.`},
		"homeassistant/sensor/a/config":       {`{}`, "hint a name=\"\" maker=\"\" model=\"\" fw=\"\" serial=\"\" via=\"\" gone=false"},
		"homeassistant/climate/a/config":      {`{"dev":{"ids":["a"],"name":"A"}}`, "hint a name=\"A\" maker=\"\" model=\"\" fw=\"\" serial=\"\" via=\"\" gone=false\nskipped a unsupported: Entities of the kind \"climate\" are not read; sensor, binary_sensor, number and switch are."},
		"homeassistant/sensor/kitchen/config": {`[`, `rejected bad_payload: The JSON ends behind byte 1 where a value belongs.`},
	} {
		h := newHome(t)
		if topic == "homeassistant/sensor/a/config" {
			c[1] = "refused a bad_payload: The entity has no state_topic of up to 254 bytes."
		}
		h.send(topic, c[0], c[1])
	}
	d, err := formats.NewDecoder("homeassistant", formats.Options{}, formats.Limits{Channels: 1})
	if err != nil {
		t.Fatal(err)
	}
	h := &home{t, d, d.NewState()}
	for range 3 {
		h.send("homeassistant/switch/a/config", `{"stat_t":"a"}`, "hint a name=\"\" maker=\"\" model=\"\" fw=\"\" serial=\"\" via=\"\" gone=false\nhas a > a unit=\"\" type=\"switch\" class=\"\" every=0s")
	}
	h.send("homeassistant/switch/b/config", `{"stat_t":"b"}`, "refused b too_large: There are more than 1 entities to remember.")
}

func FuzzHomeAssistant(f *testing.F) {
	f.Add("homeassistant/sensor/a/config", []byte(`{"~":"k","stat_t":"~/s","avty_t":"s~","val_tpl":"{{ value_json.a[0] | round(2) }}","dev":{"cns":[["mac","x"]]}}`), "k/s", []byte(`{"a":[1.234]}`))
	f.Add("homeassistant/device/a/config", []byte(`{"dev":{"ids":"a"},"o":{},"cmps":{"x":{"p":"switch","stat_t":"s"},"y":{"p":"sensor"}}}`), "s", []byte("ON"))
	d := decoder(f, "homeassistant", formats.Options{})
	f.Fuzz(func(t *testing.T, config string, announced []byte, topic string, payload []byte) {
		st := d.NewState()
		for _, m := range []struct {
			topic   string
			payload []byte
		}{{config, announced}, {topic, payload}, {config, nil}, {config, announced}, {topic, payload}} {
			sane(t, d.Decode(formats.Input{Topic: m.topic, Payload: m.payload, Received: received}, st))
		}
	})
}
