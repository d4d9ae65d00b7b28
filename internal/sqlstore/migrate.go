package sqlstore

import (
	"context"
	"embed"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// migrations is read-only. Its numbers are handed out in ranges, one for each
// area: 00001 registry and checkpoints, 00010 care, 00020 accounts.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate applies the migrations that the database does not have yet. Two
// processes may do so at once: the one that comes too late fails, sees that
// the other has made progress, and goes on from there.
func (db *DB) migrate(ctx context.Context) error {
	sources, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	dialect := goose.DialectSQLite3
	if db.txOptions != nil {
		dialect = goose.DialectPostgres
	}
	// Out of order, because each area counts on in its own range.
	p, err := goose.NewProvider(dialect, db.write, sources, goose.WithAllowOutofOrder(true), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	const attempts = 8
	for i := range attempts {
		if i > 0 && !pause(ctx, backoff(i)) {
			return err
		}
		if _, err = p.Up(ctx); err == nil || unreachable(err) {
			break
		}
	}
	return err
}
