package devices_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/forecare/forecare/devices"
)

func ptr(v float64) *float64 { return &v }

func goodDevice() devices.Device {
	return devices.Device{
		Key: key("acme", "p-1"), Model: "press", Firmware: "1.2.0-rc1+7",
		Site: devices.Site{ID: "berlin", Name: "Café Größe", Lat: 52.52, Lon: 13.405, Zone: "Europe/Berlin"}, Owner: "ada", Gateway: "gate",
	}
}

func goodModel() devices.Model {
	return devices.Model{
		Tenant: "acme", ID: "press", Name: "Press 9", Words: devices.Words{"en": "espresso machine", "ar": "آلة إسبريسو"}, Interval: 10 * time.Minute,
		Metrics: []devices.Metric{
			{Name: "temp", Unit: "°C", Words: devices.Words{"de": "Temperatur"}, Min: ptr(0), Max: ptr(130), Noticeable: 3, Tolerance: 1},
			{Name: "flow", Unit: "ml/s"},
		},
		Remedies: []devices.Remedy{
			{ID: "calibrate", Metrics: []string{"temp"}, Duration: 15 * time.Minute, Skill: "boiler", Command: "calibrate", Remote: true},
			{ID: "visit", Duration: time.Hour},
		},
	}
}

func goodContact() devices.Contact {
	return devices.Contact{
		Tenant: "acme", ID: "ada", Name: "Ada Lovelace", Locale: "ar-Arab-AE", Zone: "Asia/Dubai",
		Addresses: []devices.Address{
			{Channel: "email", Value: "ada@example.com"},
			{Channel: "email", Value: "ada+2@example.com"},
			{Channel: "webhook", Value: "https://example.com/hook?x=1"},
			{Channel: "webpush", Value: `{"endpoint":"x"}`},
			{Channel: "pigeon", Value: "third window"},
		},
	}
}

// check fails the test unless err names all of says, or is nil if there are none.
func check(t *testing.T, err error, says []string) {
	t.Helper()
	if len(says) == 0 {
		if err != nil {
			t.Errorf("error is %v, want none", err)
		}
		return
	}
	if devices.CodeOf(err) != devices.Invalid {
		t.Fatalf("error is %v (%q), want Invalid", err, devices.CodeOf(err))
	}
	for _, s := range says {
		if !strings.Contains(devices.MessageOf(err), s) {
			t.Errorf("the message %q does not say %q", devices.MessageOf(err), s)
		}
	}
}

func TestValidateDevice(t *testing.T) {
	tests := []struct {
		name   string
		change func(d *devices.Device)
		says   []string
	}{
		{"good", func(d *devices.Device) {}, nil},
		{"least", func(d *devices.Device) {
			*d = devices.Device{Key: d.Key, Model: "m", Site: devices.Site{Zone: "UTC"}}
		}, nil},
		{"no ids", func(d *devices.Device) { d.Key, d.Model = devices.Key{}, "" }, []string{"tenant is missing", "id is missing", "model is missing"}},
		{"bad id", func(d *devices.Device) { d.Device = "p/1" }, []string{`"p/1"`, "letters, digits, colons"}},
		{"dots", func(d *devices.Device) { d.Device = ".." }, []string{"more than dots"}},
		{"bad references", func(d *devices.Device) { d.Owner, d.Site.ID, d.Gateway = "a b", "ö", "#" }, []string{"owner is", "site is", "gateway is"}},
		{"own gateway", func(d *devices.Device) { d.Gateway = d.Device }, []string{"gateway is the device itself"}},
		{"no zone", func(d *devices.Device) { d.Site.Zone = "" }, []string{"zone is missing", "Europe/Berlin"}},
		{"local zone", func(d *devices.Device) { d.Site.Zone = "Local" }, []string{"no known time zone"}},
		{"unknown zone", func(d *devices.Device) { d.Site.Zone = "Europe/Atlantis" }, []string{`"Europe/Atlantis"`, "no known time zone"}},
		{"zone with a path", func(d *devices.Device) { d.Site.Zone = "../../etc/passwd" }, []string{"no known time zone"}},
		{"north of the pole", func(d *devices.Device) { d.Site.Lat = 90.1 }, []string{"lat is 90.1", "between -90 and 90"}},
		{"no number", func(d *devices.Device) { d.Site.Lon = math.NaN() }, []string{"lon is NaN"}},
		{"long firmware", func(d *devices.Device) { d.Firmware = strings.Repeat("1", 65) }, []string{"firmware is longer than 64"}},
		{"line break in the name", func(d *devices.Device) { d.Site.Name = "a\r\nBcc: x" }, []string{"site_name holds a line break"}},
		{"not UTF-8", func(d *devices.Device) { d.Site.Name = "Caf\xe9" }, []string{"site_name is not UTF-8"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := goodDevice()
			tt.change(&d)
			check(t, d.Validate(), tt.says)
		})
	}
}

