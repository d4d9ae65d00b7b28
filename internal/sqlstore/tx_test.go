package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
)

// countUp reads a number and writes it back one higher, which is wrong under
// anything less than serializable.
func countUp(ctx context.Context, tx *sql.Tx) error {
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT revision FROM registry WHERE id = 1`).Scan(&n); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE registry SET revision = $1 WHERE id = 1`, n+1)
	return err
}

func revision(t *testing.T, db *sqlstore.DB) int64 {
	t.Helper()
	n, err := db.RegistryRevision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestConcurrentTransactionsAreSerializable(t *testing.T) {
	sqlstoretest.ForEachURL(t, func(t *testing.T, url string) {
		// Two handles stand for two processes: on SQLite they meet in the
		// file's lock, not in the pool of one connection.
		handles := []*sqlstore.DB{sqlstoretest.OpenURL(t, url), sqlstoretest.OpenURL(t, url)}
		const writers, each = 8, 15
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for range each {
					if err := handles[i%2].WithTx(t.Context(), countUp); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if got := revision(t, handles[0]); got != 1+writers*each {
			t.Errorf("counted to %d, want %d", got, 1+writers*each)
		}
	})
}

func TestFailedTransactionLeavesNothing(t *testing.T) {
	stop := errors.New("stop")
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		err := db.WithTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			return errors.Join(countUp(ctx, tx), stop)
		})
		if !errors.Is(err, stop) {
			t.Errorf("error is %v, want the one that was returned", err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = db.WithTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				if err := countUp(ctx, tx); err != nil {
					t.Error(err)
				}
				panic("defect")
			})
		}()
		if got := revision(t, db); got != 1 {
			t.Errorf("revision is %d, want 1", got)
		}
		if err := db.WithTx(t.Context(), countUp); err != nil { // the connection is free again
			t.Error(err)
		}
	})
}

func TestViewSeesOneMomentAndWritesNothing(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		err := db.View(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			var before, after int
			const query = `SELECT revision FROM registry WHERE id = 1`
			if err := tx.QueryRowContext(ctx, query).Scan(&before); err != nil {
				return err
			}
			if err := db.WithTx(ctx, countUp); err != nil {
				return err
			}
			if err := tx.QueryRowContext(ctx, query).Scan(&after); err != nil {
				return err
			}
			if before != after {
				t.Errorf("a view saw %d and then %d", before, after)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if err := db.View(t.Context(), countUp); err == nil {
			t.Error("a view could write")
		}
		if got := revision(t, db); got != 2 {
			t.Errorf("revision is %d, want 2", got)
		}
	})
}

func TestLostConnectionIsUnavailableAndMadeAgain(t *testing.T) {
	db := sqlstoretest.OpenURL(t, sqlstoretest.PostgresURL(t))
	err := db.WithTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		if err := countUp(ctx, tx); err != nil {
			return err
		}
		_, _ = tx.ExecContext(ctx, `SELECT pg_terminate_backend(pg_backend_pid())`)
		return countUp(ctx, tx)
	})
	wantCode(t, err, devices.Unavailable)
	if err := db.WithTx(t.Context(), countUp); err != nil {
		t.Error(err)
	}
	if got := revision(t, db); got != 2 {
		t.Errorf("revision is %d, want 2", got)
	}
}

func TestTransactionEndsWithItsContext(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.WithTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			if err := countUp(ctx, tx); err != nil {
				return err
			}
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v, want context.Canceled", err)
		}
		if got := revision(t, db); got != 1 {
			t.Errorf("revision is %d, want 1", got)
		}
	})
}
