package sim

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/forecare/forecare/devices"
)

// Bounds of the mailbox.
const (
	maxMailBytes = 4 << 20
	maxMails     = 500 // the oldest go first
	maxToMany    = 50  // recipients of one mail
)

// Mailbox stands in for the mail program of every owner of a demo: it takes
// mail by SMTP on this machine and shows it on a page. It forwards nothing.
type Mailbox struct {
	dir      string
	listener net.Listener
	server   *smtp.Server
	log      *slog.Logger

	mu    sync.Mutex
	mails []mailEntry // oldest first
}

// mailEntry is one mail in the list.
type mailEntry struct {
	ID       string
	From, To []correspondent // of the header, else of the envelope
	Subject  string
	Received time.Time
}

// NewMailbox binds the address, which must be of this machine (host:port, port
// 0 picks one), and reads what it kept in dir before.
func NewMailbox(address, dir string, log *slog.Logger) (*Mailbox, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, devices.Wrap(err, devices.Invalid, "the mailbox needs an address such as 127.0.0.1:2525, not %q", address)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, devices.Errorf(devices.Invalid, "the mailbox takes mail from this machine only; %q is not 127.0.0.1, ::1 or localhost", host)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, devices.Wrap(err, devices.Internal, "the mailbox cannot keep mails in %s", dir)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	m := &Mailbox{dir: dir, log: log.With("component", "mailbox")}
	if err := m.load(); err != nil {
		return nil, err
	}
	if m.listener, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", address); err != nil {
		return nil, devices.Wrap(err, devices.Unavailable, "the mailbox cannot listen on %s", address)
	}
	m.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &delivery{box: m}, nil
	}))
	m.server.Domain = "localhost"
	m.server.MaxMessageBytes = maxMailBytes
	m.server.MaxRecipients = maxToMany
	m.server.EnableSMTPUTF8 = true
	m.server.ReadTimeout = time.Minute
	m.server.WriteTimeout = time.Minute
	m.server.ErrorLog = slog.NewLogLogger(m.log.Handler(), slog.LevelDebug)
	return m, nil
}

// Addr returns where mail is taken.
func (m *Mailbox) Addr() net.Addr { return m.listener.Addr() }

// Close frees the listener of a mailbox that never ran.
func (m *Mailbox) Close() error { return m.listener.Close() }

// Run takes mail until ctx ends.
func (m *Mailbox) Run(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- m.server.Serve(m.listener) }() // waited for below
	select {
	case err := <-ended:
		return fmt.Errorf("taking mail on %s: %w", m.Addr(), err)
	case <-ctx.Done():
	}
	// Shutdown would wait for clients that hold a line open, and then could
	// not cut them off. Who is in the middle of a mail has no answer yet and
	// will send it again.
	err := m.server.Close()
	// A server that is told to stop before it began would listen on.
	if closed := m.listener.Close(); !errors.Is(closed, net.ErrClosed) {
		err = errors.Join(err, closed)
	}
	return errors.Join(err, <-ended)
}

// Count returns how many mails there are.
func (m *Mailbox) Count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.mails)
}

// newest returns the list, newest first.
func (m *Mailbox) newest() []mailEntry {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := slices.Clone(m.mails)
	slices.Reverse(out)
	return out
}

// open reads a mail. An unknown id is NotFound.
func (m *Mailbox) open(id string) (mailEntry, *letter, error) {
	m.mu.Lock()
	i := slices.IndexFunc(m.mails, func(e mailEntry) bool { return e.ID == id })
	var e mailEntry
	if i >= 0 {
		e = m.mails[i]
	}
	m.mu.Unlock()
	if i < 0 {
		return e, nil, devices.Errorf(devices.NotFound, "there is no such mail")
	}
	raw, err := os.ReadFile(m.file(id))
	if err != nil {
		return e, nil, devices.Wrap(err, devices.Internal, "the mail cannot be read")
	}
	return e, readLetter(raw), nil
}

func (m *Mailbox) file(id string) string { return filepath.Join(m.dir, id+".eml") }

// load lists the mails that were kept.
func (m *Mailbox) load() error {
	files, err := os.ReadDir(m.dir) // sorted by name, which begins with the time
	if err != nil {
		return devices.Wrap(err, devices.Internal, "the mailbox cannot read %s", m.dir)
	}
	for _, f := range files {
		id, ok := strings.CutSuffix(f.Name(), ".eml")
		if !ok {
			continue
		}
		raw, err := os.ReadFile(m.file(id))
		if err != nil {
			return devices.Wrap(err, devices.Internal, "the mailbox cannot read %s", f.Name())
		}
		received, err := time.Parse(mailTime, id[:min(len(id), len(mailTime))])
		if err != nil {
			continue // not one of ours
		}
		m.mails = append(m.mails, entryOf(id, received, "", nil, raw))
	}
	return nil
}

const mailTime = "20060102T150405.000"

// keep stores a mail.
func (m *Mailbox) keep(from string, to []string, raw []byte) error {
	now := time.Now().UTC()
	var tail [4]byte
	rand.Read(tail[:])
	id := now.Format(mailTime) + "-" + hex.EncodeToString(tail[:])
	if err := replaceFile(m.file(id), raw, 0o600); err != nil {
		m.log.Warn("a mail could not be kept", "error", err)
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "cannot keep the mail now"}
	}
	e := entryOf(id, now, from, to, raw)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mails = append(m.mails, e)
	for len(m.mails) > maxMails {
		if err := os.Remove(m.file(m.mails[0].ID)); err != nil {
			m.log.Warn("an old mail could not be removed", "error", err)
		}
		m.mails = slices.Delete(m.mails, 0, 1)
	}
	return nil
}

func entryOf(id string, received time.Time, from string, to []string, raw []byte) mailEntry {
	l := readLetter(raw)
	e := mailEntry{ID: id, From: l.From, To: l.To, Subject: l.Subject, Received: received}
	if len(e.From) == 0 && from != "" {
		e.From = []correspondent{{Address: from}}
	}
	for i := 0; len(l.To) == 0 && i < len(to); i++ {
		e.To = append(e.To, correspondent{Address: to[i]})
	}
	return e
}

// delivery is one SMTP session.
type delivery struct {
	box  *Mailbox
	from string
	to   []string
}

// Mail begins a mail.
func (d *delivery) Mail(from string, _ *smtp.MailOptions) error {
	d.from = from
	return nil
}

// Rcpt adds a recipient; every address is a demo owner's.
func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.to = append(d.to, to)
	return nil
}

// Data takes the mail itself. Returning nil means that it is kept.
func (d *delivery) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return d.box.keep(d.from, d.to, raw)
}

// Reset forgets a mail that was begun.
func (d *delivery) Reset() { d.from, d.to = "", nil }

// Logout ends the session.
func (d *delivery) Logout() error { return nil }
