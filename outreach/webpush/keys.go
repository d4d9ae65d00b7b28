package webpush

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strings"
)

// NewKeys returns a new VAPID key pair, base64url. The caller keeps it: it has
// to stay the same for as long as there are subscriptions.
func NewKeys() (public, private string, err error) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return "", "", fmt.Errorf("webpush: making keys: %w", err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode(key.PublicKey().Bytes()), encode(key.Bytes()), nil
}

// keyPair is a checked VAPID key pair, base64url.
type keyPair struct{ public, private string }

func parseKeys(public, private string) (keyPair, error) {
	raw, err := decode(private)
	if err != nil {
		return keyPair{}, errors.New("webpush: the private VAPID key is not base64url")
	}
	key, err := ecdh.P256().NewPrivateKey(raw)
	if err != nil {
		return keyPair{}, errors.New("webpush: the private VAPID key is not one of curve P-256")
	}
	encode := base64.RawURLEncoding.EncodeToString
	pair := keyPair{public: encode(key.PublicKey().Bytes()), private: encode(raw)}
	if given, err := decode(public); err != nil || encode(given) != pair.public {
		return keyPair{}, errors.New("webpush: the public VAPID key does not belong to the private one")
	}
	return pair, nil
}

// parseSubject returns the contact as the library wants it: a bare mail
// address or an https URL.
func parseSubject(s string) (string, error) {
	if u, err := url.Parse(s); err == nil && u.Scheme == "https" && u.Host != "" {
		return s, nil
	}
	bare := strings.TrimPrefix(s, "mailto:")
	if a, err := mail.ParseAddress(bare); err == nil && a.Address == bare {
		return bare, nil
	}
	return "", errors.New("webpush: the subject is neither a mail address nor an https URL; push services want to know whom to ask")
}

// decode reads base64url, with or without padding, and plain base64, which
// some browsers' libraries write.
func decode(s string) ([]byte, error) {
	s = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(s, "="))
	return base64.RawURLEncoding.DecodeString(s)
}
