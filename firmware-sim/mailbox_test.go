package sim_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/forecare/forecare/devices"
	sim "github.com/forecare/forecare/firmware-sim"
)

// openMailbox runs a mailbox in dir until the test ends or stop is called.
func openMailbox(t *testing.T, dir string) (m *sim.Mailbox, stop func()) {
	t.Helper()
	m, err := sim.NewMailbox("127.0.0.1:0", dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }() // waited for in stop
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return m, stop
}

func deliver(t *testing.T, m *sim.Mailbox, raw string) error {
	t.Helper()
	return smtp.SendMail(m.Addr().String(), nil, "care@example.org", []string{"alice@example.org"}, []byte(strings.ReplaceAll(raw, "\n", "\r\n")))
}

// get asks the mailbox's pages, mounted under /mailbox.
func get(t *testing.T, m *sim.Mailbox, path string) (*http.Response, string) {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler("/mailbox").ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

// first returns the path of the newest mail.
func first(t *testing.T, m *sim.Mailbox) string {
	t.Helper()
	_, page := get(t, m, "/mailbox/")
	found := regexp.MustCompile(`href="(/mailbox/2[^"]+)"`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("there is no mail on the page:\n%s", page)
	}
	return found[1]
}

// pixel is a PNG of one pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

const offer = `From: Forecare <care@example.org>
To: =?utf-8?q?=D9=84=D9=8A=D9=84=D9=89?= <layla@example.org>
Subject: =?utf-8?q?Your_espresso_machine=2C_before_you_notice?=
List-Unsubscribe: <http://127.0.0.1:8080/u/token>, <mailto:no@example.org>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=outer

--outer
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

You probably haven=E2=80=99t noticed anything.
--outer
Content-Type: multipart/related; boundary=inner

--inner
Content-Type: text/html; charset=utf-8

<html><head><style>p{color:#333}</style></head><body dir="rtl"><p>You probably haven't noticed anything.</p>
<img src="cid:drift.png" alt="drift"><a href="http://127.0.0.1:8080/o/token">Pick a time</a></body></html>
--inner
Content-Type: image/png
Content-ID: <drift.png>
Content-Transfer-Encoding: base64

` + pixel + `
--inner--
--outer
Content-Type: text/calendar; name=visit.ics

BEGIN:VCALENDAR
END:VCALENDAR
--outer--
`

func TestMailboxShowsMailAsItsReaderSeesIt(t *testing.T) {
	t.Parallel()
	m, _ := openMailbox(t, t.TempDir())
	if _, page := get(t, m, "/mailbox"); !strings.Contains(page, "No mail yet") {
		t.Errorf("an empty mailbox says:\n%s", page)
	}
	if err := deliver(t, m, offer); err != nil {
		t.Fatal(err)
	}
	const label = "this stands in for the owner’s mail program. Nothing here has left this machine."
	_, list := get(t, m, "/mailbox/")
	path := first(t, m)
	_, mail := get(t, m, path)
	_, frame := get(t, m, path+"/html")
	for _, c := range []struct{ where, page, want string }{
		{"list", list, label},
		{"list", list, "Your espresso machine, before you notice"},
		{"list", list, "ليلى"},
		{"mail", mail, label},
		{"mail", mail, `src="` + path + `/html" sandbox="allow-popups allow-popups-to-escape-sandbox"`},
		{"mail", mail, "You probably haven’t noticed anything."},
		{"mail", mail, `<a href="http://127.0.0.1:8080/u/token" target="_blank" rel="noopener noreferrer">Unsubscribe</a>`},
		{"mail", mail, `download="visit.ics"`},
		{"mail", mail, "List-Unsubscribe=One-Click"},
		{"frame", frame, `<img src="` + path + `/parts/0" alt="drift"/>`},
		{"frame", frame, `<a href="http://127.0.0.1:8080/o/token" target="_blank" rel="noopener noreferrer">Pick a time</a>`},
		{"frame", frame, `<style>p{color:#333}</style>`},
		{"frame", frame, `dir="rtl"`},
	} {
		if !strings.Contains(c.page, c.want) {
			t.Errorf("the %s lacks %s:\n%s", c.where, c.want, c.page)
		}
	}
	r, picture := get(t, m, path+"/parts/0")
	want, _ := base64.StdEncoding.DecodeString(pixel)
	if r.Header.Get("Content-Type") != "image/png" || picture != string(want) {
		t.Errorf("the picture came as %s, %d bytes", r.Header.Get("Content-Type"), len(picture))
	}
	r, _ = get(t, m, path+"/parts/1")
	if !strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment") || r.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("the calendar came as %v", r.Header)
	}
	if strings.Contains(mail, "drift.png</bdi>") {
		t.Error("the picture in the mail is listed as an attachment too")
	}
}

func TestMailboxKeepsMailsOverARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m, stop := openMailbox(t, dir)
	for range 3 {
		if err := deliver(t, m, offer); err != nil {
			t.Fatal(err)
		}
	}
	before := first(t, m)
	stop()
	// What a crash may leave behind, and what somebody else put there.
	for _, name := range []string{"x.eml.new-123", "notes.txt", "shopping.eml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("?"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, _ = openMailbox(t, dir)
	if m.Count() != 3 || first(t, m) != before {
		t.Errorf("after a restart there are %d mails, the newest is %s", m.Count(), first(t, m))
	}
}

func TestHostileMailIsHarmless(t *testing.T) {
	t.Parallel()
	page := func(html string) string {
		return "From: a@example.org\nContent-Type: text/html\n\n" + html
	}
	for name, c := range map[string]struct {
		raw    string
		banned []string
	}{
		"script":        {page(`<script>alert(1)</script><p onclick="alert(1)">hi</p>`), []string{"<script", "onclick"}},
		"url of script": {page(`<a href="javascript:alert(1)">x</a><a href=" jaVascript:alert(1)">y</a>`), []string{"alert"}},
		"frames":        {page(`<iframe src="http://evil.example"></iframe><object data="http://evil.example"></object><embed src="http://evil.example">`), []string{"evil"}},
		"form":          {page(`<form action="http://evil.example"><input name=password></form><button formaction="http://evil.example">x</button>`), []string{"evil", "<input"}},
		"refresh":       {page(`<meta http-equiv="Refresh" content="0; url=http://evil.example">`), []string{"evil"}},
		"tracking":      {page(`<img src="http://evil.example/1.gif"><img srcset="http://evil.example/2.gif"><body background="http://evil.example">`), []string{"evil"}},
		"stylesheet":    {page(`<link rel=stylesheet href="http://evil.example/x.css"><base href="http://evil.example/">`), []string{"evil"}},
		"svg":           {page(`<svg><script>alert(1)</script><a xlink:href="javascript:alert(1)"><text>x</text></a></svg><math><mi xlink:href="javascript:alert(1)">`), []string{"alert"}},
		"mutation":      {page(`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`), []string{"onerror", "<noscript"}},
		"escape":        {page(`</body></html></iframe><script>alert(1)</script>`), []string{"alert"}},
		"headers":       {"From: <script>alert(1)</script>\nSubject: <script>alert(2)</script>\nX-\"><script>: alert(3)\n\n</pre><script>alert(4)</script>", []string{"<script>"}},
		"unsubscribe":   {"From: a@example.org\nList-Unsubscribe: <javascript:alert(1)>\nSubject: x\n\nx", []string{`href="javascript`}},
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := openMailbox(t, t.TempDir())
			if err := deliver(t, m, c.raw); err != nil {
				t.Fatal(err)
			}
			path := first(t, m)
			for _, p := range []string{"/mailbox/", path, path + "/html"} {
				r, body := get(t, m, p)
				for _, bad := range c.banned {
					if p != path && strings.Contains(body, bad) || strings.Contains(body, "<script") || strings.Contains(body, "<iframe src=\"http") {
						t.Errorf("%s holds %q:\n%s", p, bad, body)
					}
				}
				csp := r.Header.Get("Content-Security-Policy")
				if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "script-src") || r.Header.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("%s is served with %v", p, r.Header)
				}
				if strings.HasSuffix(p, "/html") && !strings.Contains(csp, "; sandbox allow-popups") {
					t.Errorf("the mail's HTML is served without a sandbox: %s", csp)
				}
			}
		})
	}
}

