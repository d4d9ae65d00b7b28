package account

import (
	"context"
	"net/mail"
	"net/url"
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
)

const (
	// LinkLife is how long a sign-in link waits for its one use.
	LinkLife = 15 * time.Minute
	// IdleLife is how long a session lives without a request.
	IdleLife = 12 * time.Hour
	// SessionLife is how long a session lives at most.
	SessionLife = 14 * 24 * time.Hour

	tokenPrefix = "fca_"
	touchEvery  = time.Minute
)

// Options are what an Accounts needs. Store and PublicURL are required. Send,
// if given, carries a sign-in link to the user's address; without it links are
// made by an admin or at the command line only.
type Options struct {
	Store     Store
	PublicURL *url.URL
	Send      func(ctx context.Context, to User, link string) error
	Now       func() time.Time
}

// Accounts lets people and programs in. It is safe for concurrent use.
type Accounts struct {
	store Store
	base  *url.URL
	send  func(ctx context.Context, to User, link string) error
	now   func() time.Time
}

// New returns an Accounts. It touches nothing.
func New(o Options) *Accounts {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Accounts{store: o.Store, base: o.PublicURL, send: o.Send, now: o.Now}
}

// CanSend reports whether people can have a link sent to them.
func (a *Accounts) CanSend() bool { return a.send != nil }

// NewLink makes the person a user of the tenant with that role, if they are
// not yet, and returns a link that signs them in once within LinkLife. Whoever
// holds the link is that person: show it to them only.
func (a *Accounts) NewLink(ctx context.Context, tenant, email string, role Role) (string, error) {
	email, err := normal(email)
	if err != nil {
		return "", err
	}
	if !devices.ValidID(tenant) {
		return "", devices.Errorf(devices.Invalid, "%q is not a tenant's name; use letters, digits and . _ : - only.", tenant)
	}
	if _, err := ParseRole(string(role)); err != nil {
		return "", err
	}
	if err := a.store.PutUser(ctx, User{Tenant: tenant, Email: email, Role: role, Created: a.now()}); err != nil {
		return "", err
	}
	return a.link(ctx, email)
}

// Request sends a sign-in link to the address if it is a user's. It returns
// nil in either case, so that nobody can find out whose address is known.
func (a *Accounts) Request(ctx context.Context, email string) error {
	if a.send == nil {
		return devices.Errorf(devices.Forbidden, "This Forecare cannot send mail. Ask an admin for a sign-in link.")
	}
	email, err := normal(email)
	if err != nil {
		return err
	}
	u, err := a.store.User(ctx, email)
	if devices.CodeOf(err) == devices.NotFound || (err == nil && u.Disabled) {
		return nil
	}
	if err != nil {
		return err
	}
	link, err := a.link(ctx, email)
	if err != nil {
		return err
	}
	return a.send(ctx, u, link)
}

// Peek returns whom a link signs in. It changes nothing, so a mail scanner may
// follow the link as often as it likes.
func (a *Accounts) Peek(ctx context.Context, link string) (User, error) {
	u, err := a.store.LinkUser(ctx, hash(link), a.now())
	return u, linkError(err)
}

// SignIn uses the link up and returns the secret of a new session.
func (a *Accounts) SignIn(ctx context.Context, link string) (session string, err error) {
	session = newSecret()
	if _, err := a.store.UseLink(ctx, hash(link), a.now(), hash(session)); err != nil {
		return "", linkError(err)
	}
	return session, nil
}

// SignInWithToken returns the secret of a new session that has the API token's
// rights and ends with it.
func (a *Accounts) SignInWithToken(ctx context.Context, token string) (session string, err error) {
	id, err := a.Bearer(ctx, token)
	if err != nil {
		return "", err
	}
	session = newSecret()
	now := a.now()
	err = a.store.AddSession(ctx, Session{Hash: hash(session), Token: id.Token, Created: now, Seen: now})
	return session, err
}

