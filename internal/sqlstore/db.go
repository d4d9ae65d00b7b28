// Package sqlstore keeps the registry, cases, messages, accounts and
// checkpoints in SQLite or PostgreSQL. Every statement is one text that both
// take: $1 placeholders, ON CONFLICT, instants as BIGINT Unix milliseconds (0
// for none), TEXT, BYTEA, and no function that only one of them has.
//
// A method that returns nil has committed. Errors that a user may read are
// *devices.Error; a database that cannot be reached, or stays busy, is
// Unavailable.
package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"github.com/forecare/forecare/devices"
)

// DB is an open database with the newest schema. Its methods may be called
// concurrently.
type DB struct {
	// write is for transactions that change something. For SQLite it is a
	// single connection, so that writers of this process queue here, in order,
	// rather than in SQLite's busy loop.
	write *sql.DB
	// read sees what was committed. For PostgreSQL it is the same pool.
	read *sql.DB
	// txOptions is nil for SQLite, where every transaction is serializable.
	// Asking PostgreSQL for the same gives every statement one meaning on both.
	txOptions *sql.TxOptions
}

// Open opens the database that the URL names and brings its schema up to date:
// "sqlite:///var/lib/forecare/state.db" (absolute), "sqlite://state.db"
// (relative; what follows the slashes is a file name and not decoded), or
// "postgres://user:password@host/database?sslmode=...". Close it in the end. A
// SQLite file and its folder are created, for this user only.
func Open(ctx context.Context, url string) (*DB, error) {
	db, err := connect(url)
	if err != nil {
		return nil, err
	}
	if err := db.migrate(ctx); err != nil {
		db.Close()
		return nil, annotate(err, "opening the database %s", Redact(url))
	}
	return db, nil
}

// Close waits for queries under way and closes all connections.
func (db *DB) Close() error {
	err := db.write.Close()
	if db.read != db.write {
		if e := db.read.Close(); err == nil {
			err = e
		}
	}
	return err
}

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	return annotate(db.read.QueryRowContext(ctx, "SELECT 1").Scan(&one), "asking the database whether it is there")
}

// Redact returns the URL without its password, for messages.
func Redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not a URL)"
	}
	return u.Redacted()
}

func connect(raw string) (*DB, error) {
	scheme, rest, _ := strings.Cut(raw, "://")
	switch scheme {
	case "sqlite":
		return connectSQLite(rest)
	case "postgres", "postgresql":
		return connectPostgres(raw)
	}
	return nil, devices.Errorf(devices.Invalid, "the state database must be sqlite:///path/to/file.db or postgres://user@host/database; it is %q", Redact(raw))
}

func connectSQLite(path string) (*DB, error) {
	if path == "" || strings.HasSuffix(path, "/") {
		return nil, devices.Errorf(devices.Invalid, "sqlite:// needs a file name, such as sqlite:///var/lib/forecare/state.db")
	}
	if err := createFile(path); err != nil {
		return nil, devices.Wrap(err, devices.Invalid, "the database file %s cannot be created; check the folder and its permissions", path)
	}
	write, err := openSQLite(path, "_txlock=immediate")
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := openSQLite(path, "_pragma=query_only(1)")
	if err != nil {
		write.Close()
		return nil, err
	}
	read.SetMaxOpenConns(4)
	read.SetMaxIdleConns(4)
	return &DB{write: write, read: read}, nil
}

// createFile makes the file before SQLite does, because it holds people's
// addresses: readable for this user only, as are the files SQLite puts next to it.
func createFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// openSQLite sets what must hold on every connection. A commit in WAL mode is
// in the file, that is, with the kernel, when it returns: kill -9 loses none of
// it, whatever synchronous says. FULL adds an fsync per commit for the loss of
// power as well. It is affordable because what is written here is rare (cases,
// messages, checkpoints; never readings), and worth it because a booking that
// was confirmed, or a message that was sent, must not be forgotten.
func openSQLite(path, more string) (*sql.DB, error) {
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String() +
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&" + more
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return sql.OpenDB(c), nil
}

func connectPostgres(raw string) (*DB, error) {
	config, err := pgx.ParseConfig(raw)
	if err != nil {
		return nil, devices.Wrap(err, devices.Invalid, "the PostgreSQL URL cannot be read; use postgres://user:password@host:5432/database")
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "forecare"
	}
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(16)
	pool.SetMaxIdleConns(8)
	return &DB{write: pool, read: pool, txOptions: &sql.TxOptions{Isolation: sql.LevelSerializable}}, nil
}
