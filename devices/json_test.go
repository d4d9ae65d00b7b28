package devices_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
)

const modelFile = `{
  "id": "press",
  "name": "Press 9",
  "words": {"en": "espresso machine", "ar": "آلة إسبريسو"},
  "interval": "1h30m",
  "metrics": [
    {"name": "temp", "unit": "°C", "words": {"de": "Temperatur"}, "min": 0, "max": 130, "noticeable": 3, "tolerance": 1},
    {"name": "flow", "unit": "ml/s"}
  ],
  "remedies": [
    {"id": "calibrate", "metrics": ["temp"], "duration": "15m", "skill": "boiler", "command": "calibrate", "remote": true},
    {"id": "visit", "duration": "1h"}
  ]
}
`

func TestParseModel(t *testing.T) {
	for _, text := range []string{modelFile, "\xef\xbb\xbf" + modelFile} {
		got, err := devices.ParseModel([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got.Tenant = "acme"
		want := goodModel()
		want.Interval = 90 * time.Minute
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if err := got.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestParseModelSaysWhatToMend(t *testing.T) {
	tests := []struct{ name, old, new, says string }{
		{"misspelt key", `"noticeable"`, `"noticeables"`, `unknown key "metrics[0].noticeables"; metrics[0] may hold max, min, name, noticeable,`},
		{"key in other letters", `"interval"`, `"Interval"`, `unknown key "Interval"; the file may hold id, interval,`},
		{"key of another level", `"skill"`, `"unit"`, `unknown key "remedies[0].unit"`},
		{"key twice", `"max": 130`, `"min": 130`, `the key "metrics[0].min" is there twice`},
		{"language twice", `"ar": `, `"en": `, `the key "words.en" is there twice`},
		{"duration as a number", `"1h30m"`, `90`, `90 is no duration; write a string such as "10m"`},
		{"duration without unit", `"15m"`, `"15"`, `"15" is no duration`},
		{"duration in words", `"15m"`, `"a while"`, `"a while" is no duration`},
		{"number as text", `130`, `"130"`, "line 7: metrics.max is a string and cannot be used as a number"},
		{"text as number", `"ml/s"`, `1`, "line 8: metrics.unit is a number and cannot be used as text"},
		{"bool as text", `true`, `"yes"`, "cannot be used as true or false"},
		{"number out of range", `130`, `1e999`, "cannot be used as a number"},
		{"object instead of list", `"metrics": [
    {`, `"metrics": {"x": [{`, "metrics is an object; it must be a list in [ ]"},
		{"list instead of text", `"ml/s"`, `["ml/s"]`, "metrics[1].unit is a list; it must be text"},
		{"object instead of duration", `"15m"`, `{}`, `remedies[0].duration is an object; it must be a duration such as "10m"`},
		{"comma missing", `"name": "Press 9",`, `"name": "Press 9"`, "line 4: this is not JSON"},
		{"comment", `"metrics": [`, "// all\n\"metrics\": [", "line 6: this is not JSON"},
		{"second value", "  ]\n}\n", "  ]\n}\n{}", "line 15: there is something behind the end"},
		{"cut off", "  ]\n}\n", "", "ends too early"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(modelFile, tt.old, tt.new, 1)
			if text == modelFile {
				t.Fatal("the test changes nothing")
			}
			m, err := devices.ParseModel([]byte(text))
			check(t, err, []string{tt.says})
			if m.ID != "" {
				t.Error("half a model came back")
			}
		})
	}
	for _, text := range []string{"", "  ", "null x", "[", strings.Repeat("[", 1_000_000), `{"words":` + strings.Repeat(`{"a":`, 100_000)} {
		if _, err := devices.ParseModel([]byte(text)); devices.CodeOf(err) != devices.Invalid {
			t.Errorf("%.20q: error is %v", text, err)
		}
	}
}

func TestModelComesBackFromJSON(t *testing.T) {
	for _, interval := range []time.Duration{0, time.Second, 10 * time.Minute, time.Hour, 90 * time.Minute, time.Hour + time.Second, 1500 * time.Millisecond, 20 * time.Hour, 24 * time.Hour} {
		want := goodModel()
		want.Interval = interval
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var loose devices.Model
		if err := json.Unmarshal(b, &loose); err != nil {
			t.Fatal(err)
		}
		strict, err := devices.ParseModel(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []devices.Model{loose, strict} {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
	}
	b, _ := json.Marshal(goodModel())
	for _, want := range []string{`"interval":"10m"`, `"duration":"15m"`, `"duration":"1h"`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is not in %s", want, b)
		}
	}
	var r devices.Remedy
	if err := json.Unmarshal([]byte(`{"id":"x","duration":"2m","added_later":1}`), &r); err != nil || r.Duration != 2*time.Minute {
		t.Errorf("a stored remedy with a key of a later version: %+v, %v", r, err)
	}
}

func TestParseContacts(t *testing.T) {
	const one = `{"id":"ada","name":"Ada","locale":"en","zone":"Europe/London","addresses":[{"channel":"email","value":"ada@example.com","consent":"2026-11-22T10:00:00Z"}]}`
	for text, want := range map[string]int{one: 1, " [" + one + ",\n" + one + "]": 2, "[]": 0} {
		got, err := devices.ParseContacts([]byte(text))
		if err != nil || len(got) != want {
			t.Errorf("%s: %d contacts, %v; want %d", text, len(got), err, want)
			continue
		}
		for _, c := range got {
			if len(c.Addresses) != 1 || !c.Addresses[0].Allowed() || c.Name != "Ada" {
				t.Errorf("%s: got %+v", text, c)
			}
		}
	}
	tests := []struct{ name, old, new, says string }{
		{"misspelt key", "consent", "consented", `unknown key "addresses[0].consented"`},
		{"no time", "2026-11-22T10:00:00Z", "22.11.2026", `"22.11.2026" is no time`},
		{"a list as time", `"2026-11-22T10:00:00Z"`, "[]", "addresses[0].consent is a list; it must be a time such as"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := devices.ParseContacts([]byte(strings.Replace(one, tt.old, tt.new, 1)))
			check(t, err, []string{tt.says})
		})
	}
}