func TestValidateModel(t *testing.T) {
	tests := []struct {
		name   string
		change func(m *devices.Model)
		says   []string
	}{
		{"good", func(m *devices.Model) {}, nil},
		{
			"nothing", func(m *devices.Model) { *m = devices.Model{} },
			[]string{"tenant is missing", "id is missing", "name is missing", `such as "10m"`, "metrics is empty"},
		},
		{"negative interval", func(m *devices.Model) { m.Interval = -time.Hour }, []string{"interval is -1h"}},
		{
			"bad language", func(m *devices.Model) { m.Words = devices.Words{"EN": "x", "en-GB": "x", "english": "x"} },
			[]string{`"EN"`, `"en-GB"`, `"english"`, `such as "en" or "ar"`},
		},
		{"empty phrase", func(m *devices.Model) { m.Words = devices.Words{"de": " "} }, []string{`words has no text for "de"`}},
		{"phrase with a line break", func(m *devices.Model) { m.Words = devices.Words{"de": "a\nb"} }, []string{`words in "de" holds a line break`}},
		{"bad metric name", func(m *devices.Model) { m.Metrics[0].Name = "_temp" }, []string{"metrics[0].name", "begin with a letter"}},
		{"reserved metric name", func(m *devices.Model) { m.Metrics[1].Name = "time" }, []string{"metrics[1].name", "reserved", "ts, time, tenant"}},
		{"metric twice", func(m *devices.Model) { m.Metrics[1].Name = "temp" }, []string{"metric temp is there twice"}},
		{"no unit", func(m *devices.Model) { m.Metrics[1].Unit = " " }, []string{"metric flow has no unit", `"1" for a plain number`}},
		{"min above max", func(m *devices.Model) { m.Metrics[0].Min = ptr(131) }, []string{"metric temp has min 131 and max 130", "less than"}},
		{"min equals max", func(m *devices.Model) { m.Metrics[0].Min = ptr(130) }, []string{"min must be less than max"}},
		{"min only", func(m *devices.Model) { m.Metrics[0].Max = nil }, nil},
		{"infinite bound", func(m *devices.Model) { m.Metrics[0].Max = ptr(math.Inf(1)) }, []string{"metric temp max is +Inf"}},
		{"bound is no number", func(m *devices.Model) { m.Metrics[0].Min = ptr(math.NaN()) }, []string{"metric temp min is NaN"}},
		{"negative noticeable", func(m *devices.Model) { m.Metrics[0].Noticeable = -3 }, []string{"metric temp noticeable is -3", "0 (not known) or more"}},
		{"infinite noticeable", func(m *devices.Model) { m.Metrics[0].Noticeable = math.Inf(1) }, []string{"metric temp noticeable is +Inf"}},
		{"negative tolerance", func(m *devices.Model) { m.Metrics[0].Tolerance = -1 }, []string{"metric temp tolerance is -1"}},
		{"tolerance is no number", func(m *devices.Model) { m.Metrics[0].Tolerance = math.NaN() }, []string{"metric temp tolerance is NaN"}},
		{"never noticeable", func(m *devices.Model) { m.Metrics[0].Noticeable = 130 }, []string{"only 130 apart"}},
		{"words of a metric", func(m *devices.Model) { m.Metrics[0].Words = devices.Words{"x": "y"} }, []string{"metric temp words", `"x"`}},
		{
			"remedy for an unknown metric", func(m *devices.Model) { m.Remedies[0].Metrics = []string{"tmp"} },
			[]string{`remedy calibrate is for the metric "tmp"`, `it has "temp", "flow"`},
		},
		{"remedy twice", func(m *devices.Model) { m.Remedies[1].ID = "calibrate" }, []string{"remedy calibrate is there twice"}},
		{"remedy without an id", func(m *devices.Model) { m.Remedies[1].ID = "" }, []string{"remedies[1].id is missing"}},
		{"remedy without a duration", func(m *devices.Model) { m.Remedies[1].Duration = 0 }, []string{"remedy visit has the duration 0s", `"15m"`}},
		{"remedy of days", func(m *devices.Model) { m.Remedies[1].Duration = 25 * time.Hour }, []string{"remedy visit has the duration 25h", "fit into a day"}},
		{"bad command", func(m *devices.Model) { m.Remedies[0].Command = "do it/now" }, []string{"remedy calibrate command"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := goodModel()
			tt.change(&m)
			check(t, m.Validate(), tt.says)
		})
	}
}

