package formats_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/forecare/forecare/ingest/formats"
)

// What is made to be expensive is not. The bound is wide, for a busy machine.
func TestHostilePayloadsAreCheap(t *testing.T) {
	key := strings.Repeat("k", 400<<10)
	for name, c := range map[string]struct {
		format, topic, payload string
		options                formats.Options
	}{
		"a long name over many values":    {"json", "", `{"` + key + `":[` + strings.Repeat("1,", 40_000) + `1]}`, formats.Options{}},
		"a long name in every way":        {"json", "", `{"` + key + `":[` + strings.Repeat(`{"v":1},`, 15_000) + `{"v":1}]}`, formats.Options{Each: "*[*]"}},
		"a long name as a device":         {"json", "", `{"d":"` + key + `","r":[` + strings.Repeat(`{"v":1},`, 15_000) + `{"v":1}]}`, formats.Options{Each: "r[*]", Device: "$.d"}},
		"a long time":                     {"json", "", `{"ts":"` + key + `","r":[` + strings.Repeat(`{"v":1},`, 15_000) + `{"v":1}]}`, formats.Options{Each: "r[*]", Time: "$.ts"}},
		"a long number as a time":         {"json", "", `{"ts":` + strings.ReplaceAll(key, "k", "1") + `,"r":[` + strings.Repeat(`{"v":1},`, 15_000) + `{"v":1}]}`, formats.Options{Each: "r[*]", Time: "$.ts"}},
		"much beside the time":            {"json", "", `{` + manyMembers(40_000) + `,"r":[` + strings.Repeat(`{"v":1},`, 15_000) + `{"v":1}],"ts":1772366399}`, formats.Options{Each: "r[*]", Time: "$.ts"}},
		"much beside the unit":            {"tasmota", "tele/k/SENSOR", `{` + manyMembers(19_000) + `,"Temperature":[` + strings.Repeat("1,", 900) + `1],"TempUnit":"C"}`, formats.Options{}},
		"many members":                    {"json", "", "{" + manyMembers(60_000) + "}", formats.Options{}},
		"brackets":                        {"json", "", strings.Repeat("[", 1<<20), formats.Options{}},
		"a long base name":                {"senml", "", `[{"bn":"` + key + `","v":1},` + strings.Repeat(`{"v":1},`, 15_000) + `{"v":1}]`, formats.Options{}},
		"update times":                    {"senml", "", "[" + strings.ReplaceAll(strings.ReplaceAll(manyMembers(9_000), `":1`, `"}`), `"m`, `{"ut":1,"v":1,"n":"m`) + "]", formats.Options{}},
		"many devices of a gateway":       {"thingsboard", "v1/gateway/telemetry", "{" + strings.ReplaceAll(manyMembers(20_000), ":1", `:{"v":1}`) + "}", formats.Options{}},
		"many devices behind a bridge":    {"zigbee2mqtt", "zigbee2mqtt/bridge/devices", "[" + strings.Repeat(`{"friendly_name":"a","definition":{"exposes":[{"property":"b"}]}},`, 9_000) + "{}]", formats.Options{}},
		"many entities":                   {"homeassistant", "homeassistant/device/a/config", `{"dev":{"ids":"a"},"o":{},"stat_t":"s","cmps":{` + strings.ReplaceAll(manyMembers(1_900), ":1", `:{"p":"switch","x":1}`) + "}}", formats.Options{}},
		"metrics without anything":        {"sparkplug", "spBv1.0/g/NBIRTH/e", strings.Repeat("\x12\x00", 400_000), formats.Options{}},
		"groups in groups in a protobuf":  {"sparkplug", "spBv1.0/g/NBIRTH/e", strings.Repeat("\x0b", 1<<20), formats.Options{}},
		"maps in lists in CBOR":           {"senml", "", "\x81\xa1\x18\x63" + strings.Repeat("\x9f", 1<<19), formats.Options{}},
		"a text of a million empty parts": {"senml", "", "\x81\xa1\x00\x7f" + strings.Repeat("\x60", 1<<19), formats.Options{}},
	} {
		d := decoder(t, c.format, c.options)
		start := time.Now()
		got := d.Decode(formats.Input{Topic: c.topic, Payload: []byte(c.payload), Received: received}, nil)
		took := time.Since(start)
		sane(t, got)
		size := 0
		for _, r := range append(got.Refused, got.Skipped...) {
			size += len(r.Path) + len(r.Detail)
		}
		for _, s := range got.Samples {
			size += len(s.Channel) + len(s.Metric) + len(s.Device)
		}
		if took > 3*time.Second || size > 16<<20 {
			t.Errorf("%s takes %s and %d bytes", name, took, size)
		}
		t.Logf("%s: %s, %d samples, %d refused, %v", name, took.Round(time.Microsecond), len(got.Samples), len(got.Refused), got.Rejected)
	}
}

// manyMembers are n members of an object, "m0":1 and so on.
func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"m%d":1`, i)
	}
	return b.String()
}
