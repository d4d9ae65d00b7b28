package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/forecare/forecare/ingest/formats"
)

func decodeForTest(t *testing.T, in string, args ...string) (out, errs string, err error) {
	t.Helper()
	var o, e strings.Builder
	err = decode(context.Background(), args, strings.NewReader(in), &o, &e)
	return o.String(), e.String(), err
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "payload")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDecodePrintsATable(t *testing.T) {
	out, _, err := decodeForTest(t, `{"ts":1772366399,"boiler":{"temp":21.5},"note":"\u001b[2J","bad":NaN}`,
		"--as", "json", "--device", "k1", "--received", "2026-11-22T10:00:00Z", "-")
	if err != nil {
		t.Fatal(err)
	}
	want := `TIME                  DEVICE  METRIC       VALUE                     UNIT  FROM
2026-03-01T11:59:59Z  k1      boiler_temp  21.5                      -     boiler.temp
2026-03-01T11:59:59Z  k1      note         "\x1b[2J" (not stored)    -     note
refused               bad     not_a_number The value is "NaN", which is no number.
`
	if fields(out) != fields(want) {
		t.Errorf("got\n%s", out)
	}
}

// fields compares tables without their widths.
func fields(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestDecodePrintsJSON(t *testing.T) {
	one, two := write(t, "7b 22 74 22 3a 31 7d\n"), write(t, "7b7d")
	out, _, err := decodeForTest(t, "", "--as", "json", "--hex", "--json", one, two)
	if err == nil || err.Error() != "1 of 2 messages cannot be read" {
		t.Errorf("error %v", err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2 {
		t.Fatalf("got\n%s", out)
	}
	var first, second formats.Decoded
	for i, into := range []*formats.Decoded{&first, &second} {
		if err := json.Unmarshal([]byte(lines[i]), into); err != nil {
			t.Fatal(err)
		}
	}
	if len(first.Samples) != 1 || first.Samples[0].Value.Number != 1 || second.Rejected == nil || second.Rejected.Reason != formats.NoFields {
		t.Errorf("got\n%s", out)
	}
}

func TestDecodeReadsOptions(t *testing.T) {
	options := write(t, "fields:\n  - {path: a.t, metric: temp, scale: 0.1, unit: Cel}\n")
	out, _, err := decodeForTest(t, `{"a":{"t":215},"b":1}`, "--as", "json", "--options", options, "--received", "2026-11-22T10:00:00Z", "-")
	if err != nil || !strings.Contains(fields(out), "temp 21.5 Cel a.t left out 1 values that no field of the options names") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, _, err := decodeForTest(t, "{}", "--as", "json", "--options", write(t, "feilds: []\n"), "-"); err == nil || !strings.Contains(err.Error(), "feilds") {
		t.Errorf("a wrong key: %v", err)
	}
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		want  string
		usage bool
		args  []string
	}{
		{"--as FORMAT and a file are needed", true, []string{"-"}},
		{"--as FORMAT and a file are needed", true, []string{"--as", "json"}},
		{"flag provided but not defined", true, []string{"--format", "json"}},
		{`there is no format "xml"; use one of json`, false, []string{"--as", "xml", "-"}},
		{"reading the payload", false, []string{"--as", "json", filepath.Join("no", "such", "file")}},
		{"reading the options", false, []string{"--as", "json", "--options", filepath.Join("no", "such"), "-"}},
		{"holds no hexadecimal digits", false, []string{"--as", "json", "--hex", "-"}},
		{"1 of 1 messages cannot be read", false, []string{"--as", "json", "-"}},
	} {
		out, errs, err := decodeForTest(t, "{x", c.args...)
		if err == nil || errors.Is(err, errUsage) != c.usage || !strings.Contains(errs+err.Error(), c.want) {
			t.Errorf("%v: %v\n%s%s", c.args, err, errs, out)
		}
	}
}
