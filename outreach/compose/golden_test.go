package compose_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden holds every message against what was read and approved. The HTML
// is kept for one message of each purpose; the text for all.
func TestGolden(t *testing.T) {
	c := composer(t)
	expected := map[string]bool{}
	for _, lang := range c.Languages() {
		for name, make := range situations() {
			f := make(lang)
			got, err := c.Compose(f)
			if err != nil {
				t.Fatalf("%s %s: %v", lang, name, err)
			}
			path := filepath.Join("testdata", lang, name)
			expected[path+".txt"] = true
			golden(t, path+".txt", "Subject: "+got.Subject+"\n\n"+got.Text)
			if whole[name] {
				expected[path+".html"] = true
				golden(t, path+".html", got.HTML)
			}
		}
	}
	for _, lang := range c.Languages() {
		kept, err := filepath.Glob(filepath.Join("testdata", lang, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range kept {
			if !expected[path] {
				t.Errorf("%s belongs to no message", path)
			}
		}
	}
}

// whole names the messages whose HTML is kept too.
var whole = map[string]bool{"offer": true, "confirmation": true, "cancellation": true, "all-well": true, "sorry": true, "offer-bare": true}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run the test with -update to make it, then read it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
