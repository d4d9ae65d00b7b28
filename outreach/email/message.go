package email

import (
	"bytes"
	"errors"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/forecare/forecare/outreach"
)

const (
	maxSubject = 200
	maxName    = 100
	pictureCID = "drift.png" // what Content.HTML refers to
)

// write returns the whole message as it goes over the wire.
func (c *Channel) write(e outreach.Envelope, to, id string) ([]byte, error) {
	if strings.TrimSpace(e.Content.Subject) == "" || strings.TrimSpace(e.Content.Text) == "" {
		return nil, errors.New("the message has no subject or no text")
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	c.addresses(m, e, to)
	m.Subject(line(e.Content.Subject, maxSubject))
	m.SetMessageIDWithValue(id)
	m.SetDateWithValue(c.now())
	// A name of our own that all messages of a case refer to keeps them in one
	// thread of the reader's mailbox.
	m.SetGenHeader(gomail.HeaderReferences, "<case-"+word(e.Case)+"@"+c.domain+">")
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: out-of-office replies stay away
	if lang := word(e.Lang); lang == e.Lang {
		m.SetGenHeader("Content-Language", lang)
	}
	if err := unsubscribe(m, e.Content.Unsubscribe); err != nil {
		return nil, err
	}
	if err := parts(m, e); err != nil {
		return nil, err
	}
	if c.signer != nil {
		m.SetDKIM(c.signer.signer(c.now))
	}
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		return nil, errors.New("the message cannot be written as mail")
	}
	return b.Bytes(), nil
}

func (c *Channel) addresses(m *gomail.Msg, e outreach.Envelope, to string) {
	from := c.from
	if brand := line(e.Brand, maxName); brand != "" {
		from.Name = brand
	}
	// As addresses and not as text: the library would parse text again, and a
	// name could then smuggle in another address.
	m.FromMailAddress(&from)
	m.ToMailAddress(&mail.Address{Name: line(e.Name, maxName), Address: to})
	if c.replyTo != nil {
		m.ReplyToMailAddress(c.replyTo)
	}
}

// unsubscribe names the one-click way out (RFC 8058). The RFC wants https;
// a Forecare that is tried out on this very machine has http only, and nobody
// between it and the reader.
func unsubscribe(m *gomail.Msg, text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || !ascii(text) || strings.ContainsAny(text, "<> ,\t\r\n") {
		return errors.New("the link to unsubscribe is not a URL")
	}
	m.SetListUnsubscribe(text)
	a, err := netip.ParseAddr(u.Hostname())
	if u.Scheme == "https" || u.Hostname() == "localhost" || err == nil && a.IsLoopback() {
		m.SetListUnsubscribePost()
	}
	return nil
}

var (
	pictureTag = regexp.MustCompile(`<img[^>]*cid:` + regexp.QuoteMeta(pictureCID) + `[^>]*>`)
	method     = regexp.MustCompile(`(?m)^METHOD:([A-Z]+)\r?$`)
)

func parts(m *gomail.Msg, e outreach.Envelope) error {
	html := e.Content.HTML
	if len(e.Picture) == 0 {
		html = pictureTag.ReplaceAllLiteralString(html, "") // rather no picture than a broken one
	}
	m.SetBodyString(gomail.TypeTextPlain, crlf(e.Content.Text), encoding(e.Content.Text))
	if html != "" {
		m.AddAlternativeString(gomail.TypeTextHTML, crlf(html), encoding(html))
	}
	if len(e.Picture) > 0 && html != "" {
		err := m.EmbedReader(pictureCID, bytes.NewReader(e.Picture), gomail.WithFileContentType("image/png"))
		if err != nil {
			return errors.New("the picture cannot be attached")
		}
	}
	if e.Content.Calendar == "" {
		return nil
	}
	// Twice, as mailboxes disagree: some show the alternative as an invitation,
	// others offer only attachments to the calendar.
	kind := "PUBLISH"
	if found := method.FindStringSubmatch(e.Content.Calendar); found != nil {
		kind = found[1]
	}
	calendar := crlf(e.Content.Calendar)
	m.AddAlternativeString(gomail.ContentType("text/calendar; method="+kind), calendar, gomail.WithPartEncoding(gomail.EncodingB64))
	err := m.AttachReader("appointment.ics", strings.NewReader(calendar), gomail.WithFileContentType("application/ics"))
	if err != nil {
		return errors.New("the appointment cannot be attached")
	}
	return nil
}

// encoding picks the shorter of the two: quoted-printable writes three
// characters for one byte that is not ASCII.
func encoding(s string) gomail.PartOption {
	foreign := 0
	for i := range len(s) {
		if s[i] >= 0x80 {
			foreign++
		}
	}
	if foreign*6 > len(s) {
		return gomail.WithPartEncoding(gomail.EncodingB64)
	}
	return gomail.WithPartEncoding(gomail.EncodingQP)
}

func crlf(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return strings.ReplaceAll(s, "\n", "\r\n")
}
