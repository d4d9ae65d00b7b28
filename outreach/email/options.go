package email

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// The values of Options.TLS.
const (
	None     = "none"     // plain text; only to this machine itself
	StartTLS = "starttls" // plain text first, then encrypted, or not at all
	Implicit = "tls"      // encrypted from the first byte
)

const defaultTimeout = 30 * time.Second

// Options is what a Channel is made of.
type Options struct {
	Host string
	Port int    // 0 means the usual one: 25 for none, 587 for starttls, 465 for tls
	TLS  string // none, starttls or tls
	// Username and Password may both be empty: a server that knows us by our
	// address wants neither.
	Username string
	Password string
	// From is the sender's address. Its display name stands in for a message
	// without a brand. People answer care messages, so somebody has to read it.
	From string
	// ReplyTo is where answers go, if not to From.
	ReplyTo string
	// DKIM signs messages; nil means that the SMTP server does.
	DKIM *DKIM
	// Hello is the name we give ourselves; "" means the domain of From.
	Hello string
	// Timeout bounds each step of a conversation; 0 means 30 s.
	Timeout time.Duration
	// RootCAs is whom to believe; nil means the system's list.
	RootCAs *x509.CertPool
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// LogValue hides the password.
func (o Options) LogValue() slog.Value {
	return slog.GroupValue(slog.String("host", o.Host), slog.Int("port", o.Port), slog.String("tls", o.TLS),
		slog.String("from", o.From), slog.Bool("authenticates", o.Username != ""), slog.Bool("signs", o.DKIM != nil))
}

// New returns a Channel, or an error that says what to change in the
// configuration. It does not connect.
func New(o Options) (*Channel, error) {
	c := &Channel{host: o.Host, mode: o.TLS, hello: o.Hello, timeout: o.Timeout, now: o.Now, auth: credentials{o.Username, o.Password}}
	from, err := sender("from", o.From)
	if err != nil {
		return nil, err
	}
	c.from = *from
	_, c.domain, _ = strings.Cut(from.Address, "@")
	if o.ReplyTo != "" {
		if c.replyTo, err = sender("reply-to", o.ReplyTo); err != nil {
			return nil, err
		}
	}
	if err := c.route(o); err != nil {
		return nil, err
	}
	if (o.Username == "") != (o.Password == "") {
		return nil, errors.New("email: user name and password belong together; give both or none")
	}
	if o.DKIM != nil {
		if err := o.DKIM.check(c.domain); err != nil {
			return nil, err
		}
		c.signer = o.DKIM
	}
	if c.hello == "" {
		c.hello = c.domain
	}
	if strings.ContainsAny(c.hello, " \t\r\n") {
		return nil, fmt.Errorf("email: the host name %q to greet with contains white space", c.hello)
	}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	if c.now == nil {
		c.now = time.Now
	}
	return c, nil
}

func (c *Channel) route(o Options) error {
	if o.Host == "" || strings.ContainsAny(o.Host, "/ \t\r\n@") {
		return fmt.Errorf("email: %q is not the host name of an SMTP server", o.Host)
	}
	port := map[string]int{None: 25, StartTLS: 587, Implicit: 465}[o.TLS]
	if port == 0 {
		return fmt.Errorf("email: tls is %q; it has to be none, starttls or tls", o.TLS)
	}
	if o.Port != 0 {
		port = o.Port
	}
	if port < 1 || port > 65535 {
		return fmt.Errorf("email: %d is not a port", port)
	}
	if o.TLS == None && !ownMachine(o.Host) {
		return fmt.Errorf("email: tls is none, but %s may be another machine: addresses and owners' links would cross the network in plain text. Use starttls or tls, or a relay on 127.0.0.1", o.Host)
	}
	c.address = net.JoinHostPort(o.Host, strconv.Itoa(port))
	c.tls = &tls.Config{ServerName: o.Host, RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}
	return nil
}

// ownMachine reports whether the host is this machine by its very name. The
// address is checked again once connected.
func ownMachine(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() || strings.EqualFold(host, "localhost")
}

// unanswered are the beginnings of local parts that say "do not answer",
// without their dots, dashes and underscores.
var unanswered = []string{"noreply", "donotreply", "dontreply", "noresponse", "unattended", "mailerdaemon"}

func sender(what, text string) (*mail.Address, error) {
	a, err := mail.ParseAddress(text)
	if err != nil {
		return nil, fmt.Errorf("email: the %s address %q is not a mail address", what, text)
	}
	if _, err := recipient(a.Address); err != nil || !ascii(a.Address) {
		return nil, fmt.Errorf("email: the %s address %q is not a plain mail address", what, text)
	}
	local, _, _ := strings.Cut(strings.ToLower(a.Address), "@")
	bare := strings.NewReplacer("-", "", "_", "", ".", "").Replace(local)
	for _, u := range unanswered {
		if strings.HasPrefix(bare, u) {
			return nil, fmt.Errorf("email: the %s address %s tells people that nobody listens. An owner who gets a care message answers it: use an address that somebody reads", what, a.Address)
		}
	}
	return a, nil
}
