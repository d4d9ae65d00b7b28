package registrycli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/registrycli"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
)

// terminal runs commands on one database and keeps what the last one printed.
type terminal struct {
	*testing.T
	db        *sqlstore.DB
	stdin     string
	out, errs string
	changes   int
	dir       string
}

func newTerminal(t *testing.T) *terminal {
	return &terminal{T: t, db: sqlstoretest.Open(t), dir: t.TempDir()}
}

// run runs a command line, split at spaces; single quotes keep some.
func (t *terminal) run(line string) error {
	t.Helper()
	var args []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			args = append(args, part)
		} else {
			args = append(args, strings.Fields(part)...)
		}
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "DIR", t.dir)
	}
	var out, errs bytes.Buffer
	err := registrycli.Run(t.Context(), args, strings.NewReader(t.stdin), &out, &errs, t.db, func() { t.changes++ })
	t.out, t.errs = out.String(), errs.String()
	return err
}

func (t *terminal) must(line string) {
	t.Helper()
	if err := t.run(line); err != nil {
		t.Fatalf("forecare %s: %v", line, err)
	}
}

func (t *terminal) file(name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(t.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (t *terminal) prints(parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(t.out, p) {
			t.Errorf("it does not print %q but:\n%s", p, t.out)
		}
	}
}

// token returns the token that was printed and fails unless it is there n times.
func (t *terminal) token(n int) string {
	t.Helper()
	all := regexp.MustCompile(`fc_[A-Za-z0-9_-]{43}`).FindAllString(t.out, -1)
	if len(all) != n {
		t.Fatalf("%d tokens are printed, want %d:\n%s", len(all), n, t.out)
	}
	for _, token := range all {
		if token != all[0] {
			t.Fatalf("different tokens are printed:\n%s", t.out)
		}
	}
	return all[0]
}

func (t *terminal) accepts(key, token string) bool {
	t.Helper()
	s, err := t.db.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := devices.NewRegistry()
	r.Replace(s)
	tenant, device, _ := strings.Cut(key, "/")
	return r.Authenticate(devices.Key{Tenant: tenant, Device: device}, token)
}

const pressFile = `{"id":"press","name":"Press 9","interval":"10m",
	"metrics":[{"name":"boiler","unit":"°C","min":20,"max":130},{"name":"flow","unit":"ml/s"}],
	"remedies":[{"id":"calibrate","duration":"15m"}]}`

func TestWrongCallsSayWhatARightOneIs(t *testing.T) {
	tests := []struct{ line, says string }{
		{"", "device, model or contact"},
		{"gadget add", `there is no "gadget"; it is about device, model or contact`},
		{"device", "forecare device rotate"},
		{"device remove acme/p-1", `there is no "device remove"; there is:`},
		{"model add", "forecare model import"},
		{"device add", "name one device as tenant/id, such as acme/press-7"},
		{"device add p-1 --model press --zone UTC", `"p-1" does not name a device; write tenant/id`},
		{"device add acme/p/1 --model press --zone UTC", `"acme/p/1" does not name a device`},
		{"device add acme/p-1 acme/p-2 --model press --zone UTC", "there are 2 arguments"},
		{"device add acme/p-1 --zone UTC", "a device needs --model and --zone"},
		{"device add acme/p-1 --modell press", "flag provided but not defined: -modell"},
		{"device add acme/p-1 --lat north", "north"},
		{"device add acme/p-1 --model", "flag needs an argument"},
		{"device list", "--tenant is missing: say whose devices these are"},
		{"device list acme", `"acme" is not expected here`},
		{"device list --tenant a/b", "is no identifier"},
		{"device list --tenant acme --limit -1", "cannot be negative"},
		{"device show", "name one device"},
		{"device rotate acme", "does not name a device"},
		{"device disable", "name one device"},
		{"device import --tenant acme", "name one CSV file, or - for standard input"},
		{"device import devices.csv", "--tenant is missing"},
		{"device import DIR/nothing.csv --tenant acme", "the file cannot be opened"},
		{"model import", "name at least one JSON file"},
		{"model import DIR/nothing.json", "the file cannot be opened"},
		{"model list", "whose models these are"},
		{"model show press", "does not name a model"},
		{"contact add ada", "does not name a contact"},
		{"contact import", "name one JSON file"},
		{"contact list", "whose contacts these are"},
	}
	c := newTerminal(t)
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			err := c.run(tt.line)
			if !errors.Is(err, registrycli.ErrUsage) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error is %v, want wrong usage with %q", err, tt.says)
			}
			if c.out != "" || c.errs != "" {
				t.Errorf("it prints %q and %q as well", c.out, c.errs)
			}
		})
	}
	if c.changes != 0 || revision(c) != 1 {
		t.Errorf("wrong calls changed something: %d times", c.changes)
	}
}

