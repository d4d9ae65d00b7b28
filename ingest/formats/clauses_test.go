package formats_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/forecare/forecare/ingest/formats"
)

// The code cites the clauses of docs/formats.md, all of them and no others.
func TestClausesAreCited(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "formats.md"))
	if err != nil {
		t.Fatal(err)
	}
	stated := map[string]bool{}
	for _, m := range regexp.MustCompile(`\*\*\[(FM-\d+\.\d+)\]\*\*`).FindAllStringSubmatch(string(text), -1) {
		if stated[m[1]] {
			t.Errorf("%s is stated twice", m[1])
		}
		stated[m[1]] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	cited := map[string]bool{}
	for _, file := range files {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, clause := range regexp.MustCompile(`FM-\d+\.\d+`).FindAllString(string(code), -1) {
			if cited[clause] = true; !stated[clause] {
				t.Errorf("%s cites %s, which is not stated", file, clause)
			}
		}
	}
	for clause := range stated {
		if !cited[clause] {
			t.Errorf("%s is cited nowhere", clause)
		}
	}
	for _, f := range formats.All() {
		if !regexp.MustCompile("(?m)^## \\d+\\. `" + f.Name + "`").Match(text) {
			t.Errorf("the format %s has no section", f.Name)
		}
		for _, topic := range f.Topics {
			if _, err := formats.NewRules([]formats.Rule{{Topic: topic, Format: f.Name}}, formats.Limits{}); err != nil {
				t.Error(err)
			}
		}
	}
}
