package devices

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// NewToken returns a new device password: "fc_" and 32 random bytes in
// base64url. Nobody keeps it; the registry has its HashToken.
func NewToken() string {
	var b [32]byte
	rand.Read(b[:]) // never fails; the runtime ends the process rather
	return "fc_" + base64.RawURLEncoding.EncodeToString(b[:])
}

// HashToken returns what is stored of a token, its SHA-256 in hex. A slow hash
// would protect guessable passwords; a token has 256 random bits, and ten
// thousand devices that reconnect at once must not cost minutes.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
