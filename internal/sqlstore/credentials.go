package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/forecare/forecare/devices"
)

// RotateCredential gives the device a new token, of which newHash is the
// HashToken. With keepOld the token that was newest stays valid as well, until
// the next rotation, so that a device can be moved over without a gap; never
// more than these two. Otherwise every older token ends. It is NotFound if the
// device does not exist.
func (db *DB) RotateCredential(ctx context.Context, key devices.Key, newHash string, keepOld bool) error {
	now := time.Now()
	return annotate(db.changeRegistry(ctx, func(ctx context.Context, tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `UPDATE devices SET updated = $3 WHERE tenant = $1 AND device = $2`, key.Tenant, key.Device, toMillis(now))
		if err != nil {
			return err
		}
		if err := mustHaveChanged(result, key); err != nil {
			return err
		}
		keep := ""
		if keepOld {
			row := tx.QueryRowContext(ctx, `SELECT hash FROM credentials WHERE tenant = $1 AND device = $2 AND hash <> $3 ORDER BY created DESC LIMIT 1`, key.Tenant, key.Device, newHash)
			if err := row.Scan(&keep); err != nil && err != sql.ErrNoRows {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM credentials WHERE tenant = $1 AND device = $2 AND hash <> $3`, key.Tenant, key.Device, keep); err != nil {
			return err
		}
		// Later than the kept one even within one millisecond, so that "newest" is certain.
		created := now
		if keep != "" {
			var ms int64
			row := tx.QueryRowContext(ctx, `SELECT created FROM credentials WHERE tenant = $1 AND device = $2`, key.Tenant, key.Device)
			if err := row.Scan(&ms); err != nil {
				return err
			}
			if before := fromMillis(ms); !created.After(before.Add(time.Millisecond)) {
				created = before.Add(time.Millisecond)
			}
		}
		return insertCredential(ctx, tx, key, newHash, created)
	}), "rotating the token of the device %s", key)
}

func insertCredential(ctx context.Context, tx *sql.Tx, key devices.Key, hash string, now time.Time) error {
	if len(hash) != len(devices.HashToken("")) {
		return devices.Errorf(devices.Internal, "a token's hash has %d characters", len(hash))
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO credentials (tenant, device, hash, created) VALUES ($1, $2, $3, $4)`,
		key.Tenant, key.Device, hash, toMillis(now))
	return err
}
