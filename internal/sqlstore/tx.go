package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/forecare/forecare/devices"
)

// withTx runs fn in one serializable transaction and commits it. If another
// writer got in between, everything is rolled back and fn runs again, so fn
// must change nothing but the database. On SQLite the transaction holds the
// only write lock from its start: fn must not call back into db, and not wait
// for anything.
func (db *DB) withTx(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	const patience = 15 * time.Second
	start := time.Now()
	for attempt := 1; ; attempt++ {
		err := db.once(ctx, db.write, db.txOptions, fn)
		if !conflicted(err) || time.Since(start) > patience || !pause(ctx, backoff(attempt)) {
			return classify(err)
		}
	}
}

// view runs fn in one read-only transaction, in which all queries see the same
// moment.
func (db *DB) view(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	options := &sql.TxOptions{ReadOnly: true}
	if db.txOptions != nil {
		options.Isolation = sql.LevelRepeatableRead
	}
	return classify(db.once(ctx, db.read, options, fn))
}

func (db *DB) once(ctx context.Context, pool *sql.DB, options *sql.TxOptions, fn func(ctx context.Context, tx *sql.Tx) error) error {
	tx, err := pool.BeginTx(ctx, options)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after Commit it does nothing
	if err := fn(ctx, tx); err != nil {
		return err
	}
	err = tx.Commit()
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		return ctx.Err() // database/sql rolled back when ctx ended
	}
	return err
}

// pause waits for d and reports false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// backoff doubles from 2 ms and is spread, so that two writers which collided
// do not collide again.
func backoff(attempt int) time.Duration {
	top := time.Millisecond << min(attempt, 8)
	return top + rand.N(top)
}

// conflicted reports whether the transaction failed only because of another
// one, and changed nothing.
func conflicted(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		primary := e.Code() & 0xff
		return primary == sqlite3.SQLITE_BUSY || primary == sqlite3.SQLITE_LOCKED
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code == "40001" || e.Code == "40P01" // serialization failure, deadlock
	}
	return false
}

// classify makes passing faults Unavailable and leaves other errors alone.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*devices.Error](err); ok {
		return err
	}
	if conflicted(err) || unreachable(err) {
		return devices.Wrap(err, devices.Unavailable, "The database cannot be reached just now. Please try again in a moment.")
	}
	return err
}

// unreachable reports whether the database is away or full for now.
func unreachable(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code[:min(2, len(e.Code))] {
		case "08", "53", "57": // connection, resources, operator intervention (shutdown)
			return true
		}
		return false
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()&0xff == sqlite3.SQLITE_FULL
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true // the connection broke in the middle
	}
	_, network := errors.AsType[net.Error](err)
	// A deadline of the caller is a net.Error too, but says nothing of the database.
	return network && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
}

// annotate says what was being done when err came, and classifies it. It
// returns nil for nil.
func annotate(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), classify(err))
}

// toMillis is how an instant is stored: Unix milliseconds, 0 for the zero time.
func toMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// fromMillis is the inverse of toMillis; the time is in UTC.
func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
