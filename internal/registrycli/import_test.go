package registrycli_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/registrycli"
)

const fleetCSV = "id,model,zone\np-1,press,UTC\np-2,press,Mars\np-3,press,UTC\np-1,press,UTC\n"

func TestDeviceImport(t *testing.T) {
	c := newTerminal(t)
	c.file("press.json", pressFile)
	c.must("model import --tenant acme DIR/press.json")
	c.file("fleet.csv", fleetCSV)
	c.changes = 0

	err := c.run("device import DIR/fleet.csv --tenant acme --dry-run")
	if devices.CodeOf(err) != devices.Invalid || !strings.Contains(err.Error(), "2 rows were not imported (the others would be imported)") {
		t.Errorf("error is %v", err)
	}
	c.prints("LINE  DEVICE  ACTION", "2     p-1     add", "3     p-2     error   -      zone is \"Mars\"", "5     p-1     error", "on line 2 already")
	if strings.Contains(c.out, "fc_") || c.changes != 0 || !strings.Contains(c.errs, "Dry run, nothing was changed: 2 to add, 0 to update, 0 unchanged, 2 with errors.") {
		t.Errorf("a dry run: changed %d times, %s%s", c.changes, c.out, c.errs)
	}
	c.must("device list --tenant acme --json")
	c.prints(`"total": 0`)

	err = c.run("device import DIR/fleet.csv --tenant acme --json")
	if devices.CodeOf(err) != devices.Invalid || !strings.Contains(err.Error(), "2 rows were not imported (the others are in place)") || c.changes != 1 {
		t.Errorf("error is %v, changed %d times", err, c.changes)
	}
	var got struct {
		DryRun bool `json:"dry_run"`
		Rows   []devices.ImportResult
	}
	if err := json.Unmarshal([]byte(c.out), &got); err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, r := range got.Rows {
		actions = append(actions, string(r.Action))
		if r.Action == devices.ImportAdd && !c.accepts("acme/"+r.Device, r.Token) {
			t.Errorf("the token of %s is refused", r.Device)
		}
	}
	if strings.Join(actions, " ") != "add error add error" || got.DryRun {
		t.Errorf("got %v", actions)
	}

	// Mended and imported again; now from standard input.
	c.stdin = "zone,firmware,id,model\nUTC,2.0,p-1,press\nAsia/Dubai,,p-2,press\nUTC,,p-3,press\n"
	c.must("device import - --tenant acme")
	if !strings.Contains(c.errs, "Done: 1 to add, 1 to update, 1 unchanged, 0 with errors.") {
		t.Errorf("got %s", c.errs)
	}
	c.token(1)
	changes := c.changes
	c.must("device import - --tenant acme")
	if c.changes != changes || strings.Contains(c.out, "fc_") {
		t.Errorf("importing the same again changed something:\n%s", c.out)
	}
}

func TestTokensGoIntoAFile(t *testing.T) {
	c := newTerminal(t)
	c.stdin = "id,model,zone\np-1,press,UTC\np-2,press,UTC\n"
	c.must("device import - --tenant acme --tokens DIR/tokens.csv")
	if strings.Contains(c.out, "fc_") {
		t.Error("the tokens are printed as well")
	}
	path := filepath.Join(c.dir, "tokens.csv")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v; want mode 600", info, err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("the file holds %v, %v", rows, err)
	}
	for _, row := range rows[1:] {
		if row[1] != "acme/"+row[0] || !c.accepts(row[1], row[2]) {
			t.Errorf("row %v", row)
		}
	}

	// An older file of tokens is never written over, and nothing is imported.
	c.stdin = "id,model,zone\np-3,press,UTC\n"
	err = c.run("device import - --tenant acme --tokens DIR/tokens.csv")
	if !errors.Is(err, registrycli.ErrUsage) || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("error is %v", err)
	}
	// Nor without a place to keep them.
	if err = c.run("device import - --tenant acme --tokens DIR/no/tokens.csv"); !errors.Is(err, registrycli.ErrUsage) {
		t.Errorf("error is %v", err)
	}
	c.must("device list --tenant acme --json")
	c.prints(`"total": 2`)

	// No file is left where no token was made.
	for _, text := range []string{"id,model,zone\np-1,press,UTC\n", "id,colour\n"} {
		c.stdin = text
		_ = c.run("device import - --tenant acme --tokens DIR/none.csv")
		if _, err := os.Stat(filepath.Join(c.dir, "none.csv")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("after %q there is a file: %v", text, err)
		}
	}
}

func TestImportRefusesAFileAsAWhole(t *testing.T) {
	c := newTerminal(t)
	c.stdin = "id,model,zone,color\np-1,press,UTC,red\n"
	err := c.run("device import - --tenant acme")
	if devices.CodeOf(err) != devices.Invalid || !strings.Contains(err.Error(), `unknown column "color"; the columns may be id,`) || c.out != "" || c.changes != 0 {
		t.Errorf("error is %v; it printed %q", err, c.out)
	}
}

