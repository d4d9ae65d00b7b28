package mqtt_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest/mqtt"
	"github.com/forecare/forecare/ingest/mqtt/packet"
)

func TestSubscriptions(t *testing.T) {
	filters := map[string]bool{
		"fleet/acme/pump:1/cmd/+":        true,
		"fleet/acme/pump:1/cmd/#":        true,
		"fleet/acme/pump:1/cmd/c-1":      true,
		"fleet/acme/pump:1/+/+":          true,
		"fleet/acme/pump:1/#":            true,
		"fleet/acme/pump:1":              false, // no topic of ours
		"fleet/acme/pump:1/":             false,
		"fleet/acme/pump:2/cmd/#":        false,
		"fleet/acme/+/cmd/#":             false,
		"fleet/acme/#":                   false,
		"fleet/+/pump:1/cmd/#":           false,
		"+/acme/pump:1/cmd/#":            false,
		"#":                              false,
		"+/+/+/+/+":                      false,
		"fleet/globex/pump:1/cmd/#":      false,
		"fleet/acme/sensor.7/cmd/#":      false, // behind another
		"$share/g/fleet/acme/pump:1/#":   false,
		"$SHARE/g/fleet/acme/pump:1/#":   false,
		"$SYS/#":                         false,
		"Fleet/acme/pump:1/cmd/#":        false,
		" fleet/acme/pump:1/cmd/#":       false,
		"fleet/acme/pump:1evil/cmd/#":    false,
		"fleet/acme/pump:/../pump:1/#":   false,
		"fleet//acme/pump:1/#":           false,
		"fleet/acme/pump:1/cmd/#/more":   false, // no valid filter
		"fleet/acme/gw/../pump:1/cmd/#+": false,
	}
	both(t, func(t *testing.T, version byte) {
		d := open(t, func(o *mqtt.Options) { o.Limits.Subscriptions = 100 })
		w := d.device(t, as(version, pump))
		for filter, want := range filters {
			code := w.subscribe(filter, 1)
			if got := code < 0x80; got != want {
				t.Errorf("%s: SUBACK 0x%x", filter, code)
			}
			if version == 4 && code >= 0x80 && code != 0x80 {
				t.Errorf("%s: MQTT 3.1.1 has no SUBACK 0x%x", filter, code)
			}
		}
		if code := w.subscribe("fleet/acme/pump:2/#", 1); version == 5 && code != 0x87 {
			t.Errorf("SUBACK 0x%x, want 0x87", code)
		}
		g := d.device(t, as(version, gateway))
		if code := g.subscribe("fleet/acme/sensor.7/cmd/#", 1); code != 1 {
			t.Errorf("gateway: SUBACK 0x%x", code)
		}
	})
}

func TestSubscriptionsAreBounded(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t, func(o *mqtt.Options) { o.Limits.Subscriptions = 3 })
		w := d.device(t, as(version, pump))
		for i := range 5 {
			if code := w.subscribe(fmt.Sprint("fleet/acme/pump:1/cmd/", i), 1); code < 0x80 != (i < 3) {
				t.Errorf("subscription %d: SUBACK 0x%x", i, code)
			}
		}
		if code := w.subscribe("fleet/acme/pump:1/cmd/0", 1); code != 1 {
			t.Errorf("renewing one: SUBACK 0x%x", code)
		}
	})
}

// aTopic makes topics near those that matter.
var aTopic = rapid.Custom(func(t *rapid.T) []string {
	word := rapid.SampledFrom([]string{"fleet", "acme", "globex", "pump:1", "pump:2", "gw", "sensor.7", "cmd", "state", "", "$share", "$SYS", "x"})
	levels := []string{"fleet", rapid.SampledFrom([]string{"acme", "globex"}).Draw(t, "tenant"), word.Draw(t, "device")}
	levels = append(levels, rapid.SliceOfN(word, 0, 3).Draw(t, "rest")...)
	if rapid.IntRange(0, 4).Draw(t, "spoil") == 0 {
		levels[rapid.IntRange(0, len(levels)-1).Draw(t, "where")] = word.Draw(t, "with")
	}
	return levels
})

// aFilterOf makes filters that cover the topic, mostly.
func aFilterOf(t *rapid.T, topic []string) string {
	var out []string
	for _, level := range topic {
		switch rapid.IntRange(0, 9).Draw(t, "wild") {
		case 0:
			out = append(out, "+")
		case 1:
			return strings.Join(append(out, "#"), "/")
		case 2:
			out = append(out, level+rapid.SampledFrom([]string{"+", "#", "/", "x", " "}).Draw(t, "tail"))
		default:
			out = append(out, level)
		}
	}
	return strings.Join(out, "/")
}

// Whatever filter a device may have, no topic that it covers is another's.
func TestNoFilterLeadsToAnother(t *testing.T) {
	d := open(t)
	devicesOf := map[devices.Key][]string{
		pump:    {"fleet/acme/pump:1/"},
		gateway: {"fleet/acme/gw/", "fleet/acme/sensor.7/"},
		foreign: {"fleet/globex/pump:1/"},
	}
	allowed, wild := 0, 0
	check := func(t *rapid.T) {
		key := rapid.SampledFrom([]devices.Key{pump, gateway, foreign}).Draw(t, "device")
		levels := aTopic.Draw(t, "topic")
		topic, filter := strings.Join(levels, "/"), aFilterOf(t, levels)
		if !d.MayRead(key, filter) || !packet.Matches(filter, topic) {
			return
		}
		allowed++
		if filter != topic {
			wild++
		}
		for _, prefix := range devicesOf[key] {
			if strings.HasPrefix(topic+"/", prefix) {
				return
			}
		}
		t.Fatalf("%s may read %s, which covers %s", key, filter, topic)
	}
	rapid.Check(t, func(t *rapid.T) {
		for range 100 { // few of them are allowed at all
			check(t)
		}
	})
	if allowed < 5 || wild == 0 {
		t.Errorf("%d filters were allowed, %d with wildcards: the property was not tested", allowed, wild)
	}
}

// Whatever filter an application may have, no topic that it covers is another
// tenant's.
func TestNoFilterOfAnApplicationLeavesItsTenant(t *testing.T) {
	d := open(t)
	allowed, wild := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		for range 100 {
			levels := aTopic.Draw(t, "topic")
			topic, filter := strings.Join(levels, "/"), aFilterOf(t, levels)
			if !packet.ValidFilter(filter) || !d.MayReadAs("acme", "dashboard", filter) || !packet.Matches(filter, topic) {
				continue
			}
			allowed++
			if filter != topic {
				wild++
			}
			if topic != "fleet/acme" && !strings.HasPrefix(topic, "fleet/acme/") {
				t.Fatalf("%s covers %s", filter, topic)
			}
		}
	})
	if allowed < 5 || wild == 0 {
		t.Errorf("%d filters were allowed, %d with wildcards: the property was not tested", allowed, wild)
	}
}