func revision(c *terminal) int64 {
	n, err := c.db.RegistryRevision(c.Context())
	if err != nil {
		c.Fatal(err)
	}
	return n
}

func TestHelpIsNoError(t *testing.T) {
	c := newTerminal(t)
	c.must("device --help")
	c.prints("forecare device import   add and change devices from a CSV file")
	c.must("device add -h")
	c.prints("forecare device add TENANT/ID", "-site-name name", "such as Europe/Berlin")
}

func TestErrorsOfTheStoreAreInPlainWords(t *testing.T) {
	c := newTerminal(t)
	c.must("device add acme/p-1 --model press --zone UTC")
	tests := []struct {
		line, want string
		code       devices.Code
	}{
		{"device add acme/p-1 --model press --zone UTC", "The device acme/p-1 is registered already.", devices.Conflict},
		{"device show acme/p-2", "There is no device acme/p-2.", devices.NotFound},
		{"device rotate acme/p-2", "There is no device acme/p-2.", devices.NotFound},
		{"device disable other/p-1", "There is no device other/p-1.", devices.NotFound},
		{"model show acme/press", "There is no model press.", devices.NotFound},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			err := c.run(tt.line)
			if err == nil || err.Error() != tt.want || devices.CodeOf(err) != tt.code || errors.Is(err, registrycli.ErrUsage) {
				t.Errorf("error is %v (%s), want %q", err, devices.CodeOf(err), tt.want)
			}
			if c.out != "" {
				t.Errorf("it prints %q", c.out)
			}
		})
	}
	if c.changes != 1 {
		t.Errorf("changed was called %d times, want 1", c.changes)
	}
}