func TestModels(t *testing.T) {
	c := newTerminal(t)
	c.file("press.json", pressFile)
	c.file("grinder.json", strings.Replace(strings.Replace(pressFile, `"press"`, `"grinder"`, 1), "{", `{"tenant":"acme",`, 1))
	c.must("model import DIR/press.json DIR/grinder.json --tenant acme")
	c.prints("acme/press    added", "acme/grinder  added", "2 metrics")
	c.stdin = strings.Replace(pressFile, "10m", "1h30m", 1)
	c.must("model import - --tenant acme --json")
	c.prints(`"interval": "1h30m"`)
	c.must("model list --tenant acme")
	c.prints("press    Press 9  1h30m     boiler,flow  1", "grinder  Press 9  10m ")
	c.must("model show acme/press")
	if m, err := devices.ParseModel([]byte(c.out)); err != nil || m.ID != "press" || len(m.Metrics) != 2 {
		t.Errorf("what show prints is no model file: %+v, %v", m, err)
	}
	c.must("model list --tenant acme --json")
	c.prints(`"id": "grinder"`, `"id": "press"`)
	c.must("model list --tenant other --json")
	c.prints(`"models": []`)
	if c.changes != 3 {
		t.Errorf("changed was called %d times, want 3", c.changes)
	}

	c.file("bad.json", strings.Replace(pressFile, `"unit":"ml/s"`, `"unti":"ml/s"`, 1))
	c.file("worse.json", strings.Replace(pressFile, `"max":130`, `"max":10`, 1))
	tests := []struct{ line, says string }{
		{"model import DIR/bad.json --tenant acme", `bad.json: unknown key "metrics[1].unti"; metrics[1] may hold`},
		{"model import DIR/worse.json --tenant acme", "worse.json: model \"press\": metric boiler has min 20 and max 10; min must be less than max"},
		{"model import DIR/press.json", "press.json: the file names no tenant"},
		{"model import DIR/grinder.json --tenant other", `the file is of tenant "acme", but --tenant says "other"`},
		{"model import DIR/press.json DIR/bad.json --tenant new", "bad.json"},
	}
	for _, tt := range tests {
		if err := c.run(tt.line); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: error is %v, want %q", tt.line, err, tt.says)
		}
	}
	if list, err := c.db.ListModels(t.Context(), "new"); err != nil || len(list) != 0 {
		t.Errorf("a call with one bad file stored %d models, %v", len(list), err)
	}
}

func TestContacts(t *testing.T) {
	c := newTerminal(t)
	c.must("contact add acme/ada --name 'Ada Lovelace' --locale ar-AE --zone Asia/Dubai --email ada@example.com --webhook https://example.com/x --consent")
	c.prints("acme/ada  added   email, webhook")
	ada, err := c.db.Contact(t.Context(), "acme", "ada")
	if err != nil || ada.Name != "Ada Lovelace" || len(ada.Addresses) != 2 || !ada.Addresses[0].Allowed() || ada.Addresses[0].Channel != "email" {
		t.Fatalf("stored %+v, %v", ada, err)
	}
	if strings.Contains(c.out, "ada@example.com") {
		t.Error("the address is printed")
	}

	// A push subscription of their own and an opt-out survive the maker's list.
	push := devices.Address{Channel: "webpush", Value: "{}", Consent: ada.Created}
	if err := c.db.AddAddress(t.Context(), "acme", "ada", push); err != nil {
		t.Fatal(err)
	}
	if err := c.db.SetConsent(t.Context(), "acme", "ada", "email", false, ada.Addresses[0].Consent); err != nil {
		t.Fatal(err)
	}
	c.file("contacts.json", `[{"id":"ada","name":"Ada King","locale":"en","zone":"Europe/London","addresses":[{"channel":"email","value":"ada@example.com","consent":"2020-01-01T00:00:00Z"}]},
		{"id":"bob","name":"Bob","locale":"en","zone":"Europe/London"}]`)
	c.must("contact import DIR/contacts.json --tenant acme")
	c.prints("acme/ada  replaced", "email (opted out)", "webpush", "acme/bob  added     -")
	c.must("contact list --tenant acme")
	c.prints("ada      Ada King  en      Europe/London", "email (opted out)", "bob")
	if strings.Contains(c.out, "ada@example.com") {
		t.Error("the list shows addresses")
	}
	c.must("contact list --tenant acme --json")
	c.prints(`"value": "ada@example.com"`)
	c.must("contact add acme/eve --name Eve --locale en --zone UTC --email eve@example.com")
	c.prints("email (no consent)")

	c.file("bad.json", `[{"id":"cleo","name":"Cleo","locale":"en","zone":"UTC"},{"id":"dan","name":"Dan","locale":"english","zone":"UTC"}]`)
	c.file("worse.json", `[{"id":"cleo","nam":"Cleo"}]`)
	tests := []struct{ line, says string }{
		{"contact import DIR/bad.json --tenant acme", `bad.json: contact "dan": locale is "english"`},
		{"contact import DIR/worse.json --tenant acme", `worse.json: unknown key "[0].nam"`},
		{"contact import DIR/contacts.json", "names no tenant"},
		{"contact add acme/x --name X --locale en --zone UTC --email nonsense", "is no mail address"},
	}
	for _, tt := range tests {
		if err := c.run(tt.line); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: error is %v, want %q", tt.line, err, tt.says)
		}
	}
	if _, err := c.db.Contact(t.Context(), "acme", "cleo"); devices.CodeOf(err) != devices.NotFound {
		t.Errorf("a file with one bad contact stored the others: %v", err)
	}
}
