package email

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"github.com/forecare/forecare/outreach"
)

// step is where in a conversation something happened.
type step string

const (
	connecting   step = "connecting"
	greeting     step = "greeting"
	encrypting   step = "encrypting"
	signingIn    step = "signing in"
	namingSender step = "naming the sender"
	namingReader step = "naming the recipient"
	transferring step = "transferring"
	concluding   step = "concluding" // all is sent, the server has not yet answered
)

// submit has the conversation with the SMTP server. Its error is an
// *outreach.SendError.
func (c *Channel) submit(ctx context.Context, to string, content []byte) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, conn.end)()

	client, err := c.introduce(ctx, conn)
	if err != nil {
		return err
	}
	conn.allow(c.timeout)
	if !ascii(to) {
		if ok, _ := client.Extension("SMTPUTF8"); !ok {
			return &outreach.SendError{Class: outreach.BadAddress, Err: errors.New("the mail server cannot write to addresses outside of ASCII")}
		}
	}
	client.SkipSMTPUTF8(ascii(to)) // a message that does not need it should not be refused for it further on
	if err := client.Mail("<" + c.from.Address + ">"); err != nil {
		return judge(namingSender, err)
	}
	if err := client.Rcpt("<" + to + ">"); err != nil {
		return judge(namingReader, err)
	}
	w, err := client.Data()
	if err != nil {
		return judge(transferring, err)
	}
	conn.allow(c.timeout)
	if _, err := w.Write(content); err != nil {
		return judge(transferring, err) // without the closing dot it is no message
	}
	if err := w.Close(); err != nil {
		return judge(concluding, err)
	}
	// It is taken; whatever becomes of the farewell.
	conn.allow(time.Second)
	_ = client.Quit()
	return nil
}

func (c *Channel) dial(ctx context.Context) (*call, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.address)
	if err != nil {
		return nil, judge(connecting, err)
	}
	if a, ok := raw.RemoteAddr().(*net.TCPAddr); c.mode == None && (!ok || !a.IP.IsLoopback()) {
		raw.Close()
		return nil, &outreach.SendError{Class: outreach.BadConfig, Err: errors.New("tls is none, but the mail server is another machine")}
	}
	conn := &call{Conn: raw}
	conn.allow(c.timeout)
	return conn, nil
}

// introduce greets, encrypts and signs in.
func (c *Channel) introduce(ctx context.Context, conn *call) (*smtp.Client, error) {
	var transport net.Conn = conn
	if c.mode == Implicit {
		secured := tls.Client(conn, c.tls)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, judge(encrypting, err)
		}
		transport = secured
	}
	client, err := smtp.NewClient(transport, c.host)
	if err != nil {
		return nil, judge(greeting, err)
	}
	if err := client.Hello(c.hello); err != nil {
		return nil, judge(greeting, err)
	}
	if c.mode == StartTLS {
		if ok, _ := client.Extension("STARTTLS"); !ok {
			return nil, &outreach.SendError{Class: outreach.BadConfig, Err: errors.New("the mail server does not offer STARTTLS, and we do not go on in plain text")}
		}
		if err := client.StartTLS(c.tls); err != nil {
			return nil, judge(encrypting, err)
		}
	}
	if c.auth.username != "" {
		auth, err := c.mechanism(client)
		if err != nil {
			return nil, err
		}
		if err := client.Auth(auth); err != nil {
			return nil, judge(signingIn, err)
		}
	}
	return client, nil
}

// mechanism picks the best that both sides know. Plain passwords travel
// encrypted, or do not leave this machine.
func (c *Channel) mechanism(client *smtp.Client) (smtp.Auth, error) {
	_, offered := client.Extension("AUTH")
	known := strings.Fields(strings.ToUpper(offered))
	user, password := c.auth.username, c.auth.password
	for _, m := range []struct {
		name string
		make func() smtp.Auth
	}{
		{"SCRAM-SHA-256", func() smtp.Auth { return smtp.ScramSHA256Auth(user, password) }},
		{"SCRAM-SHA-1", func() smtp.Auth { return smtp.ScramSHA1Auth(user, password) }},
		{"PLAIN", func() smtp.Auth { return smtp.PlainAuth("", user, password, c.host, c.mode == None) }},
		{"LOGIN", func() smtp.Auth { return smtp.LoginAuth(user, password, c.host, c.mode == None) }},
		{"CRAM-MD5", func() smtp.Auth { return smtp.CRAMMD5Auth(user, password) }},
	} {
		for _, k := range known {
			if k == m.name {
				return m.make(), nil
			}
		}
	}
	return nil, &outreach.SendError{Class: outreach.BadConfig, Err: errors.New("the mail server offers no way to sign in that we know; if it wants none, remove user name and password")}
}

// call is a connection whose time ends with the caller's context, whatever
// deadline is set after that.
type call struct {
	net.Conn
	mu    sync.Mutex
	ended bool
}

// allow gives the conversation so much more time.
func (c *call) allow(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		_ = c.SetDeadline(time.Now().Add(d))
	}
}

func (c *call) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	_ = c.SetDeadline(time.Unix(1, 0))
}
