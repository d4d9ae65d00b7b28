// Package email carries messages as mail through the maker's own SMTP server
// (a smarthost, RFC 6409): text, HTML and picture in one message, with a
// one-click way out (RFC 8058) and, where there is an appointment, an
// invitation.
package email

import (
	"context"
	"crypto/tls"
	"net/mail"
	"time"

	"github.com/forecare/forecare/outreach"
)

// Channel is an outreach.Channel named "email". It makes one connection per
// message and keeps none.
type Channel struct {
	address string // host:port
	host    string
	mode    string
	auth    credentials
	from    mail.Address
	replyTo *mail.Address
	domain  string // of from: names our Message-IDs
	hello   string
	signer  *DKIM
	tls     *tls.Config
	timeout time.Duration
	now     func() time.Time
}

// credentials never print: see Channel.String.
type credentials struct{ username, password string }

// Name returns "email".
func (c *Channel) Name() string { return "email" }

// String returns "email": the password never prints.
func (c *Channel) String() string { return c.Name() }

// GoString returns "email".
func (c *Channel) GoString() string { return c.Name() }

// Idempotent returns false. The Message-ID stays the same when a message is
// sent again, but hardly any receiver drops a second one for it.
func (c *Channel) Idempotent() bool { return false }

// Send hands the message to the SMTP server. Each of its three steps -
// connecting, naming sender and recipient, transferring - takes at most the
// configured timeout. The receipt's id is the Message-ID, which delivery
// reports name too.
func (c *Channel) Send(ctx context.Context, e outreach.Envelope) (outreach.Receipt, error) {
	to, err := recipient(e.To)
	if err != nil {
		return fail(outreach.BadAddress, err)
	}
	id := c.messageID(e.ID)
	content, err := c.write(e, to, id)
	if err != nil {
		return fail(outreach.BadContent, err)
	}
	if err := c.submit(ctx, to, content); err != nil {
		return outreach.Receipt{}, err
	}
	return outreach.Receipt{Provider: "<" + id + ">"}, nil
}

func fail(class outreach.SendClass, err error) (outreach.Receipt, error) {
	return outreach.Receipt{}, &outreach.SendError{Class: class, Err: err}
}