func TestValidateContact(t *testing.T) {
	address := func(channel, value string) func(c *devices.Contact) {
		return func(c *devices.Contact) { c.Addresses = []devices.Address{{Channel: channel, Value: value}} }
	}
	tests := []struct {
		name   string
		change func(c *devices.Contact)
		says   []string
	}{
		{"good", func(c *devices.Contact) {}, nil},
		{"no way to reach", func(c *devices.Contact) { c.Addresses = nil }, nil},
		{
			"nothing", func(c *devices.Contact) { *c = devices.Contact{} },
			[]string{"tenant is missing", "id is missing", "name is missing", "locale is", "zone is missing"},
		},
		{"name with a line break", func(c *devices.Contact) { c.Name = "Ada\nBcc: x@y.z" }, []string{"name holds a line break"}},
		{"short locale", func(c *devices.Contact) { c.Locale = "e" }, []string{`"e"`, "language tag"}},
		{"locale with underscore", func(c *devices.Contact) { c.Locale = "en_GB" }, []string{`"en_GB"`}},
		{"locale with a hyphen behind", func(c *devices.Contact) { c.Locale = "en-" }, []string{`"en-"`}},
		{"three letters", func(c *devices.Contact) { c.Locale = "gsw-CH" }, nil},
		{"no channel", address("", "x"), []string{"addresses[0] channel is missing"}},
		{"no value", address("email", ""), []string{"addresses[0] has no value"}},
		{"mail with a name", address("email", "Ada <ada@example.com>"), []string{"addresses[0] is no mail address", "without the person's name"}},
		{"two mails", address("email", "a@example.com,b@example.com"), []string{"is no mail address"}},
		{"mail with a header", address("email", "a@example.com\r\nBcc: b@example.com"), []string{"is no mail address"}},
		{"no web address", address("webhook", "example.com/x"), []string{"is no web address"}},
		{"file", address("webhook", "file:///etc/passwd"), []string{"is no web address"}},
		{"password in the URL", address("webhook", "https://u:p@example.com"), []string{"is no web address"}},
		{"push", address("webpush", "{"), []string{"is no push subscription"}},
		{"other channel with a line break", address("pigeon", "a\nb"), []string{"addresses[0] holds a line break"}},
		{"endless", address("webhook", "https://example.com/"+strings.Repeat("x", 5000)), []string{"longer than 4096"}},
		{"twice", func(c *devices.Contact) { c.Addresses = append(c.Addresses, c.Addresses[0]) }, []string{"addresses[5] is there twice"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := goodContact()
			tt.change(&c)
			err := c.Validate()
			check(t, err, tt.says)
			for _, a := range c.Addresses {
				if err != nil && len(a.Value) > 3 && strings.Contains(err.Error(), a.Value) {
					t.Errorf("the error gives an address away: %v", err)
				}
			}
		})
	}
}

func TestWords(t *testing.T) {
	w := devices.Words{"en": "press", "ar": "", "de": "Presse"}
	for lang, want := range map[string]string{"de": "Presse", "en": "press", "ar": "press", "fr": "press"} {
		if got := w.In(lang, "fallback"); got != want {
			t.Errorf("in %s it is %q, want %q", lang, got, want)
		}
	}
	if got := devices.Words(nil).In("en", "fallback"); got != "fallback" {
		t.Errorf("without words it is %q", got)
	}
}

func TestRemedyFor(t *testing.T) {
	m := goodModel() // calibrate is for temp, visit for everything
	for metric, want := range map[string]string{"temp": "calibrate", "flow": "visit", "": "visit"} {
		r, ok := m.RemedyFor(metric)
		if !ok || r.ID != want {
			t.Errorf("for %q there is %v, %+v; want %s", metric, ok, r, want)
		}
	}
	m.Remedies = m.Remedies[:1]
	if r, ok := m.RemedyFor("flow"); ok {
		t.Errorf("for flow there is %+v", r)
	}
}