// Resume returns who holds the session, or devices.Unauthorized. What a user
// may do is looked up each time, so that a change of role or a revocation
// holds from the next request on.
func (a *Accounts) Resume(ctx context.Context, session string) (Identity, error) {
	h, now := hash(session), a.now()
	s, id, err := a.store.Session(ctx, h)
	if devices.CodeOf(err) == devices.NotFound {
		return Identity{}, devices.Errorf(devices.Unauthorized, "Please sign in again.")
	}
	if err != nil {
		return Identity{}, err
	}
	if now.Sub(s.Seen) > IdleLife || now.Sub(s.Created) > SessionLife {
		return Identity{}, devices.Errorf(devices.Unauthorized, "You were signed out after a while without activity. Please sign in again.")
	}
	if now.Sub(s.Seen) >= touchEvery {
		if err := a.store.TouchSession(ctx, h, now); err != nil {
			return Identity{}, err
		}
	}
	return id, nil
}

// SignOut ends the session.
func (a *Accounts) SignOut(ctx context.Context, session string) error {
	return a.store.EndSession(ctx, hash(session))
}

// Bearer returns whose API token it is, or devices.Unauthorized.
func (a *Accounts) Bearer(ctx context.Context, token string) (Identity, error) {
	t, err := a.store.TokenByHash(ctx, hash(strings.TrimSpace(token)))
	if devices.CodeOf(err) == devices.NotFound {
		return Identity{}, devices.Errorf(devices.Unauthorized, "This API token is not valid, or was revoked.")
	}
	if err != nil {
		return Identity{}, err
	}
	if now := a.now(); now.Sub(t.LastUsed) >= touchEvery {
		if err := a.store.TouchToken(ctx, t.ID, now); err != nil {
			return Identity{}, err
		}
	}
	return Identity{Tenant: t.Tenant, Token: t.ID, Name: t.Name, Role: t.Role}, nil
}

// NewToken makes an API token. The secret is returned once and kept nowhere.
func (a *Accounts) NewToken(ctx context.Context, tenant, name string, role Role, creator string) (secret string, t Token, err error) {
	name = strings.TrimSpace(name)
	if n := len([]rune(name)); n == 0 || n > 60 {
		return "", Token{}, devices.Errorf(devices.Invalid, "Give the token a name of 1 to 60 characters, such as the program that will use it.")
	}
	if !devices.ValidID(tenant) {
		return "", Token{}, devices.Errorf(devices.Invalid, "%q is not a tenant's name.", tenant)
	}
	if _, err := ParseRole(string(role)); err != nil {
		return "", Token{}, err
	}
	secret = tokenPrefix + newSecret()
	t = Token{ID: "tok_" + newSecret()[:12], Tenant: tenant, Name: name, Role: role, Created: a.now(), Creator: creator}
	if err := a.store.AddToken(ctx, t, hash(secret)); err != nil {
		return "", Token{}, err
	}
	return secret, t, nil
}

// Tokens lists the tenant's API tokens, newest first.
func (a *Accounts) Tokens(ctx context.Context, tenant string) ([]Token, error) {
	return a.store.ListTokens(ctx, tenant)
}

// Revoke ends an API token and the sessions made with it, at once.
func (a *Accounts) Revoke(ctx context.Context, tenant, id string) error {
	return a.store.RevokeToken(ctx, tenant, id, a.now())
}

// Users lists the tenant's users by address.
func (a *Accounts) Users(ctx context.Context, tenant string) ([]User, error) {
	return a.store.ListUsers(ctx, tenant)
}

// Disable signs the user out everywhere and lets them in no more, until
// NewLink is called for them again.
func (a *Accounts) Disable(ctx context.Context, tenant, email string) error {
	email, err := normal(email)
	if err != nil {
		return err
	}
	return a.store.DisableUser(ctx, tenant, email)
}

// Sweep forgets links and sessions that can be used no more.
func (a *Accounts) Sweep(ctx context.Context) error {
	now := a.now()
	return a.store.Sweep(ctx, now, now.Add(-IdleLife))
}

func (a *Accounts) link(ctx context.Context, email string) (string, error) {
	secret := newSecret()
	if err := a.store.AddLink(ctx, hash(secret), email, a.now().Add(LinkLife)); err != nil {
		return "", err
	}
	return a.base.JoinPath("signin", secret).String(), nil
}

func linkError(err error) error {
	if devices.CodeOf(err) == devices.NotFound {
		return devices.Errorf(devices.Unauthorized, "This sign-in link has been used or is older than %d minutes. Ask for a new one.", int(LinkLife.Minutes()))
	}
	return err
}

func normal(email string) (string, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > 254 {
		return "", devices.Errorf(devices.Invalid, "%q is not a mail address.", email)
	}
	return email, nil
}
