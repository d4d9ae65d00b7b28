package account

import (
	"context"
	"time"
)

// Store keeps users, links, sessions and tokens durably. It is given hashes,
// never secrets. What is not there is a devices.NotFound error. Every method
// may be called concurrently.
type Store interface {
	// PutUser adds the user, or gives an existing one this role and lets them
	// in again if they were disabled. An address that belongs to another
	// tenant is a devices.Conflict.
	PutUser(ctx context.Context, u User) error
	User(ctx context.Context, email string) (User, error)
	ListUsers(ctx context.Context, tenant string) ([]User, error)
	// DisableUser ends the user's sessions and links as well.
	DisableUser(ctx context.Context, tenant, email string) error

	AddLink(ctx context.Context, hash, email string, expires time.Time) error
	// LinkUser returns whose link it is, if it is unused, unexpired and the
	// user is not disabled. It changes nothing.
	LinkUser(ctx context.Context, hash string, now time.Time) (User, error)
	// UseLink does what LinkUser does, marks the link used and adds the
	// session, all or nothing. Of two callers with one link one succeeds.
	UseLink(ctx context.Context, hash string, now time.Time, session string) (User, error)

	AddSession(ctx context.Context, s Session) error
	// Session returns the session with the identity that it has now: none if
	// the user is disabled or the token revoked.
	Session(ctx context.Context, hash string) (Session, Identity, error)
	TouchSession(ctx context.Context, hash string, seen time.Time) error
	EndSession(ctx context.Context, hash string) error

	AddToken(ctx context.Context, t Token, hash string) error
	// TokenByHash finds tokens that are not revoked.
	TokenByHash(ctx context.Context, hash string) (Token, error)
	TouchToken(ctx context.Context, id string, used time.Time) error
	ListTokens(ctx context.Context, tenant string) ([]Token, error)
	RevokeToken(ctx context.Context, tenant, id string, at time.Time) error

	// Sweep forgets links that expired and sessions last seen before.
	Sweep(ctx context.Context, links, sessions time.Time) error
}
