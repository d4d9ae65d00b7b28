package webpush

import (
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	push "github.com/SherClockHolmes/webpush-go"
)

const maxSubscription = 4096

// services are the domains of the browsers' push services. An endpoint comes
// from a stranger; it may lead to one of these and nowhere else.
var services = []string{
	"google.com", "googleapis.com", // Chromium
	"mozilla.com", "mozaws.net", // Firefox
	"windows.com", "microsoft.com", // Edge
	"apple.com", // Safari
}

// hosts are the push services that the operator added.
type hosts []string

func (h hosts) names(u *url.URL) bool {
	for _, allowed := range h {
		if strings.EqualFold(allowed, u.Host) || strings.EqualFold(allowed, u.Hostname()) {
			return true
		}
	}
	return false
}

// subscription is the part that we need of what browsers give. Expires is in
// Unix milliseconds.
type subscription struct {
	Endpoint string   `json:"endpoint"`
	Expires  *float64 `json:"expirationTime"`
	Keys     struct {
		P256dh string `json:"p256dh"`
		Auth   string `json:"auth"`
	} `json:"keys"`
}

// parse checks a subscription. Its errors hold our own words only: an endpoint
// is the secret address of one person's browser.
func (c *Channel) parse(text string) (*push.Subscription, error) {
	var s subscription
	if len(text) > maxSubscription || json.Unmarshal([]byte(text), &s) != nil {
		return nil, errors.New("the subscription is not the JSON of a browser's push subscription")
	}
	endpoint, err := c.endpoint(s.Endpoint)
	if err != nil {
		return nil, err
	}
	if s.Expires != nil && *s.Expires <= float64(c.now().UnixMilli()) {
		return nil, errors.New("the subscription has expired")
	}
	public, err := decode(s.Keys.P256dh)
	if err != nil {
		return nil, errors.New("the subscription's key p256dh is not base64url")
	}
	if _, err := ecdh.P256().NewPublicKey(public); err != nil || len(public) != 65 {
		return nil, errors.New("the subscription's key p256dh is not a point of curve P-256")
	}
	auth, err := decode(s.Keys.Auth)
	if err != nil || len(auth) != 16 {
		return nil, errors.New("the subscription's key auth is not 16 bytes in base64url")
	}
	encode := base64.RawURLEncoding.EncodeToString
	return &push.Subscription{Endpoint: endpoint, Keys: push.Keys{P256dh: encode(public), Auth: encode(auth)}}, nil
}

func (c *Channel) endpoint(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return "", errors.New("the subscription's endpoint is not a URL")
	}
	added := c.hosts.names(u)
	if u.Scheme != "https" && (u.Scheme != "http" || !added) {
		return "", errors.New("the subscription's endpoint is not https")
	}
	if !added && !known(u) {
		return "", errors.New("the subscription's endpoint is not at a known push service")
	}
	if u.Scheme == "https" && u.Port() == "443" {
		u.Host = strings.TrimSuffix(u.Host, ":443") // the signed audience is an origin, which omits the usual port
	}
	u.Fragment = ""
	return u.String(), nil
}

func known(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	for _, s := range services {
		if host == s || strings.HasSuffix(host, "."+s) {
			return u.Port() == "" || u.Port() == "443"
		}
	}
	return false
}
