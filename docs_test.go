package forecare_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	quoted = regexp.MustCompile("`([^`\n]+)`")
	asPath = regexp.MustCompile(`^(?:\./)?([A-Za-z0-9_.-]+)(?:/[A-Za-z0-9_.-]+)*/?$`)
	asLink = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	target = regexp.MustCompile(`^make ([a-z-]+)`)
)

// made lists what only exists after a build or a run.
var made = []string{"bin", "data", "node_modules"}

func TestDocsNameWhatExists(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range quoted.FindAllStringSubmatch(string(text), -1) {
			span := m[1]
			if mk := target.FindStringSubmatch(span); mk != nil {
				checked++
				if !strings.Contains(string(makefile), "\n"+mk[1]+":") {
					t.Errorf("%s names `%s`, which the Makefile does not have", file, span)
				}
				continue
			}
			p := asPath.FindStringSubmatch(span)
			if p == nil || !strings.Contains(span, "/") || isMade(p[1]) {
				continue
			}
			if _, err := os.Stat(p[1]); err != nil {
				continue // not a path of ours
			}
			checked++
			if _, err := os.Stat(span); err != nil {
				t.Errorf("%s names `%s`, which does not exist", file, span)
			}
		}
		for _, m := range asLink.FindAllStringSubmatch(string(text), -1) {
			checked++
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s links to %s, which does not exist", file, m[1])
			}
		}
	}
	if checked == 0 {
		t.Error("found nothing to check: the patterns no longer fit the documents")
	}
}

func isMade(top string) bool {
	for _, m := range made {
		if top == m {
			return true
		}
	}
	return false
}

func documents(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || isMade(d.Name()) || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
