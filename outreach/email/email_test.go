package email_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/outreach/email"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const reader = "canary.reader@canary.example"

func envelope() outreach.Envelope {
	return outreach.Envelope{
		ID: "m0123456789abcdef", Case: "c42", Purpose: outreach.Offer, To: reader, Name: "Zoë Canary", Lang: "en", Brand: "Brew & Co, Berlin",
		Content: outreach.Content{
			Subject: "A little care for your canary machine", Text: "Hello Zoë,\n\nline with = and é.\n.\ndot line\n",
			HTML: `<p>Hello Zoë</p><img src="cid:drift.png" alt="a graph">`, Dir: "ltr",
			OwnerURL: "https://care.example/o/abc", Unsubscribe: "https://care.example/u/" + strings.Repeat("t", 120),
		},
		Picture: []byte("\x89PNG\r\n\x1a\n picture"),
	}
}

func TestTheThreeWaysToConnect(t *testing.T) {
	for mode, f := range map[string]flavor{email.None: {}, email.StartTLS: {tls: true}, email.Implicit: {implicit: true}} {
		t.Run(mode, func(t *testing.T) {
			s := newServer(t, f)
			s.username, s.password = "forecare", "s3cret"
			c := open(t, s, mode, func(o *email.Options) { o.Username, o.Password = "forecare", "s3cret" })
			receipt, err := c.Send(context.Background(), envelope())
			if err != nil {
				t.Fatal(err)
			}
			got := s.mails()
			if len(got) != 1 || got[0].from != "care@maker.example" || got[0].to != reader || got[0].user != "forecare" || got[0].tls != (mode != email.None) {
				t.Fatalf("the server got %d mails, the first %+v", len(got), got)
			}
			if receipt.Provider != "<m0123456789abcdef@maker.example>" || c.Name() != "email" || c.Idempotent() {
				t.Errorf("receipt %+v, name %q, idempotent %v", receipt, c.Name(), c.Idempotent())
			}
		})
	}
}

func TestWhatAReplyMeans(t *testing.T) {
	none := smtp.NoEnhancedCode
	for _, c := range []struct {
		at     string
		code   int
		detail smtp.EnhancedCode
		want   outreach.SendClass
	}{
		{"mail", 421, smtp.EnhancedCode{4, 3, 2}, outreach.Transient},
		{"mail", 451, none, outreach.Transient},
		{"mail", 550, smtp.EnhancedCode{5, 1, 0}, outreach.BadConfig},
		{"mail", 553, none, outreach.BadConfig},
		{"mail", 550, smtp.EnhancedCode{5, 7, 1}, outreach.BadConfig},
		{"mail", 552, smtp.EnhancedCode{5, 3, 4}, outreach.BadContent},
		{"rcpt", 450, smtp.EnhancedCode{4, 2, 0}, outreach.Transient},
		{"rcpt", 452, smtp.EnhancedCode{4, 2, 2}, outreach.Transient},
		{"rcpt", 550, smtp.EnhancedCode{5, 1, 1}, outreach.BadAddress},
		{"rcpt", 550, smtp.EnhancedCode{5, 1, 10}, outreach.BadAddress},
		{"rcpt", 550, smtp.EnhancedCode{5, 1, 8}, outreach.BadConfig},
		{"rcpt", 550, smtp.EnhancedCode{5, 2, 1}, outreach.BadAddress},
		{"rcpt", 552, smtp.EnhancedCode{5, 2, 2}, outreach.Transient},
		{"rcpt", 552, none, outreach.Transient},
		{"rcpt", 550, none, outreach.BadAddress},
		{"rcpt", 556, none, outreach.BadAddress},
		{"rcpt", 550, smtp.EnhancedCode{5, 4, 1}, outreach.BadAddress},
		{"rcpt", 550, smtp.EnhancedCode{5, 4, 310}, outreach.BadAddress},
		{"rcpt", 554, smtp.EnhancedCode{5, 7, 1}, outreach.BadConfig},
		{"rcpt", 554, none, outreach.BadContent},
		{"rcpt", 530, none, outreach.BadConfig},
		{"rcpt", 550, smtp.EnhancedCode{5, 0, 0}, outreach.BadAddress},
		// A detail of another class than the reply's is a mistake of the server.
		{"rcpt", 550, smtp.EnhancedCode{4, 2, 2}, outreach.BadAddress},
		{"data", 451, smtp.EnhancedCode{4, 7, 1}, outreach.Transient},
		{"data", 552, smtp.EnhancedCode{5, 3, 4}, outreach.BadContent},
		{"data", 552, smtp.EnhancedCode{5, 2, 2}, outreach.Transient},
		{"data", 554, smtp.EnhancedCode{5, 6, 0}, outreach.BadContent},
		{"data", 554, smtp.EnhancedCode{5, 7, 26}, outreach.BadConfig},
		{"data", 554, none, outreach.BadContent},
	} {
		t.Run(fmt.Sprintf("%s %d %v", c.at, c.code, c.detail), func(t *testing.T) {
			s := newServer(t, flavor{})
			answer := func(*smtp.Conn) error {
				return &smtp.SMTPError{Code: c.code, EnhancedCode: c.detail, Message: "<" + reader + ">: canary machine"}
			}
			switch c.at {
			case "mail":
				s.onMail = answer
			case "rcpt":
				s.onRcpt = func(conn *smtp.Conn, _ string) error { return answer(conn) }
			case "data":
				s.onData = answer
			}
			_, err := open(t, s, email.None, nil).Send(context.Background(), envelope())
			wantClass(t, err, c.want)
			if len(s.mails()) != 0 {
				t.Error("a refused message was delivered")
			}
		})
	}
}

