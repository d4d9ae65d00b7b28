package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/forecare/forecare/outreach"
)

// Bookings returns the active bookings of a tenant that end after from.
func (db *DB) Bookings(ctx context.Context, tenant string, from time.Time) ([]outreach.Booking, error) {
	var list []outreach.Booking
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		list, err = readBookings(ctx, tx, tenant, from)
		return err
	})
	return list, annotate(err, "reading the bookings of %s", tenant)
}

func readBookings(ctx context.Context, tx *sql.Tx, tenant string, from time.Time) ([]outreach.Booking, error) {
	return query(ctx, tx, func(rows *sql.Rows) (b outreach.Booking, err error) {
		var starts, ends, booked int64
		err = rows.Scan(&b.Tenant, &b.Case, &b.Technician, &b.Place, &b.ID, &starts, &ends, &b.Zone, &booked)
		b.Start, b.End, b.Booked = fromMillis(starts), fromMillis(ends), fromMillis(booked)
		return b, err
	}, `SELECT tenant, case_id, technician, place, slot, starts, ends, zone, booked FROM bookings
		WHERE tenant = $1 AND active AND ends > $2 ORDER BY starts, technician, place`, tenant, toMillis(from))
}

// endBooking gives the case's active booking back, if it has one.
func endBooking(ctx context.Context, tx *sql.Tx, tenant, caseID string) error {
	ended, err := query(ctx, tx, func(rows *sql.Rows) (id string, err error) { return id, rows.Scan(&id) }, `UPDATE bookings SET active = FALSE WHERE tenant = $1 AND case_id = $2 AND active RETURNING id`, tenant, caseID)
	if err != nil {
		return err
	}
	for _, id := range ended {
		if _, err := tx.ExecContext(ctx, `DELETE FROM booking_cells WHERE tenant = $1 AND booking = $2`, tenant, id); err != nil {
			return err
		}
	}
	return nil
}

// insertBooking stores a booking and takes its cells. It is ErrPlaceTaken if
// one of them is not free.
func insertBooking(ctx context.Context, tx *sql.Tx, id string, b *outreach.Booking) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO bookings (tenant, id, case_id, technician, place, slot, starts, ends, zone, booked, active)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, TRUE)`,
		b.Tenant, id, b.Case, b.Technician, b.Place, b.ID, toMillis(b.Start), toMillis(b.End), b.Zone, toMillis(b.Booked))
	if err != nil {
		return err
	}
	first, end := b.Cells()
	for cell := first; cell < end; cell++ {
		result, err := tx.ExecContext(ctx, `INSERT INTO booking_cells (tenant, technician, cell, place, booking) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
			b.Tenant, b.Technician, cell, b.Place, id)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return orElse(err, outreach.ErrPlaceTaken)
		}
	}
	return nil
}
