package formats_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/forecare/forecare/ingest/formats"
)

func TestForTopic(t *testing.T) {
	rules, err := formats.NewRules([]formats.Rule{
		{Topic: "tele/{device}/SENSOR", Format: "json"},
		{Topic: "{tenant}/plants/{plant}/{line}/+", Device: "{plant}-{line}", Format: "json"},
		{Topic: "z/{device#}", Tenant: "acme", Format: "json"},
		{Topic: "raw/#", Format: "json"},
	}, formats.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for topic, want := range map[string]string{
		"tele/k1/SENSOR":               "0 tenant= device=k1",
		"tele/kitchen lamp/SENSOR":     "0 tenant= device=kitchen-lamp",
		"tele/k1/SENSOR/x":             "none",
		"tele//SENSOR":                 `the topic makes the device ""; that is no identifier of 1 to 64 letters, digits, colons, dots, underscores or hyphens`,
		"acme/plants/p/l/temp":         "1 tenant=acme device=p-l",
		"bad tenant/plants/p/l/temp":   `the topic makes the tenant "bad tenant"; that is no identifier of 1 to 64 letters, digits, colons, dots, underscores or hyphens`,
		"acme/plants/p/l/temp/x":       "none",
		"$SYS/plants/p/l/temp":         "none",
		"z/living room/lamp":           "2 tenant=acme device=living-room-lamp",
		"z":                            "none",
		"raw":                          "3 tenant= device=",
		"raw/a/b":                      "3 tenant= device=",
		"rawer":                        "none",
		"":                             "none",
		"z/" + strings.Repeat("x", 65): `the topic makes the device "` + strings.Repeat("x", 64) + `" (cut); that is no identifier of 1 to 64 letters, digits, colons, dots, underscores or hyphens`,
	} {
		m, ok, err := rules.ForTopic(topic)
		got := "none"
		if ok {
			got = string(rune('0'+m.Index)) + " tenant=" + m.Tenant + " device=" + m.Device
		}
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", topic, got, want)
		}
	}
	want := []string{"tele/+/SENSOR", "+/plants/+/+/+", "z/#", "raw/#"}
	if diff := cmp.Diff(want, rules.Filters()); diff != "" {
		t.Error(diff)
	}
}

func TestWrongRulesAreRefusedInWords(t *testing.T) {
	rule := func(topic string) formats.Rule { return formats.Rule{Topic: topic, Format: "json"} }
	for _, c := range []struct {
		want  string
		rules []formats.Rule
	}{
		{"rule 1: a rule has no topic", []formats.Rule{rule("")}},
		{`begins with a slash`, []formats.Rule{rule("/a")}},
		{`+ and # stand alone in a level`, []formats.Rule{rule("a/b+")}},
		{`has levels behind "#"`, []formats.Rule{rule("a/#/b")}},
		{`has levels behind "{x#}"`, []formats.Rule{rule("a/{x#}/b")}},
		{`has the level "{x"; a named part is a whole level`, []formats.Rule{rule("a/{x")}},
		{`has the level "p{x}"; a named part is a whole level`, []formats.Rule{rule("a/p{x}")}},
		{`has the level "{X}"`, []formats.Rule{rule("a/{X}")}},
		{`has the level "{}"`, []formats.Rule{rule("a/{}")}},
		{`has the part {x} twice`, []formats.Rule{rule("{x}/{x}")}},
		{`begins with fleet/`, []formats.Rule{rule("fleet/+/x")}},
		{`takes every topic there is`, []formats.Rule{rule("#")}},
		{`is no MQTT topic filter`, []formats.Rule{rule("a/\x00")}},
		{`has more than 128 levels`, []formats.Rule{rule(strings.Repeat("a/", 130))}},
		{`there is no format "xml"; use one of json`, []formats.Rule{{Topic: "a", Format: "xml"}}},
		{`the device "{x}" names a part that the topic does not have; the topic has no named parts`, []formats.Rule{{Topic: "a", Device: "{x}", Format: "json"}}},
		{`the topic has {y}`, []formats.Rule{{Topic: "{y}", Device: "{x}", Format: "json"}}},
		{`the tenant is "a b"`, []formats.Rule{{Topic: "a", Tenant: "a b", Format: "json"}}},
		{`rule 2: the topic "a/{x}" is never reached, because rule 1, "a/#"`, []formats.Rule{rule("a/#"), rule("a/{x}")}},
		{`rule 1: the format json has no option base`, []formats.Rule{{Topic: "a", Format: "json", Options: formats.Options{Base: "x"}}}},
	} {
		_, err := formats.NewRules(c.rules, formats.Limits{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q in it", c.rules, err, c.want)
		}
	}
}

// anyLevels draws levels out of few, so that filters and topics meet often.
func anyLevels(choices ...string) *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(rapid.SampledFrom(choices), 1, 4), func(l []string) string { return strings.Join(l, "/") })
}

func TestFiltersProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		filters := anyLevels("a", "b", "+", "#", "{x}", "{y}", "{x#}", "$s")
		f, errF := formats.ParseFilterForTest(filters.Draw(t, "f"))
		g, errG := formats.ParseFilterForTest(filters.Draw(t, "g"))
		topic := anyLevels("a", "b", "c", "", "$s").Draw(t, "topic")
		if errF != nil || errG != nil {
			t.Skip()
		}
		_, inF := f.Match(topic)
		_, inG := g.Match(topic)
		if f.Covers(g) && inG && !inF {
			t.Fatalf("%s is said to cover %s, but not for %s", f.MQTT(), g.MQTT(), topic)
		}
		if plain, err := formats.ParseFilterForTest(f.MQTT()); err != nil {
			t.Fatal(err)
		} else if _, in := plain.Match(topic); inF && !in {
			t.Fatalf("the subscription %s misses %s", f.MQTT(), topic)
		}
		if !f.Covers(f) {
			t.Fatalf("%s does not cover itself", f.MQTT())
		}
	})
}

func TestPathsReadWhatTheyWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune(`ab.[]"*$\ `)))), 1, 5).Draw(t, "keys")
		text := formats.WayForTest(keys)
		again, err := formats.PathForTest(text)
		if err != nil || again != text {
			t.Fatalf("%q becomes %q, %v", text, again, err)
		}
	})
}

func TestNamesProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if m := formats.MetricName(s); formats.MetricName(m) != m {
			t.Fatalf("%q becomes %q becomes %q", s, m, formats.MetricName(m))
		}
		if d := formats.DeviceID(s); formats.DeviceID(d) != d {
			t.Fatalf("%q becomes %q becomes %q", s, d, formats.DeviceID(d))
		}
	})
	for in, want := range map[string]string{
		"temp": "temp", "ENERGY.Power[0]": "ENERGY_Power_0", "_x": "m__x", "1a": "m_1a", "time": "time_", "ü": "", "": "",
		"Wifi/RSSI dBm": "Wifi_RSSI_dBm", "--a--": "a", strings.Repeat("a", 65): "",
	} {
		if got := formats.MetricName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// FuzzForTopic feeds any topic to any two rules.
func FuzzForTopic(f *testing.F) {
	f.Add("tele/{device}/SENSOR", "a/#", "tele/k1/SENSOR")
	f.Add("{tenant}/{device#}", "+/b", "$SYS/x")
	f.Add("a/{x}/#", "{device}", "a/\xff/")
	f.Fuzz(func(t *testing.T, one, two, topic string) {
		rules, err := formats.NewRules([]formats.Rule{{Topic: one, Format: "json"}, {Topic: two, Format: "json"}}, formats.Limits{})
		if err != nil {
			if len(err.Error()) > 4000 || rules != nil {
				t.Fatal(err)
			}
			return
		}
		m, ok, err := rules.ForTopic(topic)
		if err != nil {
			return
		}
		if ok && (m.Decoder == nil || m.Device != "" && formats.DeviceID(m.Device) != m.Device) {
			t.Fatalf("%+v", m)
		}
	})
}
