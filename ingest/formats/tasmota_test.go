package formats_test

import (
	"testing"

	"github.com/forecare/forecare/ingest/formats"
)

func TestTasmota(t *testing.T) {
	berlin := formats.Options{Zone: "Europe/Berlin"}
	for _, c := range []struct {
		name, clause, topic, payload, want string
		options                            formats.Options
	}{
		{
			name: "sensors", clause: "FM-8.1", topic: "tele/k1/SENSOR", options: berlin,
			payload: `{"Time":"2026-03-01T12:59:59","DS18B20-1":{"Id":"00000A","Temperature":21.5},"BME280":{"Temperature":22.1,"Humidity":null,"Pressure":1013.2},"Switch1":"ON","TempUnit":"C","PressureUnit":"hPa"}`,
			want: `k1: DS18B20-1.Id > DS18B20_1_Id = "00000A" @ 2026-03-01T11:59:59Z
				k1: DS18B20-1.Temperature > DS18B20_1_Temperature = 21.5 C @ 2026-03-01T11:59:59Z
				k1: BME280.Temperature > BME280_Temperature = 22.1 C @ 2026-03-01T11:59:59Z
				k1: BME280.Pressure > BME280_Pressure = 1013.2 hPa @ 2026-03-01T11:59:59Z
				k1: Switch1 = true @ 2026-03-01T11:59:59Z`,
		},
		{
			name: "energy by phase", clause: "FM-8.1", topic: "tele/k1/SENSOR", options: formats.Options{Fields: []formats.Field{
				{Path: "ENERGY.Power[*]", Metric: "power_{1}"}, {Path: "ENERGY.Total", Metric: "energy", Scale: ptr(3.6e6), Unit: "J"},
			}},
			payload: `{"Time":"2026-03-01T12:59:59","ENERGY":{"TotalStartTime":"2025-01-01T00:00:00","Total":2,"Power":[10,20],"Voltage":230}}`,
			want:    "k1: ENERGY.Total > energy = 7.2e+06 J @ receipt\nk1: ENERGY.Power[0] > power_0 = 10 W @ receipt\nk1: ENERGY.Power[1] > power_1 = 20 W @ receipt\n2 unlisted",
		},
		{name: "a time without a zone", clause: "FM-8.2", topic: "tele/k1/SENSOR", payload: `{"Time":"2026-03-01T12:59:59","A":1}`, want: "k1: A = 1 @ receipt"},
		{name: "a time with an offset", clause: "FM-8.2", topic: "tele/k1/SENSOR", payload: `{"Time":"2026-03-01T12:59:59+01:00","A":1}`, want: "k1: A = 1 @ 2026-03-01T11:59:59Z"},
		{name: "an epoch", clause: "FM-8.2", topic: "tele/k1/SENSOR", payload: `{"Time":"2026-03-01T12:59:59","Epoch":1772366399,"A":1}`, want: "k1: A = 1 @ 2026-03-01T11:59:59Z"},
		{name: "the old form", clause: "FM-8.2", topic: "tele/k1/SENSOR", options: berlin, payload: `{"Time":"2026.03.01 12:59:59","A":1}`, want: "k1: A = 1 @ 2026-03-01T11:59:59Z"},
		{name: "a clock that is not set", clause: "FM-8.2", topic: "tele/k1/SENSOR", options: berlin, payload: `{"Time":"1970-01-01T00:01:02","A":1}`, want: "k1: A = 1 @ receipt"},
		{name: "an hour that comes twice", clause: "FM-1.9", topic: "tele/k1/SENSOR", options: berlin, payload: `{"Time":"2026-10-25T02:30:00","A":1}`, want: "k1: A = 1 @ 2026-10-25T00:30:00Z"},
		{name: "an hour that never comes", clause: "FM-1.9", topic: "tele/k1/SENSOR", options: berlin, payload: `{"Time":"2026-03-29T02:30:00","A":1}`, want: "k1: A = 1 @ 2026-03-29T01:30:00Z"},
		{
			name: "state", clause: "FM-8.1", topic: "tele/k1/STATE", payload: `{"Time":"2026-03-01T12:59:59","UptimeSec":70,"POWER":"OFF","Wifi":{"RSSI":80,"Signal":-60}}`,
			want: "k1: UptimeSec = 70 @ receipt\nk1: POWER = false @ receipt\nk1: Wifi.RSSI > Wifi_RSSI = 80 % @ receipt\nk1: Wifi.Signal > Wifi_Signal = -60 dBm @ receipt",
		},
		{name: "will", clause: "FM-8.3", topic: "tele/k1/LWT", payload: "Offline", want: `event k1 offline id=""`},
		{name: "alive", clause: "FM-8.3", topic: "tele/k1/LWT", payload: "Online", want: `event k1 online id=""`},
		{name: "a cleared will", clause: "FM-8.3", topic: "tele/k1/LWT", payload: "", want: "skipped not_measurement: It clears what was retained."},
		{name: "another will", clause: "FM-8.3", topic: "tele/k1/LWT", payload: "Gone", want: `rejected bad_payload: The payload is "Gone", where online or offline belongs.`},
		{
			name: "info", clause: "FM-8.3", topic: "tele/k1/INFO1", payload: `{"Info1":{"Module":"Sonoff","Version":"14.1.0(tasmota)","GroupTopic":"g"}}`,
			want: "hint k1 name=\"\" maker=\"\" model=\"Sonoff\" fw=\"14.1.0(tasmota)\" serial=\"\" via=\"\" gone=false\nfact GroupTopic=g",
		},
		{name: "old info", clause: "FM-8.3", topic: "tele/k1/INFO3", payload: `{"RestartReason":"Power On"}`, want: `event k1 happening id="" {"RestartReason":"Power On"}`},
		{
			name: "discovery", clause: "FM-8.3", topic: "tasmota/discovery/AABBCC/config", payload: `{"ip":"10.0.0.7","dn":"Kitchen","t":"k1","md":"Plug","sw":"14.1.0","mac":"AABBCC","rl":[1,0]}`,
			want: "hint k1 name=\"Kitchen\" maker=\"Tasmota\" model=\"Plug\" fw=\"14.1.0\" serial=\"AABBCC\" via=\"\" gone=false\nfact IPAddress=10.0.0.7",
		},
		{name: "asked for sensors", clause: "FM-8.4", topic: "stat/k1/STATUS10", payload: `{"StatusSNS":{"Time":"2026-03-01T12:59:59","A":{"B":1}}}`, want: "k1: A.B > A_B = 1 @ receipt"},
		{name: "a switch", clause: "FM-8.4", topic: "stat/k1/POWER2", payload: "ON", want: "k1: POWER2 = true @ receipt"},
		{name: "a result", clause: "FM-8.4", topic: "stat/k1/RESULT", payload: `{"POWER":"ON"}`, want: "k1: POWER = true @ receipt"},
		{name: "another result", clause: "FM-8.4", topic: "stat/k1/RESULT", payload: `{"TelePeriod":300}`, want: `event k1 happening id="" {"TelePeriod":300}`},
		{name: "the topic the other way round", clause: "FM-8.5", topic: "home/k 1/tele/SENSOR", payload: `{"A":1}`, want: "home-k-1: A = 1 @ receipt"},
		{name: "a command", clause: "FM-8.5", topic: "cmnd/k1/POWER", payload: "ON", want: "skipped not_measurement: It is a command, which goes to the device."},
		{name: "something else", clause: "FM-8.5", topic: "tele/k1/MARGINS", payload: "{}", want: `skipped unsupported: Messages of the kind tele/.../"MARGINS" are not read.`},
		{name: "a foreign topic", clause: "FM-8.5", topic: "a/b", payload: "{}", want: `rejected bad_topic: The topic "a/b" has no level tele or stat, as Tasmota's topics have.`},
		{name: "no device", clause: "FM-8.5", topic: "tele/SENSOR", payload: "{}", want: `refused bad_payload: The device is called "", of which no identifier of 1 to 64 letters, digits, colons, dots, underscores and hyphens can be made.`},
		{name: "nothing", clause: "FM-8.1", topic: "tele/k1/SENSOR", payload: `{"Time":"x"}`, want: "rejected no_fields: There is no value in the message."},
		{name: "no object", clause: "FM-8.1", topic: "tele/k1/SENSOR", payload: `[]`, want: "rejected bad_payload: The payload is no object with a member for each sensor."},
		{name: "nan", clause: "FM-1.5", topic: "tele/k1/SENSOR", payload: `{"A":{"Temperature":nan,"B":1}}`, want: "k1: A.B > A_B = 1 @ receipt\nrefused A.Temperature not_a_number: The value is \"nan\", which is no number."},
	} {
		t.Run(c.clause+" "+c.name, func(t *testing.T) {
			got := decode(t, "tasmota", c.options, c.topic, c.payload)
			sane(t, got)
			want(t, got, c.want)
		})
	}
}

func FuzzTasmota(f *testing.F) {
	f.Add("tele/k1/SENSOR", []byte(`{"Time":"2026.03.01 12:59:59","A":{"Temperature":nan,"B":"ON"},"TempUnit":"C"}`))
	f.Add("tele/k1/LWT", []byte("Online"))
	f.Add("stat/k1/STATUS10", []byte(`{"StatusSNS":[]}`))
	f.Add("tasmota/discovery/A/config", []byte(`{"t":1}`))
	d := decoder(f, "tasmota", formats.Options{Zone: "America/Santiago"})
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		sane(t, d.Decode(formats.Input{Topic: topic, Payload: payload, Received: received}, nil))
	})
}
