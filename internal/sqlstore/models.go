package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/forecare/forecare/devices"
)

// PutModel adds the model or replaces the one of that id. It is Invalid if the
// model is.
func (db *DB) PutModel(ctx context.Context, m devices.Model) error {
	if err := m.Validate(); err != nil {
		return err
	}
	body, err := json.Marshal(m)
	if err != nil {
		return annotate(err, "encoding the model %s", m.ID)
	}
	return annotate(db.changeRegistry(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO models (tenant, id, body, updated) VALUES ($1, $2, $3, $4)
			ON CONFLICT (tenant, id) DO UPDATE SET body = excluded.body, updated = excluded.updated`,
			m.Tenant, m.ID, string(body), toMillis(time.Now()))
		return err
	}), "storing the model %s", m.ID)
}

// Model returns the model, or NotFound.
func (db *DB) Model(ctx context.Context, tenant, id string) (devices.Model, error) {
	var body string
	err := db.read.QueryRowContext(ctx, `SELECT body FROM models WHERE tenant = $1 AND id = $2`, tenant, id).Scan(&body)
	if err == sql.ErrNoRows {
		return devices.Model{}, devices.Errorf(devices.NotFound, "There is no model %s.", id)
	}
	if err != nil {
		return devices.Model{}, annotate(err, "reading the model %s", id)
	}
	return decodeModel(body)
}

// ListModels returns the tenant's models, ordered by id.
func (db *DB) ListModels(ctx context.Context, tenant string) ([]devices.Model, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT body FROM models WHERE tenant = $1 ORDER BY id`, tenant)
	if err != nil {
		return nil, annotate(err, "listing the models of %s", tenant)
	}
	out, err := scanModels(rows)
	return out, annotate(err, "listing the models of %s", tenant)
}
