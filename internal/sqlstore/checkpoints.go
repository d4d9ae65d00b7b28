package sqlstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"

	"github.com/forecare/forecare/anomaly"
)

// Checkpoints returns the checkpoint of that name. There may be any number of
// names; each is for one writer at a time.
func (db *DB) Checkpoints(name string) anomaly.Checkpoints {
	return &checkpoints{db: db, name: name}
}

type checkpoints struct {
	db   *DB
	name string
}

// Load returns the checkpoint saved last, all of one Save.
func (c *checkpoints) Load(ctx context.Context) (anomaly.Checkpoint, error) {
	var out anomaly.Checkpoint
	err := c.db.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var sequence int64
		err := tx.QueryRowContext(ctx, `SELECT sequence FROM checkpoints WHERE name = $1`, c.name).Scan(&sequence)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT part, data FROM checkpoint_parts WHERE name = $1`, c.name)
		if err != nil {
			return err
		}
		defer rows.Close()
		out = anomaly.Checkpoint{Sequence: uint64(sequence), Parts: make(map[string][]byte)}
		for rows.Next() {
			var part string
			var data []byte
			if err := rows.Scan(&part, &data); err != nil {
				return err
			}
			out.Parts[part] = data
		}
		return rows.Err()
	})
	return out, annotate(err, "loading the checkpoint %s", c.name)
}

// Save replaces the checkpoint in one transaction and writes only the parts
// that differ from what is stored.
func (c *checkpoints) Save(ctx context.Context, p anomaly.Checkpoint) error {
	// Before the transaction, which holds up every other writer.
	hashes := make(map[string][]byte, len(p.Parts))
	for part, data := range p.Parts {
		sum := sha256.Sum256(data)
		hashes[part] = sum[:]
	}
	return annotate(c.db.withTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO checkpoints (name, sequence) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET sequence = excluded.sequence`, c.name, int64(p.Sequence)); err != nil {
			return err
		}
		stored, err := c.stored(ctx, tx)
		if err != nil {
			return err
		}
		for part := range stored {
			if _, stays := hashes[part]; !stays {
				if _, err := tx.ExecContext(ctx, `DELETE FROM checkpoint_parts WHERE name = $1 AND part = $2`, c.name, part); err != nil {
					return err
				}
			}
		}
		return c.write(ctx, tx, p.Parts, hashes, stored)
	}), "saving the checkpoint %s", c.name)
}

// stored returns the hash of every part that is stored.
func (c *checkpoints) stored(ctx context.Context, tx *sql.Tx) (map[string][]byte, error) {
	rows, err := tx.QueryContext(ctx, `SELECT part, hash FROM checkpoint_parts WHERE name = $1`, c.name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := make(map[string][]byte)
	for rows.Next() {
		var part string
		var hash []byte
		if err := rows.Scan(&part, &hash); err != nil {
			return nil, err
		}
		out[part] = hash
	}
	return out, rows.Err()
}

func (c *checkpoints) write(ctx context.Context, tx *sql.Tx, parts, hashes, stored map[string][]byte) error {
	put, err := tx.PrepareContext(ctx, `INSERT INTO checkpoint_parts (name, part, hash, data) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name, part) DO UPDATE SET hash = excluded.hash, data = excluded.data`)
	if err != nil {
		return err
	}
	defer put.Close()
	for part, data := range parts {
		if bytes.Equal(stored[part], hashes[part]) {
			continue
		}
		if data == nil {
			data = []byte{} // nil would be NULL
		}
		if _, err := put.ExecContext(ctx, c.name, part, hashes[part], data); err != nil {
			return err
		}
	}
	return nil
}
