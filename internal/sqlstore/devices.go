package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
)

const deviceColumns = `tenant, device, model, firmware, site, site_name, lat, lon, zone, owner, gateway, disabled, created, updated`

// AddDevice registers a device with the hash of its first token. It is a
// Conflict if the device exists, Invalid if it is not valid.
func (db *DB) AddDevice(ctx context.Context, d devices.Device, tokenHash string) error {
	return db.SaveDevices(ctx, []devices.Registration{{Device: d, TokenHash: tokenHash}}, nil)
}

// UpdateDevice changes everything about a device but its credentials, its
// creation and Disabled, which has SetDeviceDisabled: an update that began
// before a device was shut out must not let it in again. It is NotFound if the
// device does not exist.
func (db *DB) UpdateDevice(ctx context.Context, d devices.Device) error {
	return db.SaveDevices(ctx, nil, []devices.Device{d})
}

// SaveDevices adds and updates devices: all of them or, with an error, none.
// The error is Invalid, Conflict (one of added exists) or NotFound (one of
// updated does not).
func (db *DB) SaveDevices(ctx context.Context, added []devices.Registration, updated []devices.Device) error {
	for i := range added {
		if err := added[i].Validate(); err != nil {
			return err
		}
	}
	for i := range updated {
		if err := updated[i].Validate(); err != nil {
			return err
		}
	}
	now := time.Now()
	return annotate(db.changeRegistry(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for i := range added {
			if err := insertDevice(ctx, tx, added[i], now); err != nil {
				return err
			}
		}
		for i := range updated {
			if err := updateDevice(ctx, tx, &updated[i], now); err != nil {
				return err
			}
		}
		return nil
	}), "saving devices")
}

func insertDevice(ctx context.Context, tx *sql.Tx, r devices.Registration, now time.Time) error {
	d := &r.Device
	if d.Created.IsZero() {
		d.Created = now
	}
	result, err := tx.ExecContext(ctx, `INSERT INTO devices (`+deviceColumns+`, search)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (tenant, device) DO NOTHING`,
		d.Tenant, d.Device, d.Model, d.Firmware, d.Site.ID, d.Site.Name, d.Site.Lat, d.Site.Lon, d.Site.Zone,
		d.Owner, d.Gateway, d.Disabled, toMillis(d.Created), toMillis(now), searchText(d))
	if err != nil {
		return fmt.Errorf("adding the device %s: %w", d.Key, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return orElse(err, devices.Errorf(devices.Conflict, "The device %s is registered already.", d.Key))
	}
	return insertCredential(ctx, tx, d.Key, r.TokenHash, now)
}

func updateDevice(ctx context.Context, tx *sql.Tx, d *devices.Device, now time.Time) error {
	result, err := tx.ExecContext(ctx, `UPDATE devices SET model = $3, firmware = $4, site = $5, site_name = $6, lat = $7, lon = $8,
		zone = $9, owner = $10, gateway = $11, updated = $12, search = $13 WHERE tenant = $1 AND device = $2`,
		d.Tenant, d.Device, d.Model, d.Firmware, d.Site.ID, d.Site.Name, d.Site.Lat, d.Site.Lon,
		d.Site.Zone, d.Owner, d.Gateway, toMillis(now), searchText(d))
	if err != nil {
		return fmt.Errorf("changing the device %s: %w", d.Key, err)
	}
	return mustHaveChanged(result, d.Key)
}

// searchText is what DeviceFilter.Text is looked for in. It is made here
// because the databases do not agree on small letters beyond ASCII.
func searchText(d *devices.Device) string {
	return strings.ToLower(strings.Join([]string{d.Device, d.Model, d.Site.ID, d.Site.Name, d.Owner, d.Firmware}, "\n"))
}

// SetDeviceDisabled shuts a device out, or lets it in again. It is NotFound if
// the device does not exist.
func (db *DB) SetDeviceDisabled(ctx context.Context, key devices.Key, disabled bool) error {
	return annotate(db.changeRegistry(ctx, func(ctx context.Context, tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `UPDATE devices SET disabled = $3, updated = $4 WHERE tenant = $1 AND device = $2`,
			key.Tenant, key.Device, disabled, toMillis(time.Now()))
		if err != nil {
			return err
		}
		return mustHaveChanged(result, key)
	}), "disabling or enabling the device %s", key)
}

// Device returns the device, or NotFound.
func (db *DB) Device(ctx context.Context, key devices.Key) (devices.Device, error) {
	row := db.read.QueryRowContext(ctx, `SELECT `+deviceColumns+` FROM devices WHERE tenant = $1 AND device = $2`, key.Tenant, key.Device)
	d, err := scanDevice(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return d, noDevice(key)
	}
	return d, annotate(err, "reading the device %s", key)
}

// DeviceFilter is devices.DeviceFilter, where it can be named by who may not
// import this package.
type DeviceFilter = devices.DeviceFilter

// ListDevices returns the devices that fit, ordered by id, and how many there
// are without Limit and Offset.
func (db *DB) ListDevices(ctx context.Context, f DeviceFilter) ([]devices.Device, int, error) {
	limit := f.Limit
	if limit <= 0 {
		limit = math.MaxInt32
	}
	const where = ` FROM devices WHERE tenant = $1 AND ($2 = '' OR model = $2) AND search LIKE $3 ESCAPE '\'`
	pattern := "%" + likeEscaper().Replace(strings.ToLower(strings.TrimSpace(f.Text))) + "%"
	var out []devices.Device
	var total int
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*)`+where, f.Tenant, f.Model, pattern).Scan(&total); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT `+deviceColumns+where+` ORDER BY device LIMIT $4 OFFSET $5`, f.Tenant, f.Model, pattern, limit, max(f.Offset, 0))
		if err != nil {
			return err
		}
		out, err = scanDevices(rows)
		return err
	})
	return out, total, annotate(err, "listing the devices of %s", f.Tenant)
}

func likeEscaper() *strings.Replacer {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
}

func scanDevices(rows *sql.Rows) ([]devices.Device, error) {
	defer rows.Close()
	var out []devices.Device
	for rows.Next() {
		d, err := scanDevice(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

func scanDevice(scan func(...any) error) (devices.Device, error) {
	var d devices.Device
	var created, updated int64
	err := scan(&d.Tenant, &d.Device, &d.Model, &d.Firmware, &d.Site.ID, &d.Site.Name, &d.Site.Lat, &d.Site.Lon, &d.Site.Zone,
		&d.Owner, &d.Gateway, &d.Disabled, &created, &updated)
	d.Created, d.Updated = fromMillis(created), fromMillis(updated)
	return d, err
}

func noDevice(key devices.Key) error {
	return devices.Errorf(devices.NotFound, "There is no device %s.", key)
}

func mustHaveChanged(result sql.Result, key devices.Key) error {
	n, err := result.RowsAffected()
	if err != nil || n > 0 {
		return err
	}
	return noDevice(key)
}

// orElse returns err, or other if there is none.
func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