func TestBrokenConversations(t *testing.T) {
	stop := make(chan struct{})
	for name, c := range map[string]struct {
		prepare func(s *server)
		want    outreach.SendClass
	}{
		"gone at MAIL":    {func(s *server) { s.onMail = hangUp }, outreach.Transient},
		"gone at RCPT":    {func(s *server) { s.onRcpt = func(c *smtp.Conn, _ string) error { return hangUp(c) } }, outreach.Transient},
		"gone after DATA": {func(s *server) { s.onData = hangUp }, outreach.UnknownOutcome},
		"silent at MAIL":  {func(s *server) { s.onMail = func(*smtp.Conn) error { <-stop; return nil } }, outreach.Transient},
		"silent after DATA": {
			func(s *server) { s.onData = func(*smtp.Conn) error { <-stop; return nil } }, outreach.UnknownOutcome,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, flavor{})
			c.prepare(s)
			channel := open(t, s, email.None, func(o *email.Options) { o.Timeout = 200 * time.Millisecond })
			_, err := channel.Send(context.Background(), envelope())
			wantClass(t, err, c.want)
		})
	}
	close(stop)
}

func TestTakenIsTakenWhateverComesAfter(t *testing.T) {
	// The server answers 250 and closes before it hears QUIT.
	l := listen(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		script(conn, "220 mx", "250 hello", "250 sender", "250 recipient", "354 go", "250 taken")
	}()
	_, err := openAt(t, l, 0).Send(context.Background(), envelope())
	if err != nil {
		t.Errorf("a message that was taken is reported as %v", err)
	}
	<-done
}

func TestServersThatAreNoMailServers(t *testing.T) {
	for name, c := range map[string]struct {
		replies []string
		want    outreach.SendClass
	}{
		"refuses all":    {[]string{"554 5.7.1 no canary here"}, outreach.BadConfig},
		"busy":           {[]string{"421 4.3.2 later"}, outreach.Transient},
		"web server":     {[]string{"HTTP/1.1 400 Bad Request"}, outreach.Transient},
		"refuses EHLO":   {[]string{"220 mx", "550 5.7.1 who", "550 5.7.1 who"}, outreach.BadConfig},
		"out of step":    {[]string{"220 mx", "250 hello", "250 sender", "250 recipient", "250 no 354"}, outreach.Transient},
		"nonsense at it": {[]string{"220 mx", "250 hello", "250 sender", "250 recipient", "354 go", "canary"}, outreach.UnknownOutcome},
		"odd at the end": {[]string{"220 mx", "250 hello", "250 sender", "250 recipient", "354 go", "354 more"}, outreach.UnknownOutcome},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t)
			done := make(chan struct{})
			go func() {
				defer close(done)
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				script(conn, c.replies...)
			}()
			_, err := openAt(t, l, time.Second).Send(context.Background(), envelope())
			wantClass(t, err, c.want)
			<-done
		})
	}
}

func TestConnecting(t *testing.T) {
	l := listen(t)
	gone := openAt(t, l, time.Second)
	l.Close()
	_, err := gone.Send(context.Background(), envelope())
	wantClass(t, err, outreach.Transient)

	plain := newServer(t, flavor{})
	_, err = open(t, plain, email.StartTLS, nil).Send(context.Background(), envelope())
	wantClass(t, err, outreach.BadConfig) // never down to plain text
	_, err = open(t, plain, email.Implicit, nil).Send(context.Background(), envelope())
	wantClass(t, err, outreach.BadConfig)

	for _, f := range []flavor{{tls: true}, {implicit: true}} {
		s := newServer(t, f)
		mode := map[bool]string{true: email.Implicit, false: email.StartTLS}[f.implicit]
		_, err = open(t, s, mode, func(o *email.Options) { o.RootCAs = nil }).Send(context.Background(), envelope())
		wantClass(t, err, outreach.BadConfig)
		if !strings.Contains(fmt.Sprint(err), "certificate") {
			t.Errorf("an unknown certificate is reported as %v", err)
		}
	}
	if n := len(plain.mails()); n != 0 {
		t.Errorf("%d mails went out in plain text", n)
	}
}

