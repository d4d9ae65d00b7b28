package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/web/account"
)

// AddSession keeps a session by the hash of its cookie.
func (a *Accounts) AddSession(ctx context.Context, s account.Session) error {
	return a.db.withTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return addSession(ctx, tx, s) })
}

// Session returns a session and whom it stands for right now.
func (a *Accounts) Session(ctx context.Context, hash string) (account.Session, account.Identity, error) {
	s := account.Session{Hash: hash}
	var id account.Identity
	err := a.db.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var email, token, userTenant, userRole, tokenTenant, tokenRole, name sql.NullString
		var disabled, revoked sql.NullInt64
		var created, seen int64
		err := tx.QueryRowContext(ctx, `
			SELECT s.email, s.token, s.created, s.seen, u.tenant, u.role, u.disabled, t.tenant, t.role, t.name, t.revoked
			FROM sessions s
			LEFT JOIN users u ON u.email = s.email
			LEFT JOIN api_tokens t ON t.id = s.token
			WHERE s.hash = $1`, hash).
			Scan(&email, &token, &created, &seen, &userTenant, &userRole, &disabled, &tokenTenant, &tokenRole, &name, &revoked)
		if err != nil {
			return orNotFound(err, "There is no such session.")
		}
		s.Email, s.Token, s.Created, s.Seen = email.String, token.String, fromMillis(created), fromMillis(seen)
		switch {
		case userTenant.Valid && disabled.Int64 == 0:
			id = account.Identity{Tenant: userTenant.String, Email: email.String, Role: account.Role(userRole.String)}
		case tokenTenant.Valid && revoked.Int64 == 0:
			id = account.Identity{Tenant: tokenTenant.String, Token: token.String, Name: name.String, Role: account.Role(tokenRole.String)}
		default:
			return devices.Errorf(devices.NotFound, "There is no such session.")
		}
		return nil
	})
	return s, id, err
}

// TouchSession says when the session was last used.
func (a *Accounts) TouchSession(ctx context.Context, hash string, seen time.Time) error {
	return a.exec(ctx, `UPDATE sessions SET seen = $2 WHERE hash = $1`, hash, seen.UnixMilli())
}

// EndSession forgets the session; ending it twice is no error.
func (a *Accounts) EndSession(ctx context.Context, hash string) error {
	return a.exec(ctx, `DELETE FROM sessions WHERE hash = $1`, hash)
}

// AddToken keeps an API token by the hash of its secret.
func (a *Accounts) AddToken(ctx context.Context, t account.Token, hash string) error {
	return a.exec(ctx, `INSERT INTO api_tokens (id, hash, tenant, name, role, created, creator) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		t.ID, hash, t.Tenant, t.Name, t.Role, t.Created.UnixMilli(), t.Creator)
}

// TokenByHash returns the unrevoked token with that hash.
func (a *Accounts) TokenByHash(ctx context.Context, hash string) (account.Token, error) {
	var t account.Token
	err := a.db.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var err error
		t, err = scanToken(tx.QueryRowContext(ctx, tokenColumns+` FROM api_tokens WHERE hash = $1 AND revoked = 0`, hash))
		return orNotFound(err, "There is no such token.")
	})
	return t, err
}

// TouchToken says when the token was last used.
func (a *Accounts) TouchToken(ctx context.Context, id string, used time.Time) error {
	return a.exec(ctx, `UPDATE api_tokens SET last_used = $2 WHERE id = $1`, id, used.UnixMilli())
}

// ListTokens returns the tenant's tokens, newest first.
func (a *Accounts) ListTokens(ctx context.Context, tenant string) ([]account.Token, error) {
	var tokens []account.Token
	err := a.db.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		tokens = nil
		rows, err := tx.QueryContext(ctx, tokenColumns+` FROM api_tokens WHERE tenant = $1 ORDER BY created DESC, id`, tenant)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			t, err := scanToken(rows)
			if err != nil {
				return err
			}
			tokens = append(tokens, t)
		}
		return rows.Err()
	})
	return tokens, err
}

// RevokeToken ends a token and its sessions. Revoking twice keeps the first
// time.
func (a *Accounts) RevokeToken(ctx context.Context, tenant, id string, at time.Time) error {
	return a.db.withTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		err := mustChange(tx.ExecContext(ctx, `
			UPDATE api_tokens SET revoked = CASE WHEN revoked = 0 THEN $3 ELSE revoked END
			WHERE tenant = $1 AND id = $2`, tenant, id, at.UnixMilli()))
		if err != nil {
			return orNotFound(err, "There is no such token.")
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM sessions WHERE token = $1`, id)
		return err
	})
}

const tokenColumns = `SELECT id, tenant, name, role, created, creator, last_used, revoked`

func scanToken(row interface{ Scan(...any) error }) (account.Token, error) {
	var t account.Token
	var created, lastUsed, revoked int64
	err := row.Scan(&t.ID, &t.Tenant, &t.Name, &t.Role, &created, &t.Creator, &lastUsed, &revoked)
	t.Created, t.LastUsed, t.Revoked = fromMillis(created), fromMillis(lastUsed), fromMillis(revoked)
	return t, err
}

func addSession(ctx context.Context, tx *sql.Tx, s account.Session) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO sessions (hash, email, token, created, seen) VALUES ($1, $2, $3, $4, $5)`,
		s.Hash, sql.NullString{String: s.Email, Valid: s.Email != ""}, sql.NullString{String: s.Token, Valid: s.Token != ""},
		s.Created.UnixMilli(), s.Seen.UnixMilli())
	return err
}
