package account

import "time"

// Identity is who makes a request. Exactly one of Email and Token is set.
type Identity struct {
	Tenant string
	Email  string // of the user
	Token  string // id of the API token
	Name   string // of the API token, as its maker called it
	Role   Role
}

// Actor names the identity in a case's history.
func (i Identity) Actor() string {
	if i.Token != "" {
		return "token:" + i.Name
	}
	return i.Email
}

// User is a person who may sign in. Email is unique on the whole platform and
// kept in lower case.
type User struct {
	Tenant   string    `json:"tenant"`
	Email    string    `json:"email"`
	Role     Role      `json:"role"`
	Created  time.Time `json:"created"`
	SignedIn time.Time `json:"signed_in,omitzero"` // last time
	Disabled bool      `json:"disabled,omitempty"`
}

// Token is an API token without its secret.
type Token struct {
	ID       string    `json:"id"`
	Tenant   string    `json:"tenant"`
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	Created  time.Time `json:"created"`
	Creator  string    `json:"creator"`            // actor who made it
	LastUsed time.Time `json:"last_used,omitzero"` // to the minute
	Revoked  time.Time `json:"revoked,omitzero"`
}

// Session is a signed-in browser, of a user or of a token. Hash is of its
// cookie.
type Session struct {
	Hash    string
	Email   string // "" for a token's session
	Token   string // "" for a user's session
	Created time.Time
	Seen    time.Time // last request, to the minute
}
