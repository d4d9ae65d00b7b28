// Package sqlstoretest opens fresh databases for tests.
package sqlstoretest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/forecare/forecare/internal/sqlstore"
)

// Open returns an empty SQLite database that lives as long as the test.
func Open(t testing.TB) *sqlstore.DB {
	t.Helper()
	return OpenURL(t, SQLiteURL(t))
}

// ForEach runs test on an empty SQLite database, and on an empty PostgreSQL
// schema as well if TEST_POSTGRES_URL names a server; .ci/postgres.sh starts
// one. Without it the PostgreSQL leg is skipped and says so.
func ForEach(t *testing.T, test func(t *testing.T, db *sqlstore.DB)) {
	t.Helper()
	ForEachURL(t, func(t *testing.T, url string) { test(t, OpenURL(t, url)) })
}

// ForEachURL is ForEach for tests that open, close and open again themselves.
func ForEachURL(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLiteURL(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, PostgresURL(t)) })
}

// OpenURL opens the database and closes it when the test ends.
func OpenURL(t testing.TB, url string) *sqlstore.DB {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), url)
	if err != nil {
		t.Fatalf("opening %s: %v", sqlstore.Redact(url), err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("closing %s: %v", sqlstore.Redact(url), err)
		}
	})
	return db
}

// SQLiteURL returns the URL of a database that does not exist yet, in a folder
// that goes away with the test.
func SQLiteURL(t testing.TB) string {
	t.Helper()
	return "sqlite://" + filepath.Join(t.TempDir(), "state.db")
}

// PostgresURL returns the URL of a new, empty schema that is dropped with the
// test. Without TEST_POSTGRES_URL it skips the test aloud, and in CI fails it.
func PostgresURL(t testing.TB) string {
	t.Helper()
	server := os.Getenv("TEST_POSTGRES_URL")
	if server == "" && os.Getenv("CI") == "true" {
		t.Fatal("TEST_POSTGRES_URL is not set; .ci/run starts PostgreSQL and sets it")
	}
	if server == "" {
		t.Skip("SKIPPED: TEST_POSTGRES_URL is not set, so nothing is tested on PostgreSQL (start one with .ci/postgres.sh start)")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal("TEST_POSTGRES_URL is not a URL") // the error would show its password
	}
	schema := "test_" + strings.ToLower(rand.Text())
	run(t, server, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { run(t, server, "DROP SCHEMA "+schema+" CASCADE") })
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

func run(t testing.TB, server, statement string) {
	t.Helper()
	pool, err := sql.Open("pgx", server) // sqlstore brings the driver
	if err != nil {
		t.Fatal("TEST_POSTGRES_URL cannot be read")
	}
	defer pool.Close()
	// The test's own context is over when it cleans up.
	if _, err := pool.ExecContext(context.WithoutCancel(t.Context()), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
