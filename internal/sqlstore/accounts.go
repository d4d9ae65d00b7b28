package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/web/account"
)

// Accounts keeps users, sign-in links, sessions and API tokens. It implements
// account.Store.
type Accounts struct{ db *DB }

var _ account.Store = (*Accounts)(nil)

// Accounts returns the part of the database that says who may sign in.
func (db *DB) Accounts() *Accounts { return &Accounts{db: db} }

// PutUser adds a user, or changes an existing one's role and lets them in
// again.
func (a *Accounts) PutUser(ctx context.Context, u account.User) error {
	return a.db.withTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var tenant string
		err := tx.QueryRowContext(ctx, `
			INSERT INTO users (email, tenant, role, created) VALUES ($1, $2, $3, $4)
			ON CONFLICT (email) DO UPDATE SET disabled = 0,
				role = CASE WHEN users.tenant = excluded.tenant THEN excluded.role ELSE users.role END
			RETURNING tenant`,
			u.Email, u.Tenant, u.Role, toMillis(u.Created)).Scan(&tenant)
		if err == nil && tenant != u.Tenant {
			return devices.Errorf(devices.Conflict, "This address already belongs to a user of another tenant.")
		}
		return err
	})
}

// User returns the user of that address.
func (a *Accounts) User(ctx context.Context, email string) (account.User, error) {
	var u account.User
	err := a.db.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var err error
		u, err = scanUser(tx.QueryRowContext(ctx, userColumns+` FROM users WHERE email = $1`, email))
		return orNotFound(err, "There is no user with this address.")
	})
	return u, err
}

// ListUsers returns the tenant's users by address.
func (a *Accounts) ListUsers(ctx context.Context, tenant string) ([]account.User, error) {
	var users []account.User
	err := a.db.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		users = nil
		rows, err := tx.QueryContext(ctx, userColumns+` FROM users WHERE tenant = $1 ORDER BY email`, tenant)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			u, err := scanUser(rows)
			if err != nil {
				return err
			}
			users = append(users, u)
		}
		return rows.Err()
	})
	return users, err
}

// DisableUser lets the user in no more and ends what they have open.
func (a *Accounts) DisableUser(ctx context.Context, tenant, email string) error {
	return a.db.withTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := mustChange(tx.ExecContext(ctx, `UPDATE users SET disabled = 1 WHERE tenant = $1 AND email = $2`, tenant, email)); err != nil {
			return orNotFound(err, "There is no user with this address.")
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE email = $1`, email); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM sign_in_links WHERE email = $1`, email)
		return err
	})
}

// AddLink keeps a sign-in link's hash.
func (a *Accounts) AddLink(ctx context.Context, hash, email string, expires time.Time) error {
	return a.exec(ctx, `INSERT INTO sign_in_links (hash, email, expires) VALUES ($1, $2, $3)`, hash, email, expires.UnixMilli())
}

// LinkUser returns whose link it is and changes nothing.
func (a *Accounts) LinkUser(ctx context.Context, hash string, now time.Time) (account.User, error) {
	var u account.User
	err := a.db.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var err error
		u, err = linkUser(ctx, tx, hash, now)
		return err
	})
	return u, err
}

// UseLink uses the link up and adds the session.
func (a *Accounts) UseLink(ctx context.Context, hash string, now time.Time, session string) (account.User, error) {
	var u account.User
	err := a.db.withTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var err error
		if u, err = linkUser(ctx, tx, hash, now); err != nil {
			return err
		}
		// The condition decides between two that hold the same link.
		err = mustChange(tx.ExecContext(ctx, `UPDATE sign_in_links SET used = $2 WHERE hash = $1 AND used = 0`, hash, now.UnixMilli()))
		if err != nil {
			return orNotFound(err, "This link has been used.")
		}
		if _, err := tx.ExecContext(ctx, `UPDATE users SET signed_in = $2 WHERE email = $1`, u.Email, now.UnixMilli()); err != nil {
			return err
		}
		return addSession(ctx, tx, account.Session{Hash: session, Email: u.Email, Created: now, Seen: now})
	})
	return u, err
}

// Sweep forgets links that expired before links, and sessions last seen before
// sessions.
func (a *Accounts) Sweep(ctx context.Context, links, sessions time.Time) error {
	return a.db.withTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sign_in_links WHERE expires < $1`, links.UnixMilli()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE seen < $1`, sessions.UnixMilli())
		return err
	})
}

const userColumns = `SELECT tenant, email, role, created, signed_in, disabled`

func linkUser(ctx context.Context, tx *sql.Tx, hash string, now time.Time) (account.User, error) {
	u, err := scanUser(tx.QueryRowContext(ctx, `
		SELECT u.tenant, u.email, u.role, u.created, u.signed_in, u.disabled
		FROM sign_in_links l JOIN users u ON u.email = l.email
		WHERE l.hash = $1 AND l.used = 0 AND l.expires > $2 AND u.disabled = 0`, hash, now.UnixMilli()))
	return u, orNotFound(err, "This link has been used or has expired.")
}

func scanUser(row interface{ Scan(...any) error }) (account.User, error) {
	var u account.User
	var created, signedIn, disabled int64
	err := row.Scan(&u.Tenant, &u.Email, &u.Role, &created, &signedIn, &disabled)
	u.Created, u.SignedIn, u.Disabled = fromMillis(created), fromMillis(signedIn), disabled != 0
	return u, err
}

func (a *Accounts) exec(ctx context.Context, query string, args ...any) error {
	return a.db.withTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
}

// mustChange turns "no row was changed" into sql.ErrNoRows.
func mustChange(r sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		return sql.ErrNoRows
	}
	return err
}

func orNotFound(err error, message string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return devices.Errorf(devices.NotFound, "%s", message)
	}
	return err
}
