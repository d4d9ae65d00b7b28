package sqlstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
)

func TestOpenRefusesWhatItCannotOpen(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, url, says string
	}{
		{"empty", "", "sqlite:///path/to/file.db or postgres://"},
		{"no scheme", "/var/lib/state.db", "sqlite:///path/to/file.db or postgres://"},
		{"other database", "mysql://root:secret@host/db", "sqlite:///path/to/file.db or postgres://"},
		{"no file", "sqlite://", "needs a file name"},
		{"a folder", "sqlite://" + folder + "/", "needs a file name"},
		{"below a file", "sqlite://" + file + "/state.db", "cannot be created"},
		{"bad port", "postgres://u:secret@host:port/db", "postgres://user:password@host:5432/database"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db, err := sqlstore.Open(t.Context(), tt.url)
			if err == nil {
				db.Close()
				t.Fatal("opened")
			}
			if devices.CodeOf(err) != devices.Invalid || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error is %q (%s), want Invalid with %q", err, devices.CodeOf(err), tt.says)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestOpenRefusesAFileThatIsNoDatabase(t *testing.T) {
	file := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(file, []byte(strings.Repeat("These are my notes. ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	if db, err := sqlstore.Open(t.Context(), "sqlite://"+file); err == nil {
		db.Close()
		t.Fatal("opened")
	}
}

func TestUnreachablePostgresIsUnavailable(t *testing.T) {
	_, err := sqlstore.Open(t.Context(), "postgres://u:secret@127.0.0.1:1/db?connect_timeout=1")
	if got := devices.CodeOf(err); got != devices.Unavailable {
		t.Errorf("code is %q, want %q: %v", got, devices.Unavailable, err)
	}
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("the error shows the password: %v", err)
	}
}

func TestFileNamesAreTakenAsTheyAre(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new folder", "50%25 of #1? ü.db")
	db := sqlstoretest.OpenURL(t, "sqlite://"+path)
	if err := db.AddDevice(t.Context(), device("acme", "a"), devices.HashToken("t")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() == 0 {
		t.Error("the database is another file")
	}
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o, want 600: it holds people's addresses", path+suffix, mode)
		}
	}
}

func TestWhatWasWrittenIsThereAfterReopening(t *testing.T) {
	sqlstoretest.ForEachURL(t, func(t *testing.T, url string) {
		db, err := sqlstore.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		d := device("acme", "a")
		err = errors.Join(db.AddDevice(t.Context(), d, devices.HashToken("t")), db.Close())
		if err != nil {
			t.Fatal(err)
		}
		db = sqlstoretest.OpenURL(t, url)
		if _, err := db.Device(t.Context(), d.Key); err != nil {
			t.Error(err)
		}
	})
}

// Several processes of one installation may start at once on a new database.
func TestOpenedByManyAtOnce(t *testing.T) {
	sqlstoretest.ForEachURL(t, func(t *testing.T, url string) {
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				db, err := sqlstore.Open(t.Context(), url)
				if err != nil {
					t.Error(err)
					return
				}
				defer db.Close()
				if n, err := db.RegistryRevision(t.Context()); err != nil || n != 1 {
					t.Errorf("revision is %d, %v; want 1", n, err)
				}
			})
		}
		wg.Wait()
	})
}

func TestPing(t *testing.T) {
	sqlstoretest.ForEachURL(t, func(t *testing.T, url string) {
		db, err := sqlstore.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Ping(t.Context()), db.Close()); err != nil {
			t.Error(err)
		}
		if err := db.Ping(t.Context()); err == nil {
			t.Error("a closed database answers")
		}
	})
}