func TestSigningIn(t *testing.T) {
	s := newServer(t, flavor{tls: true})
	s.username, s.password = "forecare", "right"
	wrong := open(t, s, email.StartTLS, func(o *email.Options) { o.Username, o.Password = "forecare", "canary-wrong" })
	_, err := wrong.Send(context.Background(), envelope())
	wantClass(t, err, outreach.BadConfig)

	nobody := open(t, s, email.StartTLS, nil)
	_, err = nobody.Send(context.Background(), envelope())
	wantClass(t, err, outreach.BadConfig)

	l := listen(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		script(conn, "220 mx", "250 hello")
	}()
	c, err := email.New(email.Options{
		Host: "127.0.0.1", Port: port(l), TLS: email.None, From: "care@maker.example", Username: "u", Password: "p", Timeout: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Send(context.Background(), envelope())
	wantClass(t, err, outreach.BadConfig)
	<-done
}

func TestEndsWithItsContext(t *testing.T) {
	for name, want := range map[string]outreach.SendClass{"mail": outreach.Transient, "data": outreach.UnknownOutcome} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, flavor{})
			reached, stop := make(chan struct{}), make(chan struct{})
			defer close(stop)
			wait := func(*smtp.Conn) error { close(reached); <-stop; return errors.New("too late") }
			if name == "mail" {
				s.onMail = wait
			} else {
				s.onData = wait
			}
			ctx, cancel := context.WithCancel(context.Background())
			go func() { <-reached; cancel() }() // ends with the Send below
			_, err := open(t, s, email.None, nil).Send(ctx, envelope())
			wantClass(t, err, want)
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := open(t, newServer(t, flavor{}), email.None, nil).Send(ctx, envelope())
	wantClass(t, err, outreach.Transient)
}

func TestAddresses(t *testing.T) {
	s := newServer(t, flavor{})
	c := open(t, s, email.None, nil)
	for _, to := range []string{
		"", "canary", "canary@", "@canary.example", "a b@canary.example", "Canary <a@canary.example>", "a@canary.example, b@canary.example",
		"a@canary.example\r\nRCPT TO:<b@canary.example>", "a@canary.example\nBcc: b@canary.example", "<a@canary.example>",
		`"a\"b"@canary.example`, "a@[127.0.0.1]", "a@canary.example\x00", "canary\xff@canary.example", strings.Repeat("a", 250) + "@canary.example",
	} {
		e := envelope()
		e.To = to
		_, err := c.Send(context.Background(), e)
		if err == nil {
			t.Errorf("%q was sent", to)
			continue
		}
		wantClass(t, err, outreach.BadAddress)
	}
	arabic := envelope()
	arabic.To = "مها@canary.example"
	_, err := c.Send(context.Background(), arabic)
	wantClass(t, err, outreach.BadAddress) // this server has no SMTPUTF8
	if n := len(s.mails()); n != 0 {
		t.Errorf("%d mails went out", n)
	}

	modern := newServer(t, flavor{utf8: true})
	c = open(t, modern, email.None, nil)
	for _, e := range []outreach.Envelope{arabic, envelope()} {
		if _, err := c.Send(context.Background(), e); err != nil {
			t.Fatal(err)
		}
	}
	if got := modern.mails(); got[0].to != arabic.To || !got[0].utf8 || got[1].utf8 {
		t.Errorf("SMTPUTF8 has to be asked for where it is needed, and only there: %v %v", got[0].utf8, got[1].utf8)
	}
}

func open(t *testing.T, s *server, mode string, change func(*email.Options)) *email.Channel {
	t.Helper()
	o := email.Options{
		Host: "127.0.0.1", Port: s.port, TLS: mode, From: "Forecare <care@maker.example>", RootCAs: s.roots, Timeout: 5 * time.Second,
		Now: func() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) },
	}
	if change != nil {
		change(&o)
	}
	c, err := email.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

func openAt(t *testing.T, l net.Listener, timeout time.Duration) *email.Channel {
	t.Helper()
	c, err := email.New(email.Options{Host: "127.0.0.1", Port: port(l), TLS: email.None, From: "care@maker.example", Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// script says one line after the other, each after it has heard a command or,
// after 354, a message; then it hangs up.
func script(conn net.Conn, replies ...string) {
	buf := make([]byte, 64<<10)
	for i, reply := range replies {
		if i > 0 {
			var heard []byte
			end := []byte("\r\n")
			if strings.HasPrefix(replies[i-1], "354") {
				end = []byte("\r\n.\r\n")
			}
			for !bytes.HasSuffix(heard, end) {
				n, err := conn.Read(buf)
				if err != nil {
					return
				}
				heard = append(heard, buf[:n]...)
			}
		}
		fmt.Fprintf(conn, "%s\r\n", reply)
	}
}

func wantClass(t *testing.T, err error, want outreach.SendClass) {
	t.Helper()
	e, ok := errors.AsType[*outreach.SendError](err)
	if !ok || e.Class != want {
		t.Errorf("got %v, want class %s", err, want)
		return
	}
	if text := strings.ToLower(fmt.Sprintf("%v %+v", e, e.Err)); strings.Contains(text, "canary") || strings.Contains(text, "127.0.0.1") {
		t.Errorf("the error carries address or content: %v", e)
	}
}