func TestDeviceAddPrintsATokenThatWorks(t *testing.T) {
	c := newTerminal(t)
	c.file("press.json", pressFile)
	c.must("model import --tenant acme DIR/press.json")
	c.must("device add --model press acme/p-1 --zone Europe/Berlin --site-name 'Café Größe' --lat -52.5 --broker mqtt.example:8883")
	token := c.token(2) // once by itself, once in the command to try it
	if !c.accepts("acme/p-1", token) {
		t.Error("the token is refused")
	}
	c.prints("user name  acme/p-1", "only time",
		`mosquitto_pub -h mqtt.example -p 8883 -u 'acme/p-1' -P '`+token+`' -q 1 -t 'fleet/acme/p-1/telemetry' -m '{"boiler":75}'`)
	d, err := c.db.Device(t.Context(), devices.Key{Tenant: "acme", Device: "p-1"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(devices.Site{Name: "Café Größe", Lat: -52.5, Zone: "Europe/Berlin"}, d.Site); diff != "" || d.Model != "press" {
		t.Errorf("stored with model %q and site %s", d.Model, diff)
	}
	for _, line := range []string{"device show acme/p-1", "device list --tenant acme", "device show acme/p-1 --json"} {
		c.must(line)
		if strings.Contains(c.out, "fc_") || strings.Contains(c.out, devices.HashToken(token)) {
			t.Errorf("%s shows the token again:\n%s", line, c.out)
		}
	}
	if err := c.run("device add acme/p-2 --model press --zone Mars"); devices.CodeOf(err) != devices.Invalid || !strings.Contains(err.Error(), "no known time zone") {
		t.Errorf("error is %v", err)
	}
}

func TestDeviceAddForPrograms(t *testing.T) {
	c := newTerminal(t)
	c.must("device add acme/p-1 --model press --zone UTC --json")
	var got struct {
		Device           devices.Key
		User, Token, Try string
	}
	if err := json.Unmarshal([]byte(c.out), &got); err != nil {
		t.Fatal(err)
	}
	if got.Device.String() != "acme/p-1" || got.User != "acme/p-1" || !c.accepts("acme/p-1", got.Token) || !strings.Contains(got.Try, got.Token) {
		t.Errorf("got %+v", got)
	}
}

func TestDeviceLife(t *testing.T) {
	c := newTerminal(t)
	c.must("device add acme/p-1 --model press --zone UTC --owner ada --gateway gate --firmware 1.2")
	first := c.token(2)
	c.must("device show acme/p-1")
	c.prints("owner      ada", "gateway    gate", "disabled   false", "press (not imported: its readings are refused)")

	c.must("device disable acme/p-1")
	c.prints("Disabled acme/p-1")
	if c.accepts("acme/p-1", first) {
		t.Error("a disabled device is let in")
	}
	c.must("device enable acme/p-1 --json")
	var d devices.Device
	if err := json.Unmarshal([]byte(c.out), &d); err != nil || d.Disabled || d.Device != "p-1" {
		t.Errorf("got %+v, %v", d, err)
	}

	c.must("device rotate acme/p-1 --keep-old")
	second := c.token(2)
	if !c.accepts("acme/p-1", first) || !c.accepts("acme/p-1", second) {
		t.Error("after a rotation that keeps the old token, one of the two is refused")
	}
	c.must("device rotate acme/p-1")
	third := c.token(2)
	if c.accepts("acme/p-1", first) || c.accepts("acme/p-1", second) || !c.accepts("acme/p-1", third) {
		t.Error("after a rotation, not exactly the new token works")
	}
	if c.changes != 5 {
		t.Errorf("changed was called %d times, want 5", c.changes)
	}
}

func TestDeviceList(t *testing.T) {
	c := newTerminal(t)
	c.must("device list --tenant acme --json")
	if got := strings.Join(strings.Fields(c.out), ""); got != `{"devices":[],"total":0}` {
		t.Errorf("an empty list is %s", got)
	}
	for _, id := range []string{"p-3", "p-1", "p-2"} {
		c.must("device add acme/" + id + " --model press --zone UTC --firmware 1." + id)
	}
	c.must("device add acme/g-1 --model grinder --zone UTC")
	c.must("device disable acme/g-1")
	c.must("device list --tenant acme")
	if got := regexp.MustCompile(`acme/\S+`).FindAllString(c.out, -1); strings.Join(got, " ") != "acme/g-1 acme/p-1 acme/p-2 acme/p-3" {
		t.Errorf("got %v", got)
	}
	c.prints("DEVICE    MODEL    FIRMWARE", "disabled", "enabled")
	c.must("device list --tenant acme --model press --limit 1 --offset 1")
	if !strings.Contains(c.out, "acme/p-2") || strings.Contains(c.out, "acme/p-1") || !strings.Contains(c.errs, "1 of 3 devices") {
		t.Errorf("got %s and %s", c.out, c.errs)
	}
	c.must("device list --tenant acme --text 1.P-3 --json")
	var got struct {
		Devices []devices.Device
		Total   int
	}
	if err := json.Unmarshal([]byte(c.out), &got); err != nil || got.Total != 1 || len(got.Devices) != 1 || got.Devices[0].Device != "p-3" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestTheExampleIsWithinTheMetricsBounds(t *testing.T) {
	tests := []struct{ metric, broker, want string }{
		{`{"name":"a","unit":"1","min":-10,"max":5}`, "h:1", `-h h -p 1 .*'{"a":-2.5}'`},
		{`{"name":"a","unit":"1","min":300}`, "::1", `-h ::1 -p 1883 .*'{"a":300}'`},
		{`{"name":"a","unit":"1","max":-1}`, "[::1]:2", `-h ::1 -p 2 .*'{"a":-1}'`},
		{`{"name":"a","unit":"1"}`, "a;reboot:1", `-h 'a;reboot' -p 1 .*'{"a":1}'`},
		{`{"name":"a","unit":"1"}`, "a'b:1", `-h 'a'\\''b' -p 1 `},
	}
	for _, tt := range tests {
		c := newTerminal(t)
		c.stdin = `{"tenant":"acme","id":"m","name":"M","interval":"1m","metrics":[` + tt.metric + `]}`
		c.must("model import -")
		var out bytes.Buffer
		args := []string{"device", "add", "acme/p-1", "--model", "m", "--zone", "UTC", "--broker", tt.broker}
		if err := registrycli.Run(t.Context(), args, nil, &out, &out, c.db, nil); err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(tt.want).MatchString(out.String()) {
			t.Errorf("%s: want %s in\n%s", tt.metric, tt.want, out.String())
		}
	}
}

// What a file brings in must not drive the terminal of who reads it.
func TestTablesShowNoControlCharacters(t *testing.T) {
	c := newTerminal(t)
	c.stdin = "id,model,zone\n\x1b[2Jp-1,press,UTC\n"
	if err := c.run("device import - --tenant acme"); err == nil {
		t.Error("imported")
	}
	if strings.ContainsAny(c.out, "\x1b\x07") || !strings.Contains(c.out, "?[2Jp-1") {
		t.Errorf("it prints %q", c.out)
	}
}
