package sim

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"

	"golang.org/x/net/html/charset"
)

// Bounds of what is taken apart. A mail beyond them is shown as far as they
// reach.
const (
	maxLetterDepth = 8
	maxLetterParts = 60
	maxPartBytes   = 3 << 20
)

// letter is a mail taken apart. Flaws say what of it could not be read.
type letter struct {
	From, To    []correspondent
	Subject     string
	Unsubscribe string // the one-click link of RFC 8058, http(s) only
	Header      []headerLine
	Text, HTML  string
	Parts       []part // attachments and pictures
	Flaws       []string

	parts int
}

type headerLine struct{ Name, Value string }

// correspondent is somebody in From or To. A field that cannot be read is a
// Name as it stands there.
type correspondent struct{ Name, Address string }

// Short is what a list has room for.
func (c correspondent) Short() string {
	if c.Name != "" {
		return c.Name
	}
	return c.Address
}

// part is an attachment, or a picture that the HTML refers to by its ContentID.
type part struct {
	Name, Type, ContentID string
	Body                  []byte
}

// readLetter takes a mail apart. It never fails: what cannot be read is a flaw.
func readLetter(raw []byte) *letter {
	l := &letter{}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		l.flaw("the mail has no readable header")
		l.Text = toUTF8(raw, "")
		return l
	}
	words := &mime.WordDecoder{CharsetReader: charset.NewReaderLabel}
	decoded := func(name string) string {
		v := m.Header.Get(name)
		if d, err := words.DecodeHeader(v); err == nil {
			v = d
		}
		return strings.ToValidUTF8(v, "�")
	}
	people := func(name string) []correspondent {
		var out []correspondent
		parser := mail.AddressParser{WordDecoder: words}
		if list, err := parser.ParseList(m.Header.Get(name)); err == nil {
			for _, a := range list {
				out = append(out, correspondent{strings.ToValidUTF8(a.Name, "�"), strings.ToValidUTF8(a.Address, "�")})
			}
		} else if s := decoded(name); s != "" {
			out = append(out, correspondent{Name: s})
		}
		return out
	}
	l.From, l.To, l.Subject = people("From"), people("To"), decoded("Subject")
	l.Unsubscribe = oneClick(m.Header.Get("List-Unsubscribe"))
	l.Header = headerLines(raw)
	l.walk(textproto.MIMEHeader(m.Header), m.Body, 0)
	return l
}

func (l *letter) flaw(s string) {
	for _, have := range l.Flaws {
		if have == s {
			return
		}
	}
	l.Flaws = append(l.Flaws, s)
}

// walk takes one body apart.
func (l *letter) walk(h textproto.MIMEHeader, body io.Reader, depth int) {
	if l.parts++; l.parts > maxLetterParts || depth > maxLetterDepth {
		l.flaw("the mail has too many parts; only the first are shown")
		return
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		kind = "text/plain"
		if h.Get("Content-Type") != "" {
			l.flaw("a part has an unreadable content type and is shown as text")
		}
	}
	if strings.HasPrefix(kind, "multipart/") {
		l.walkMany(body, params["boundary"], depth)
		return
	}
	b := l.decode(h.Get("Content-Transfer-Encoding"), body)
	name := fileName(h, params)
	switch {
	case kind == "text/plain" && name == "" && l.Text == "":
		l.Text = toUTF8(b, params["charset"])
	case kind == "text/html" && name == "" && l.HTML == "":
		l.HTML = toUTF8(b, params["charset"])
	default:
		l.Parts = append(l.Parts, part{
			Name: name, Type: kind, ContentID: strings.Trim(h.Get("Content-Id"), "<> "), Body: b,
		})
	}
}

func (l *letter) walkMany(body io.Reader, boundary string, depth int) {
	if boundary == "" {
		l.flaw("a part says that it has several parts, but not what is between them")
		return
	}
	r := multipart.NewReader(body, boundary)
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			l.flaw("the mail ends in the middle of a part")
			return
		}
		l.walk(p.Header, p, depth+1)
		if l.parts > maxLetterParts {
			return
		}
	}
}

func (l *letter) decode(encoding string, body io.Reader) []byte {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	b, err := io.ReadAll(io.LimitReader(body, maxPartBytes+1))
	if err != nil {
		l.flaw("a part is damaged and shown as far as it can be read")
	}
	if len(b) > maxPartBytes {
		b = b[:maxPartBytes]
		l.flaw("a part is too large and shown in part")
	}
	return b
}

func fileName(h textproto.MIMEHeader, params map[string]string) string {
	name := params["name"]
	if _, d, err := mime.ParseMediaType(h.Get("Content-Disposition")); err == nil && d["filename"] != "" {
		name = d["filename"]
	}
	words := &mime.WordDecoder{CharsetReader: charset.NewReaderLabel}
	if d, err := words.DecodeHeader(name); err == nil {
		name = d
	}
	return strings.ToValidUTF8(name, "�")
}

// toUTF8 decodes text; what the character set does not have becomes �.
func toUTF8(b []byte, label string) string {
	if label != "" && !strings.EqualFold(label, "utf-8") {
		if r, err := charset.NewReaderLabel(label, bytes.NewReader(b)); err == nil {
			if d, err := io.ReadAll(r); err == nil {
				b = d
			}
		}
	}
	return strings.ToValidUTF8(string(b), "�")
}

// oneClick finds the web address in a List-Unsubscribe header.
func oneClick(header string) string {
	for _, s := range strings.Split(header, ",") {
		s = strings.Trim(strings.TrimSpace(s), "<>")
		if webAddress(s) {
			return s
		}
	}
	return ""
}

// headerLines returns the header as it was written, unfolded.
func headerLines(raw []byte) []headerLine {
	var out []headerLine
	for line := range bytes.Lines(raw) {
		s := strings.TrimRight(strings.ToValidUTF8(string(line), "�"), "\r\n")
		if s == "" || len(out) == 100 {
			break
		}
		if (s[0] == ' ' || s[0] == '\t') && len(out) > 0 {
			out[len(out)-1].Value += " " + strings.TrimSpace(s)
			continue
		}
		name, value, _ := strings.Cut(s, ":")
		out = append(out, headerLine{name, strings.TrimSpace(value)})
	}
	return out
}
