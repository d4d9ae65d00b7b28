package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/forecare/forecare/devices"
)

// changeRegistry is withTx for what a Snapshot holds: it counts the revision
// up in the same transaction.
func (db *DB) changeRegistry(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	return db.withTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := fn(ctx, tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE registry SET revision = revision + 1 WHERE id = 1`)
		return err
	})
}

// RegistryRevision returns the Revision that Snapshot would have now. It is
// cheap enough to ask every second: another process, such as the command line,
// may have changed the registry.
func (db *DB) RegistryRevision(ctx context.Context) (int64, error) {
	var n int64
	err := db.read.QueryRowContext(ctx, `SELECT revision FROM registry WHERE id = 1`).Scan(&n)
	return n, annotate(err, "reading the registry's revision")
}

// Snapshot returns all devices, models and credentials as of one moment.
func (db *DB) Snapshot(ctx context.Context) (devices.Snapshot, error) {
	var s devices.Snapshot
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		s = devices.Snapshot{Credentials: make(map[devices.Key][]string)}
		if err := tx.QueryRowContext(ctx, `SELECT revision FROM registry WHERE id = 1`).Scan(&s.Revision); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT `+deviceColumns+` FROM devices`)
		if err != nil {
			return err
		}
		if s.Devices, err = scanDevices(rows); err != nil {
			return err
		}
		if rows, err = tx.QueryContext(ctx, `SELECT body FROM models`); err != nil {
			return err
		}
		if s.Models, err = scanModels(rows); err != nil {
			return err
		}
		return loadCredentials(ctx, tx, s.Credentials)
	})
	return s, annotate(err, "loading the registry")
}

func loadCredentials(ctx context.Context, tx *sql.Tx, into map[devices.Key][]string) error {
	rows, err := tx.QueryContext(ctx, `SELECT tenant, device, hash FROM credentials`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var k devices.Key
		var hash string
		if err := rows.Scan(&k.Tenant, &k.Device, &hash); err != nil {
			return err
		}
		into[k] = append(into[k], hash)
	}
	return rows.Err()
}

func scanModels(rows *sql.Rows) ([]devices.Model, error) {
	defer rows.Close()
	var out []devices.Model
	for rows.Next() {
		var body string
		if err := rows.Scan(&body); err != nil {
			return nil, err
		}
		m, err := decodeModel(body)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

func decodeModel(body string) (devices.Model, error) {
	var m devices.Model
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return m, fmt.Errorf("decoding a stored model: %w", err)
	}
	return m, nil
}
