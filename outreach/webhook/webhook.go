// Package webhook carries messages to an owner's own system as signed HTTP
// requests, after the Standard Webhooks specification 1.0.0. The payload is
// thin: it names the message and its case and links to the owner's page; it
// holds no name, no address and no text of the message.
package webhook

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/outreach/egress"
)

const maxBody = 20_000 // what the specification recommends as a limit

// Options is what a Channel is made of.
type Options struct {
	// Secrets sign, each as "whsec_" and 24 to 64 bytes in base64. One, or two
	// while receivers move from the old to the new: a message then carries
	// both signatures.
	Secrets []string
	// Allow lists exceptions from https and public addresses: see egress.Options.
	Allow []string
	// Timeout bounds one request; 0 means 20 s.
	Timeout time.Duration
	// RootCAs is whom to believe; nil means the system's list.
	RootCAs *x509.CertPool
	// Now tells the time; nil means time.Now.
	Now func() time.Time
	// Resolve looks a host up; nil means the system's resolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Channel is an outreach.Channel named "webhook".
type Channel struct {
	keys   keys
	client *egress.Client
	now    func() time.Time
}

// New returns a Channel, or an error that says what to change in the
// configuration. It does not connect.
func New(o Options) (*Channel, error) {
	keys, err := parseSecrets(o.Secrets)
	if err != nil {
		return nil, err
	}
	client, err := egress.New(egress.Options{Allow: o.Allow, Timeout: o.Timeout, RootCAs: o.RootCAs, Resolve: o.Resolve})
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Channel{keys: keys, client: client, now: o.Now}, nil
}

// Name returns "webhook".
func (c *Channel) Name() string { return "webhook" }

// String returns "webhook": the keys never print.
func (c *Channel) String() string { return c.Name() }

// GoString returns "webhook".
func (c *Channel) GoString() string { return c.Name() }

// Idempotent returns true: webhook-id stays the same when a message is sent
// again, and receivers drop an id that they have seen.
func (c *Channel) Idempotent() bool { return true }

// event is the body. Its layout is the receivers' contract.
type event struct {
	Type      string    `json:"type"` // "message." and the purpose
	Timestamp time.Time `json:"timestamp"`
	Data      data      `json:"data"`
}

type data struct {
	Message     string `json:"message"`
	Case        string `json:"case"`
	Purpose     string `json:"purpose"`
	Lang        string `json:"lang"`
	Title       string `json:"title"`
	URL         string `json:"url"`
	Unsubscribe string `json:"unsubscribe"`
}

// Send posts the message to the URL in e.To. The receipt's id is the message's
// own, which the receiver knows as webhook-id.
func (c *Channel) Send(ctx context.Context, e outreach.Envelope) (outreach.Receipt, error) {
	now := c.now().UTC()
	body, err := json.Marshal(event{
		Type: "message." + string(e.Purpose), Timestamp: now.Truncate(time.Second),
		Data: data{
			Message: e.ID, Case: e.Case, Purpose: string(e.Purpose), Lang: e.Lang,
			Title: e.Content.Subject, URL: e.Content.OwnerURL, Unsubscribe: e.Content.Unsubscribe,
		},
	})
	if err != nil || len(body) > maxBody {
		return fail(outreach.BadContent, 0, "the message does not fit into a webhook of 20 kB")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.To, bytes.NewReader(body))
	if err != nil {
		return fail(outreach.BadAddress, 0, "the address is not a URL")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Forecare")
	req.Header.Set("Webhook-Id", e.ID)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("Webhook-Signature", c.keys.sign(e.ID, now, body))

	resp, err := c.client.Do(req)
	if err != nil {
		return outreach.Receipt{}, &outreach.SendError{Class: classOf(err), Err: err}
	}
	resp.Body.Close()
	if resp.StatusCode/100 == 2 {
		return outreach.Receipt{Provider: e.ID}, nil
	}
	answer := answerTo(resp.StatusCode)
	return fail(answer.class, egress.RetryAfter(resp.Header, now), fmt.Sprintf("HTTP %d: %s", resp.StatusCode, answer.words))
}

func fail(class outreach.SendClass, after time.Duration, words string) (outreach.Receipt, error) {
	if class != outreach.Transient {
		after = 0
	}
	return outreach.Receipt{}, &outreach.SendError{Class: class, After: after, Err: errors.New(words)}
}

// Close closes the connections that are kept for the next message. The
// Channel stays usable.
func (c *Channel) Close() { c.client.CloseIdle() }
