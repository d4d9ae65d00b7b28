// Package egress makes HTTP requests to addresses that other people chose. It
// reaches only public addresses over TLS, follows no redirect, asks no proxy,
// reads no answer's body and bounds every wait. A host is resolved once per
// connection and the address that was checked is the one that is dialed, so a
// name that changes its answer in between (DNS rebinding) gains nothing.
package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	defaultTimeout = 20 * time.Second
	maxHeader      = 64 << 10
)

// Options is what a Client is made of.
type Options struct {
	// Allow lists exceptions for a maker's own network and for tests: address
	// prefixes ("10.20.0.0/16"), single addresses ("127.0.0.1"), hosts
	// ("hooks.internal") and hosts with a port ("localhost:8090"). What it
	// names may have a private address and may be reached without TLS.
	Allow []string
	// Timeout bounds one request from the lookup of the host to the answer's
	// header. 0 means 20 s.
	Timeout time.Duration
	// RootCAs is whom to believe; nil means the system's list.
	RootCAs *x509.CertPool
	// Resolve looks a host up; nil means the system's resolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Dial connects to a checked address; nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client makes guarded requests. It is safe for concurrent use.
type Client struct {
	allow     exceptions
	timeout   time.Duration
	resolve   func(context.Context, string) ([]netip.Addr, error)
	dial      func(context.Context, string, string) (net.Conn, error)
	transport *http.Transport
}

// New returns a Client, or an error that says which exception cannot be read.
func New(o Options) (*Client, error) {
	allow, err := parseExceptions(o.Allow)
	if err != nil {
		return nil, err
	}
	c := &Client{allow: allow, timeout: o.Timeout, resolve: o.Resolve, dial: o.Dial}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	if c.resolve == nil {
		c.resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if c.dial == nil {
		c.dial = (&net.Dialer{Timeout: c.timeout}).DialContext
	}
	c.transport = &http.Transport{
		Proxy:                  nil, // a proxy would resolve and connect in our place, past the guard
		DialContext:            c.dialChecked,
		TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    c.timeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           64,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true,
	}
	return c, nil
}

// Do sends one request and returns the answer's status and header; the body is
// closed unread, because a hostile one may be endless. Every error is an
// *Error that names neither the URL nor the address.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	if err := c.check(req); err != nil {
		return nil, err
	}
	var held atomic.Bool // a connection was in our hands: bytes may have gone out
	ctx, cancel := context.WithTimeout(req.Context(), c.timeout)
	defer cancel()
	ctx = context.WithValue(ctx, plainKey{}, req.URL.Scheme == "http")
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// The transport starts over only when it knows that nothing was sent.
		GetConn: func(string) { held.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { held.Store(true) },
	})
	// RoundTrip and not http.Client: no redirects, no cookies, no URL in errors.
	resp, err := c.transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, failure(err, held.Load())
	}
	resp.Body.Close()
	resp.Body = http.NoBody
	return resp, nil
}

// CloseIdle closes the connections that are kept for the next request.
func (c *Client) CloseIdle() { c.transport.CloseIdleConnections() }

func (c *Client) check(req *http.Request) error {
	u := req.URL
	switch {
	case u == nil || u.Hostname() == "":
		return refused("it is no absolute URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return refused("it is neither https nor http")
	}
	return nil
}

type plainKey struct{}

func (c *Client) dialChecked(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, refused("it is no absolute URL")
	}
	addrs, err := c.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	plain, _ := ctx.Value(plainKey{}).(bool)
	named := c.allow.names(host, port)
	for _, a := range addrs {
		// One bad address spoils the name: whoever mixes them is trying something.
		switch allowed := named || c.allow.holds(a); {
		case allowed:
		case !Public(a):
			return nil, refused("its host has an address inside a private network")
		case plain:
			return nil, refused("it is not https")
		}
	}
	for _, a := range addrs {
		var conn net.Conn
		if conn, err = c.dial(ctx, network, net.JoinHostPort(a.String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

func (c *Client) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	addrs, err := c.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	if len(addrs) == 0 {
		return nil, &net.DNSError{Err: "no addresses", IsNotFound: true}
	}
	clean := make([]netip.Addr, len(addrs))
	for i, a := range addrs {
		clean[i] = a.Unmap()
	}
	return clean, nil
}