func TestBrokenMailIsShownAsFarAsItGoes(t *testing.T) {
	t.Parallel()
	deep := "From: a@example.org\n"
	for i := range 30 {
		deep += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	many := "From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\n"
	for range 500 {
		many += "--b\nContent-Type: application/x-part\n\nx\n"
	}
	for name, c := range map[string]struct{ raw, want string }{
		"no header":        {"this is no mail at all", "no readable header"},
		"nothing":          {"\n", "This mail is empty."},
		"no boundary":      {"From: a@example.org\nContent-Type: multipart/mixed\n\nx", "not what is between them"},
		"cut off":          {"From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhalf a", "damaged and shown as far"},
		"bad base64":       {"From: a@example.org\nContent-Transfer-Encoding: base64\n\naGVsbG8=!!!!", "hello"},
		"bad type":         {"From: a@example.org\nContent-Type: ;;;\n\nstill text", "still text"},
		"latin 1":          {"From: a@example.org\nContent-Type: text/plain; charset=iso-8859-1\n\ncaf\xe9", "café"},
		"broken utf-8":     {"From: a@example.org\n\ncaf\xe9", "caf�"},
		"unknown charset":  {"From: a@example.org\nContent-Type: text/plain; charset=klingon\n\nqapla", "qapla"},
		"broken subject":   {"From: a@example.org\nSubject: =?utf-8?b?!!!?=\n\nx", "=?utf-8?b?!!!?="},
		"deep":             {deep, "too many parts"},
		"many":             {many, "too many parts"},
		"subject in bytes": {"From: a@example.org\nSubject: \xff\xfe\n\nx", "�"},
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := openMailbox(t, t.TempDir())
			if err := deliver(t, m, c.raw); err != nil {
				t.Fatal(err)
			}
			r, body := get(t, m, first(t, m))
			if r.StatusCode != http.StatusOK || !strings.Contains(body, c.want) {
				t.Errorf("status %d, the page lacks %q:\n%s", r.StatusCode, c.want, body)
			}
		})
	}
}

func TestHugeMailIsRefusedAndTheNextOneTaken(t *testing.T) {
	t.Parallel()
	m, _ := openMailbox(t, t.TempDir())
	huge := "From: a@example.org\n\n" + strings.Repeat(strings.Repeat("x", 900)+"\n", 5000)
	if err := deliver(t, m, huge); err == nil || !strings.Contains(err.Error(), "552") {
		t.Errorf("4.5 MB of mail: %v", err)
	}
	nested := "From: a@example.org\nContent-Type: text/html\n\n" + strings.Repeat(strings.Repeat("<div>", 100)+"\n", 2000)
	for _, raw := range []string{offer, nested} {
		if err := deliver(t, m, raw); err != nil {
			t.Fatal(err)
		}
	}
	if m.Count() != 2 {
		t.Errorf("there are %d mails", m.Count())
	}
	if r, body := get(t, m, first(t, m)+"/html"); r.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "cannot be shown") {
		t.Errorf("200,000 nested elements: status %d\n%.300s", r.StatusCode, body)
	}
}

func TestMailboxAnswersOnlyWhatExists(t *testing.T) {
	t.Parallel()
	m, _ := openMailbox(t, t.TempDir())
	if err := deliver(t, m, offer); err != nil {
		t.Fatal(err)
	}
	path := first(t, m)
	for _, p := range []string{
		"/mailbox/20200101T000000.000-00000000", "/mailbox/..%2f..%2fetc%2fpasswd", path + "/parts/99", path + "/parts/-1", path + "/parts/x",
		"/mailbox/a/b/c/d", path + "/elsewhere",
	} {
		if r, _ := get(t, m, p); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s answers %d", p, r.StatusCode)
		}
	}
	w := httptest.NewRecorder()
	m.Handler("/mailbox").ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("a POST is answered with %d", w.Code)
	}
	if r, css := get(t, m, "/mailbox/style.css"); r.StatusCode != http.StatusOK || !strings.Contains(css, "prefers-color-scheme: dark") {
		t.Errorf("the style sheet answers %d", r.StatusCode)
	}
}

func TestMailboxListensOnThisMachineOnly(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:25", "mail.example.org:25", "nonsense"} {
		if m, err := sim.NewMailbox(address, t.TempDir(), nil); err == nil || devices.CodeOf(err) != devices.Invalid {
			t.Errorf("%s: %v", address, err)
			if m != nil {
				_ = m.Close()
			}
		}
	}
}

func TestMailboxStopsAlthoughSomebodyHoldsTheLine(t *testing.T) {
	t.Parallel()
	m, stop := openMailbox(t, t.TempDir())
	c, err := net.Dial("tcp", m.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	hello := make([]byte, 3)
	if _, err := io.ReadFull(c, hello); err != nil || string(hello) != "220" {
		t.Fatalf("greeting %q, %v", hello, err)
	}
	began := time.Now()
	stop()
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("it took %s", d)
	}
}
