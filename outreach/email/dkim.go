package email

import (
	"errors"
	"fmt"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// DKIM signs messages (RFC 6376), so that receivers believe the sender's
// domain and, with it, the one-click way out. Key is an RSA or Ed25519 private
// key in PEM, whose public half stands in DNS at
// {Selector}._domainkey.{Domain}.
type DKIM struct {
	Domain   string
	Selector string
	Key      []byte
}

// String names the key without showing it.
func (d DKIM) String() string { return d.Selector + "._domainkey." + d.Domain }

// GoString names the key without showing it.
func (d DKIM) GoString() string { return d.String() }

// signed are the headers that a receiver may rely on; RFC 8058 demands the two
// about unsubscribing. There is no room for more: go-mail 0.8.1 folds a longer
// list in the middle of a name and so breaks its own signature.
var signed = []string{"From", "To", "Subject", "Date", "Content-Type", "List-Unsubscribe", "List-Unsubscribe-Post"}

func (d *DKIM) check(from string) error {
	if d.Domain == "" || d.Selector == "" {
		return errors.New("email: DKIM wants a domain and a selector, under which the public key stands in DNS")
	}
	if !strings.EqualFold(from, d.Domain) && !strings.HasSuffix(strings.ToLower(from), "."+strings.ToLower(d.Domain)) {
		return fmt.Errorf("email: DKIM signs for %s, but mail comes from %s: receivers would not connect the two", d.Domain, from)
	}
	if _, err := gomail.PrivKeyFromPEM(d.Key); err != nil {
		return errors.New("email: the DKIM key is not an RSA or Ed25519 private key in PEM")
	}
	return nil
}

// signer returns a signer for one message: the library's is not for concurrent
// use.
func (d *DKIM) signer(now func() time.Time) *gomail.DKIMSigner {
	key, err := gomail.PrivKeyFromPEM(d.Key)
	if err != nil {
		return nil // cannot be: see check
	}
	s := gomail.NewDKIMSigner(d.Domain, d.Selector, key)
	s.NowFunc = now
	s.SignHeaders(signed...)
	return s
}
