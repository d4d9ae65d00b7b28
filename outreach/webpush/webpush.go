// Package webpush carries messages to an owner's browser (RFC 8030), encrypted
// for it (RFC 8291) and signed for its push service (RFC 8292).
package webpush

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"time"

	push "github.com/SherClockHolmes/webpush-go"

	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/outreach/egress"
)

// Options is what a Channel is made of.
type Options struct {
	// Public and Private are the VAPID key pair from NewKeys. Every
	// subscription is bound to it: with another pair all of them are dead.
	Public, Private string
	// Subject is whom a push service may complain to: a mail address or an
	// https URL.
	Subject string
	// AllowedHosts are push services besides the browsers' own, as "host" or
	// "host:port". They may have a private address and go without TLS.
	AllowedHosts []string
	// Timeout bounds one request; 0 means 20 s.
	Timeout time.Duration
	// RootCAs is whom to believe; nil means the system's list.
	RootCAs *x509.CertPool
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// LogValue hides the private key.
func (o Options) LogValue() slog.Value {
	return slog.GroupValue(slog.String("public", o.Public), slog.String("subject", o.Subject), slog.Any("allowed_hosts", o.AllowedHosts))
}

// Channel is an outreach.Channel named "webpush".
type Channel struct {
	keys    keyPair
	subject string
	hosts   hosts
	client  *egress.Client
	now     func() time.Time
}

// New returns a Channel, or an error that says what to change in the
// configuration. It does not connect.
func New(o Options) (*Channel, error) {
	keys, err := parseKeys(o.Public, o.Private)
	if err != nil {
		return nil, err
	}
	subject, err := parseSubject(o.Subject)
	if err != nil {
		return nil, err
	}
	client, err := egress.New(egress.Options{Allow: o.AllowedHosts, Timeout: o.Timeout, RootCAs: o.RootCAs})
	if err != nil {
		return nil, fmt.Errorf("webpush: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Channel{keys: keys, subject: subject, hosts: hosts(o.AllowedHosts), client: client, now: o.Now}, nil
}

// Name returns "webpush".
func (c *Channel) Name() string { return "webpush" }

// String returns "webpush": the private key never prints.
func (c *Channel) String() string { return c.Name() }

// GoString returns "webpush".
func (c *Channel) GoString() string { return c.Name() }

// Idempotent returns true. Topic makes a push service replace what it has not
// delivered yet, and the notification's tag makes the browser replace what it
// shows: sending a message again shows it once.
func (c *Channel) Idempotent() bool { return true }

// Close closes the connections that are kept for the next message. The
// Channel stays usable.
func (c *Channel) Close() { c.client.CloseIdle() }

// lifetimes says how long a push service keeps a message for a browser that
// is away. An offer is worth reading while its window is open, three days
// unless the forecast is shorter; the owner's page always shows how things
// stand.
var lifetimes = map[outreach.Purpose]time.Duration{
	outreach.Offer:        72 * time.Hour,
	outreach.Sorry:        72 * time.Hour,
	outreach.AllWell:      72 * time.Hour,
	outreach.Confirmation: 24 * time.Hour,
	outreach.Cancellation: 24 * time.Hour,
}

const defaultLifetime = 24 * time.Hour

// Send pushes the message to the subscription in e.To, as the browser's
// PushSubscription.toJSON gives it.
func (c *Channel) Send(ctx context.Context, e outreach.Envelope) (outreach.Receipt, error) {
	subscription, err := c.parse(e.To)
	if err != nil {
		return fail(outreach.BadAddress, 0, err.Error())
	}
	topic := topicOf(e.Case)
	payload, err := payloadOf(e, topic)
	if err != nil {
		return fail(outreach.BadContent, 0, err.Error())
	}
	lifetime, ok := lifetimes[e.Purpose]
	if !ok {
		lifetime = defaultLifetime
	}
	resp, err := push.SendNotificationWithContext(ctx, payload, subscription, &push.Options{
		HTTPClient: c.client, Subscriber: c.subject, Topic: topic, TTL: int(lifetime / time.Second),
		Urgency: push.UrgencyNormal, VAPIDPublicKey: c.keys.public, VAPIDPrivateKey: c.keys.private,
	})
	if err != nil {
		return failed(err)
	}
	resp.Body.Close()
	if resp.StatusCode/100 == 2 {
		return outreach.Receipt{Provider: idOf(resp.Header)}, nil
	}
	a := answerTo(resp.StatusCode)
	return fail(a.class, egress.RetryAfter(resp.Header, c.now()), fmt.Sprintf("HTTP %d: %s", resp.StatusCode, a.words))
}

// topicOf names the case towards push services: 32 characters that say nothing.
func topicOf(caseID string) string {
	sum := sha256.Sum256([]byte(caseID))
	return base64.RawURLEncoding.EncodeToString(sum[:24])
}

// idOf returns the push service's id for the message, "" if it gives none
// that is short enough to keep.
func idOf(h http.Header) string {
	u, err := url.Parse(h.Get("Location"))
	if err != nil || u.Path == "" {
		return ""
	}
	if id := path.Base(u.Path); len(id) <= 64 && id != "/" {
		return id
	}
	return ""
}

func failed(err error) (outreach.Receipt, error) {
	e, ok := errors.AsType[*egress.Error](err)
	if !ok { // encryption, before anything was sent: the subscription's keys
		return fail(outreach.BadAddress, 0, "the subscription's keys cannot be used")
	}
	class := outreach.UnknownOutcome
	switch e.Stage {
	case egress.Refused:
		class = outreach.BadAddress
	case egress.Unreached:
		class = outreach.Transient
	}
	return outreach.Receipt{}, &outreach.SendError{Class: class, Err: e}
}

func fail(class outreach.SendClass, after time.Duration, words string) (outreach.Receipt, error) {
	if class != outreach.Transient {
		after = 0
	}
	return outreach.Receipt{}, &outreach.SendError{Class: class, After: after, Err: errors.New(words)}
}
