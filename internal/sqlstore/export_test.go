package sqlstore

import (
	"context"
	"database/sql"
)

// WithTx and View let tests of the package's own rules use the transactions
// that all of its files share.
func (db *DB) WithTx(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	return db.withTx(ctx, fn)
}

func (db *DB) View(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	return db.view(ctx, fn)
}
