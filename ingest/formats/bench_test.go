package formats_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/forecare/forecare/ingest/formats"
)

// BenchmarkDecode takes one usual message of each format; a births or a
// discovery message comes first where the format needs it.
func BenchmarkDecode(b *testing.B) {
	var senml []string
	for i := range 10 {
		senml = append(senml, fmt.Sprintf(`{"n":"m%d","t":%d,"v":%d.5}`, i, -i, i))
	}
	sparkplug := []any{1, at, 3, 1}
	birth := []any{1, at, 3, 0, 2, bdSeq7}
	for i := range 4 {
		birth = append(birth, 2, pb(1, fmt.Sprintf("Temp/%d", i), 2, i+1, 4, 9, 12, float32(1)))
		sparkplug = append(sparkplug, 2, pb(2, i+1, 12, float32(21.5)))
	}
	var rows []string
	for i := range 1000 {
		rows = append(rows, fmt.Sprintf(`{"ts":%d,"a":%d.5,"b":{"c":2}}`, 1772366399+i, i))
	}
	for _, c := range []struct {
		name, format, topic, payload string
		first, firstTopic            string
	}{
		{name: "json", format: "json", payload: `{"ts":1772366399,"boiler":{"temp":21.5,"flow":3},"on":true,"level":4}`},
		{name: "json of 1000 readings", format: "json", payload: "[" + strings.Join(rows, ",") + "]"},
		{name: "senml json of 10", format: "senml", payload: `[{"bn":"urn:dev:x:","bt":1772366399},` + strings.Join(senml, ",") + "]"},
		{name: "senml cbor of 7", format: "senml", payload: unhex(b, electricity)},
		{name: "sparkplug data of 4", format: "sparkplug", topic: "spBv1.0/g/NDATA/e", payload: string(pb(sparkplug...)), firstTopic: "spBv1.0/g/NBIRTH/e", first: string(pb(birth...))},
		{name: "thingsboard", format: "thingsboard", topic: "v1/devices/me/telemetry", payload: `{"ts":1772366399000,"values":{"temp":21.5,"flow":3,"on":true,"level":4}}`},
		{name: "tasmota", format: "tasmota", topic: "tele/k1/SENSOR", payload: `{"Time":"2026-03-01T12:59:59","BME280":{"Temperature":22.1,"Humidity":40,"Pressure":1013.2},"TempUnit":"C"}`},
		{name: "zigbee2mqtt", format: "zigbee2mqtt", topic: "zigbee2mqtt/hall/climate", payload: `{"temperature":21.5,"contact":false,"linkquality":80,"last_seen":1772366399000}`, firstTopic: "zigbee2mqtt/bridge/devices", first: zigbeeDevices},
		{name: "homeassistant", format: "homeassistant", topic: "k/s", payload: `{"temp":21.5}`, firstTopic: "homeassistant/sensor/t/config", first: `{"stat_t":"k/s","val_tpl":"{{ value_json.temp }}"}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := decoder(b, c.format, formats.Options{})
			st := d.NewState()
			d.Decode(formats.Input{Topic: c.firstTopic, Payload: []byte(c.first), Received: received}, st)
			in := formats.Input{Topic: c.topic, Payload: []byte(c.payload), Received: received}
			b.SetBytes(int64(len(c.payload)))
			b.ReportAllocs()
			for b.Loop() {
				if got := d.Decode(in, st); len(got.Samples) == 0 {
					b.Fatal(show(got))
				}
			}
		})
	}
}
