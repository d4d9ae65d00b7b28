package outreach

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"log/slog"
	"net/url"
	"time"

	"github.com/forecare/forecare/devices"
)

// GrantPurpose is what a link may be used for.
type GrantPurpose string

// The purposes of a grant.
const (
	GrantOwner       GrantPurpose = "owner"       // the owner's page and all that it does
	GrantUnsubscribe GrantPurpose = "unsubscribe" // OptOut, nothing else
)

// Grant is what a valid token allows: one contact, one case, one purpose.
type Grant struct {
	Tenant  string       `json:"tenant"`
	Case    string       `json:"case"`
	Contact string       `json:"contact"`
	Purpose GrantPurpose `json:"purpose"`
	Expires time.Time    `json:"expires"`
}

// Links makes and checks the signed links that owners get. Base is the public
// address of the web server. Key signs and has 32 random bytes; Old are former
// keys whose links are still good. Without a key of that length no link is.
//
// A token is base64url of: format 1, four bytes that name the key, purpose,
// expiry, the three names, and 16 bytes of HMAC-SHA-256 over all of it.
type Links struct {
	Base *url.URL
	Key  []byte
	Old  [][]byte
}

const (
	linkKeySize = 32
	linkMACSize = 16
	linkFormat  = 1
)

// LogValue keeps the keys out of logs.
func (l *Links) LogValue() slog.Value { return slog.StringValue(l.String()) }

// String returns the base address only.
func (l *Links) String() string { return "links below " + l.Base.Redacted() }

// Owner returns the URL of the owner's page, {base}/o/{token}.
func (l *Links) Owner(tenant, caseID, contact string, expires time.Time) string {
	return l.Base.JoinPath("o", l.token(Grant{tenant, caseID, contact, GrantOwner, expires})).String()
}

// Unsubscribe returns the one-click URL, {base}/u/{token}.
func (l *Links) Unsubscribe(tenant, caseID, contact string, expires time.Time) string {
	return l.Base.JoinPath("u", l.token(Grant{tenant, caseID, contact, GrantUnsubscribe, expires})).String()
}

// Parse checks a token and returns what it grants: devices.Unauthorized if it
// is not one of ours, devices.Forbidden if it was and has expired.
func (l *Links) Parse(token string, now time.Time) (Grant, error) {
	unknown := devices.Errorf(devices.Unauthorized, "This link is not complete or not ours. Please open it again from the message.")
	if len(token) > 1024 {
		return Grant{}, unknown
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < 6+linkMACSize || raw[0] != linkFormat {
		return Grant{}, unknown
	}
	signed, mac := raw[:len(raw)-linkMACSize], raw[len(raw)-linkMACSize:]
	key := l.key([4]byte(raw[1:5]))
	if key == nil || !hmac.Equal(mac, sign(key, signed)) {
		return Grant{}, unknown
	}
	g, ok := readGrant(signed[5:])
	if !ok {
		return Grant{}, unknown
	}
	if !now.Before(g.Expires) {
		return Grant{}, devices.Errorf(devices.Forbidden, "This link has expired. If something is still open, you will get a new one.")
	}
	return g, nil
}

func (l *Links) token(g Grant) string {
	id := keyID(l.Key)
	b := append([]byte{linkFormat}, id[:]...)
	b = append(b, grantCode(g.Purpose))
	b = binary.AppendUvarint(b, uint64(g.Expires.Unix()))
	for _, s := range []string{g.Tenant, g.Case, g.Contact} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return base64.RawURLEncoding.EncodeToString(append(b, sign(l.Key, b)...))
}

func readGrant(b []byte) (Grant, bool) {
	var g Grant
	switch b[0] {
	case 'o':
		g.Purpose = GrantOwner
	case 'u':
		g.Purpose = GrantUnsubscribe
	default:
		return g, false
	}
	b = b[1:]
	expires, n := binary.Uvarint(b)
	if n <= 0 {
		return g, false
	}
	b = b[n:]
	g.Expires = time.Unix(int64(expires), 0).UTC()
	for _, s := range []*string{&g.Tenant, &g.Case, &g.Contact} {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return g, false
		}
		*s = string(b[n : n+int(size)])
		b = b[n+int(size):]
	}
	return g, len(b) == 0
}

func grantCode(p GrantPurpose) byte {
	if p == GrantUnsubscribe {
		return 'u'
	}
	return 'o'
}

// key returns the key of that id, nil if there is none that is long enough.
func (l *Links) key(id [4]byte) []byte {
	for _, k := range append([][]byte{l.Key}, l.Old...) {
		if len(k) >= linkKeySize && keyID(k) == id {
			return k
		}
	}
	return nil
}

func keyID(key []byte) [4]byte {
	sum := sha256.Sum256(append([]byte("forecare link key "), key...))
	return [4]byte(sum[:4])
}

func sign(key, b []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("forecare link "))
	h.Write(b)
	return h.Sum(nil)[:linkMACSize]
}
