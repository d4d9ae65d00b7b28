package proving_test

import (
	"bytes"
	"io"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
)

// post is a mail server that remembers by Message-ID what it was given. A mail
// is given when its last byte has come, whether or not the sender lives to hear
// the answer.
type post struct {
	address string
	// arriving, if not nil, is called at the two moments that a sender's death
	// makes hard: when a recipient is named (given false), and when the mail is
	// here but not answered (given true). It may block.
	arriving func(given bool)

	mu    sync.Mutex
	mails map[string]int // Message-ID without brackets and domain
}

func newPost(t *testing.T) *post {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &post{address: l.Addr().String(), mails: map[string]int{}}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return delivery{p}, nil }))
	server.Domain = "localhost"
	server.MaxMessageBytes = 8 << 20
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(l) // ends when it is closed
	}()
	t.Cleanup(func() { server.Close(); <-ended })
	return p
}

// byMessage is how often each message was given.
func (p *post) byMessage() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string]int, len(p.mails))
	for id, n := range p.mails {
		out[id] = n
	}
	return out
}

type delivery struct{ post *post }

func (d delivery) Mail(string, *smtp.MailOptions) error { return nil }
func (d delivery) Reset()                               {}
func (d delivery) Logout() error                        { return nil }

func (d delivery) Rcpt(string, *smtp.RcptOptions) error {
	if d.post.arriving != nil {
		d.post.arriving(false)
	}
	return nil
}

func (d delivery) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		return err
	}
	id, _, _ := strings.Cut(strings.Trim(m.Header.Get("Message-ID"), "<>"), "@")
	d.post.mu.Lock()
	d.post.mails[id]++
	d.post.mu.Unlock()
	if d.post.arriving != nil {
		d.post.arriving(true)
	}
	return nil
}
