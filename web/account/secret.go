package account

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
)

const secretBytes = 32

// newSecret returns 256 random bits as text.
func newSecret() string {
	b := make([]byte, secretBytes)
	rand.Read(b) // never fails, crypto/rand ends the process instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// hash is what is stored of a secret. The secret has full entropy, so a plain
// hash cannot be guessed back, and looking up by hash gives timing away about
// the hash only.
func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// FormToken returns a token for the forms of the session's pages. It is masked
// with fresh random bytes, so that no two pages carry the same text and
// compression gives nothing away.
func FormToken(session string) string {
	b := make([]byte, 2*sha256.Size)
	rand.Read(b[:sha256.Size])
	key := formKey(session)
	subtle.XORBytes(b[sha256.Size:], b[:sha256.Size], key[:])
	return base64.RawURLEncoding.EncodeToString(b)
}

// CheckForm reports whether token was made by FormToken for this session.
func CheckForm(session, token string) bool {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if session == "" || err != nil || len(b) != 2*sha256.Size {
		return false
	}
	var got [sha256.Size]byte
	subtle.XORBytes(got[:], b[:sha256.Size], b[sha256.Size:])
	key := formKey(session)
	return subtle.ConstantTimeCompare(got[:], key[:]) == 1
}

func formKey(session string) [sha256.Size]byte {
	return sha256.Sum256([]byte("forecare form\x00" + session))
}
