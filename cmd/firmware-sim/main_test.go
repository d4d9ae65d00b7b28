package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func call(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nothing that runs for long gets to run
	code = simulate(ctx, args, console{&o, &e})
	return code, o.String(), e.String()
}

func TestHelpExplainsEveryCommand(t *testing.T) {
	code, out, _ := call(t)
	if code != 0 {
		t.Errorf("without arguments it ends with %d", code)
	}
	for name := range commands() {
		if !strings.Contains(out, "firmware-sim "+name+" ") {
			t.Errorf("the usage says nothing about %s", name)
		}
		if code, _, errs := call(t, name, "--help"); code != 0 || !strings.Contains(errs, "Flags:") {
			t.Errorf("%s --help ends with %d and says %s", name, code, errs)
		}
	}
}

func TestWrongCallsSayWhatToDo(t *testing.T) {
	csv := filepath.Join(t.TempDir(), "a.csv")
	if err := os.WriteFile(csv, []byte("time,v\n2020-03-01,1\n2020-03-02,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("FORECARE_TOKEN", "")
	for _, c := range []struct{ args, want string }{
		{"nonsense", "there is no command"},
		{"fleet", "--out DIR is missing"},
		{"fleet --out X --faults gremlin", `no fault of kind "gremlin"`},
		{"fleet --out X --devices 3", "plan more devices"},
		{"fleet --out X --release toaster", "toaster"},
		{"fleet --out X --start soon", `"soon" is no moment`},
		{"fleet --out X extra", `"extra" is one word too many`},
		{"fleet --nope", "-nope"},
		{"run", "firmware-sim fleet makes them"},
		{"run --fleet /nowhere.json --credentials x", "there is no file /nowhere.json"},
		{"replay", "name the files"},
		{"replay CSV", "give one of --register, --credentials FILE and --emit DIR"},
		{"replay CSV --emit A --register", "give one of"},
		{"replay CSV --emit A --format xml", "neither csv nor cmapss"},
		{"replay CSV --emit A --format cmapss", "25 columns instead of"},
		{"replay CSV --emit A --format cmapss --metrics v", "cmapss files have no header"},
		{"replay CSV --emit A --metrics w", `no column "w"`},
		{"replay /nowhere.csv --emit A", "/nowhere.csv cannot be opened"},
		{"replay CSV --register", "the API needs a token"},
		{"replay CSV --register --token x --api nowhere", "no web address"},
		{"replay CSV --emit A --model a/b", "no identifier"},
		{"mailbox --smtp 0.0.0.0:25", "this machine only"},
		{"mailbox --http 0.0.0.0:80", "an address of this machine"},
	} {
		args := strings.Fields(strings.ReplaceAll(c.args, "CSV", csv))
		code, _, errs := call(t, args...)
		want := strings.Replace(c.want, "25 columns", "1 columns", 1)
		if code == 0 || !strings.Contains(errs, want) {
			t.Errorf("firmware-sim %s: ends with %d and says %s", c.args, code, errs)
		}
	}
}

func TestFleetWritesWhatRunAndTheImportsRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fleet")
	code, out, errs := call(t, "fleet", "--out", dir, "--devices", "60", "--seed", "4")
	if code != 0 {
		t.Fatal(errs)
	}
	for _, name := range []string{"fleet.json", "truth.json", "model-air-a3.json", "contacts.json", "devices.csv"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil || !strings.Contains(out, name) {
			t.Errorf("%s: %v; it says %s", name, err, out)
		}
	}
	// The tokens of an import fit the plan.
	tokens := filepath.Join(dir, "tokens.csv")
	list, err := os.ReadFile(filepath.Join(dir, "devices.csv"))
	if err != nil {
		t.Fatal(err)
	}
	csv := "id,user,token\n"
	for _, line := range strings.Split(strings.TrimSpace(string(list)), "\n")[1:] {
		id, _, _ := strings.Cut(line, ",")
		csv += id + ",demo/" + id + ",secret\n"
	}
	if err := os.WriteFile(tokens, []byte(csv), 0o600); err != nil {
		t.Fatal(err)
	}
	truth := filepath.Join(dir, "after.json")
	args := []string{"run", "--fleet", filepath.Join(dir, "fleet.json"), "--credentials", tokens, "--broker", "tcp://127.0.0.1:1", "--state", filepath.Join(dir, "state.json"), "--truth", truth}
	if code, _, errs := call(t, args...); code != 0 {
		t.Errorf("run ends with %d: %s", code, errs)
	}
	if b, err := os.ReadFile(truth); err != nil || !strings.Contains(string(b), `"fault": "drift"`) {
		t.Errorf("the truth: %s, %v", b, err)
	}
	if code, _, errs := call(t, append(args, "--factor", "-1")...); code != 2 || !strings.Contains(errs, "backwards") {
		t.Errorf("ends with %d: %s", code, errs)
	}
}

func TestReplayEmitsWhatTheImportsRead(t *testing.T) {
	dir := t.TempDir()
	csv := filepath.Join(dir, "pumps.csv")
	if err := os.WriteFile(csv, []byte("step,pump,flow,same\n1,a,1.5,0\n2,a,1.4,0\n1,b,1.6,0\n2,b,1.7,0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := call(t, "replay", "--emit", dir, csv, "--time-column", "step", "--unit-column", "pump", "--step", "10m")
	if code != 0 || !strings.Contains(out, "2 units, 4 readings of 1 metrics") || !strings.Contains(out, "never changes: same") {
		t.Fatalf("ends with %d: %s%s", code, out, errs)
	}
	list, err := os.ReadFile(filepath.Join(dir, "devices.csv"))
	if err != nil || !strings.Contains(string(list), "a,pumps,,recording") {
		t.Errorf("%s, %v", list, err)
	}
	model, err := os.ReadFile(filepath.Join(dir, "model-pumps.json"))
	if err != nil || !strings.Contains(string(model), `"interval": "10m"`) {
		t.Errorf("%s, %v", model, err)
	}
}

func TestMailboxEndsWithItsContext(t *testing.T) {
	code, out, errs := call(t, "mailbox", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--dir", filepath.Join(t.TempDir(), "mails"))
	if code != 0 || !strings.Contains(out, "is shown at http://127.0.0.1:") {
		t.Errorf("ends with %d: %s%s", code, out, errs)
	}
}
