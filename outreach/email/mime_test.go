package email_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"
	"github.com/emersion/go-message/mail"
	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/outreach/email"
)

// part is one leaf or branch of a parsed message.
type part struct {
	Type     string
	Body     string
	Parts    []part
	Method   string
	CID      string
	Filename string
}

func TestTheMessageAsAMailboxReadsIt(t *testing.T) {
	e := envelope()
	e.Lang, e.Content.Dir, e.Content.Subject = "ar", "rtl", "عناية بسيطة بجهازكم: آلة الإسبريسو في المطبخ الكبير"
	e.Content.Calendar = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"
	h, root := deliver(t, e, func(o *email.Options) { o.ReplyTo = "Brew Care <hello@maker.example>" })

	if got, err := h.Subject(); err != nil || got != e.Content.Subject {
		t.Errorf("subject %q, %v", got, err)
	}
	addresses := map[string]string{"From": `"Brew & Co, Berlin" <care@maker.example>`, "To": "=?utf-8?q?Zo=C3=AB_Canary?= <" + reader + ">", "Reply-To": `"Brew Care" <hello@maker.example>`}
	for name, want := range addresses {
		list, err := h.AddressList(name)
		if err != nil || len(list) != 1 || list[0].String() != want {
			t.Errorf("%s is %v, %v; want %s", name, list, err, want)
		}
	}
	for name, want := range map[string]string{
		"Message-Id":            "<m0123456789abcdef@maker.example>",
		"References":            "<case-c42@maker.example>",
		"Auto-Submitted":        "auto-generated",
		"Content-Language":      "ar",
		"List-Unsubscribe":      "<" + e.Content.Unsubscribe + ">",
		"List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
		"Date":                  "Sun, 22 Nov 2026 09:00:00 +0000",
		"User-Agent":            "",
		"X-Mailer":              "",
		"Precedence":            "",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	ics := e.Content.Calendar
	want := part{Type: "multipart/mixed", Parts: []part{
		{Type: "multipart/related", Parts: []part{
			{Type: "multipart/alternative", Parts: []part{
				{Type: "text/plain", Body: strings.ReplaceAll(e.Content.Text, "\n", "\r\n")},
				{Type: "text/html", Body: e.Content.HTML},
				{Type: "text/calendar", Method: "REQUEST", Body: ics},
			}},
			{Type: "image/png", CID: "<drift.png>", Filename: "drift.png", Body: string(e.Picture)},
		}},
		{Type: "application/ics", Filename: "appointment.ics", Body: ics},
	}}
	if diff := cmp.Diff(want, root); diff != "" {
		t.Errorf("structure (-want +got):\n%s", diff)
	}
}

func TestWithoutAPictureNoneIsShown(t *testing.T) {
	e := envelope()
	e.Picture = nil
	_, root := deliver(t, e, nil)
	want := part{Type: "multipart/alternative", Parts: []part{
		{Type: "text/plain", Body: strings.ReplaceAll(e.Content.Text, "\n", "\r\n")},
		{Type: "text/html", Body: "<p>Hello Zoë</p>"},
	}}
	if diff := cmp.Diff(want, root); diff != "" {
		t.Errorf("structure (-want +got):\n%s", diff)
	}
}

func TestTextOnly(t *testing.T) {
	e := envelope()
	e.Picture, e.Content.HTML = []byte("x"), ""
	if _, root := deliver(t, e, nil); root.Type != "text/plain" {
		t.Errorf("a message without HTML is %+v", root)
	}
}

func TestSendingAgainKeepsTheMessageID(t *testing.T) {
	for _, id := range []string{"m1", "offer:1/zoë", strings.Repeat("x", 200), "a\r\nBcc: b@canary.example"} {
		e := envelope()
		e.ID, e.Case = id, id
		first, _ := deliver(t, e, nil)
		again, _ := deliver(t, e, nil)
		if a, b := first.Get("Message-Id"), again.Get("Message-Id"); a != b || a == "" || strings.ContainsAny(a, " \r\n:") {
			t.Errorf("%q: Message-IDs %q and %q", id, a, b)
		}
	}
}

func TestNothingSlipsIntoTheHeader(t *testing.T) {
	evil := "x\r\nBcc: victim@canary.example\r\nX-Evil: 1\r\n\r\nbody\u0000\u2028\u0085"
	e := envelope()
	e.Name, e.Brand, e.Content.Subject, e.Lang, e.Case = evil, `" <evil@canary.example>, "`+evil, evil, evil, evil
	h, root := deliver(t, e, nil)
	for _, name := range []string{"Bcc", "X-Evil", "Content-Language"} {
		if h.Has(name) {
			t.Errorf("there is a header %s: %q", name, h.Get(name))
		}
	}
	if list, err := h.AddressList("From"); err != nil || len(list) != 1 || list[0].Address != "care@maker.example" {
		t.Errorf("From is %v, %v", list, err)
	}
	if list, err := h.AddressList("To"); err != nil || len(list) != 1 || list[0].Address != reader {
		t.Errorf("To is %v, %v", list, err)
	}
	if root.Type != "multipart/related" {
		t.Errorf("the body became %s", root.Type)
	}

	s := newServer(t, flavor{})
	c := open(t, s, email.None, nil)
	for _, link := range []string{"https://care.example/u/\r\nX-Evil: 1", "https://care.example/>,<mailto:v@canary.example", "javascript:canary()", "/u/x", "https://canary.example/ü"} {
		e := envelope()
		e.Content.Unsubscribe = link
		_, err := c.Send(context.Background(), e)
		wantClass(t, err, outreach.BadContent)
	}
	for _, change := range []func(*outreach.Content){
		func(c *outreach.Content) { c.Subject = " " }, func(c *outreach.Content) { c.Text = "" },
	} {
		e := envelope()
		change(&e.Content)
		_, err := c.Send(context.Background(), e)
		wantClass(t, err, outreach.BadContent)
	}
}

func TestOneClickOnlyWhereTheLinkIsSafe(t *testing.T) {
	for link, want := range map[string]bool{
		"https://care.example/u/1":   true,
		"http://care.example/u/1":    false,
		"http://127.0.0.1:8088/u/1":  true,
		"http://localhost:8088/u/1":  true,
		"http://localhost.evil/u/1":  false,
		"http://127.0.0.1.evil/u/1":  false,
		"https://[2001:db8::1]/u/1":  true,
		"http://192.168.7.1/u/1":     false,
		"http://[::1]:8088/u/1?a=b;": true,
	} {
		e := envelope()
		e.Content.Unsubscribe = link
		h, _ := deliver(t, e, nil)
		if got := h.Has("List-Unsubscribe-Post"); got != want || h.Get("List-Unsubscribe") != "<"+link+">" {
			t.Errorf("%s: one-click %v, want %v; header %q", link, got, want, h.Get("List-Unsubscribe"))
		}
	}
}

// deliver sends the envelope to a server and reads what it got.
func deliver(t *testing.T, e outreach.Envelope, change func(*email.Options)) (mail.Header, part) {
	t.Helper()
	raw := deliverRaw(t, e, change)
	for i, l := range bytes.Split(raw, []byte("\r\n")) {
		if len(l) > 998 || bytes.ContainsAny(l, "\r\n") {
			t.Errorf("line %d is no mail line: %d bytes", i, len(l))
		}
	}
	entity, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return mail.Header{Header: entity.Header}, read(t, entity)
}

func deliverRaw(t *testing.T, e outreach.Envelope, change func(*email.Options)) []byte {
	t.Helper()
	s := newServer(t, flavor{})
	if _, err := open(t, s, email.None, change).Send(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	return s.mails()[0].content
}

func read(t *testing.T, e *message.Entity) part {
	t.Helper()
	kind, params, err := e.Header.ContentType()
	if err != nil {
		t.Fatal(err)
	}
	p := part{Type: kind, Method: params["method"], CID: e.Header.Get("Content-Id")}
	if _, params, err := e.Header.ContentDisposition(); err == nil {
		p.Filename = params["filename"]
	}
	if r := e.MultipartReader(); r != nil {
		for {
			child, err := r.NextPart()
			if errors.Is(err, io.EOF) {
				return p
			}
			if err != nil {
				t.Fatal(err)
			}
			p.Parts = append(p.Parts, read(t, child))
		}
	}
	body, err := io.ReadAll(e.Body)
	if err != nil {
		t.Fatal(fmt.Errorf("reading %s: %w", kind, err))
	}
	p.Body = string(body)
	return p
}
