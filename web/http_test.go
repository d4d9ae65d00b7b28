package web_test

import (
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/forecare/forecare/web"
	"github.com/forecare/forecare/web/account"
)

var errWithSecret = errors.New("dial 10.0.0.3: password hunter2 refused")

func TestHeadersOfEveryAnswer(t *testing.T) {
	w := newWorld(t, 3)
	c := w.as(t, "acme", account.Admin)
	for _, path := range []string{"/fleet", "/signin", "/nowhere", "/healthz", "/api/v1/me", "/api/v1/docs", "/static/nothing.css"} {
		h := w.get(t, c, path).header
		policy := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy %q lacks %q", path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
			t.Errorf("%s: the policy %q is not strict", path, policy)
		}
		for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
	if h := w.get(t, c, "/fleet").header; h.Get("Cache-Control") != "no-store" {
		t.Errorf("a page may be kept: %q", h.Get("Cache-Control"))
	}
}

func TestCookie(t *testing.T) {
	for _, test := range []struct{ public, name string }{{"http://127.0.0.1:8080", "forecare_session"}, {"https://care.example.com", "__Host-forecare_session"}} {
		w := newWorld(t, 3, func(o *web.Options) { o.PublicURL, _ = url.Parse(test.public) })
		link, err := w.accounts.NewLink(t.Context(), "acme", "ada@example.com", account.Admin)
		if err != nil {
			t.Fatal(err)
		}
		u, _ := url.Parse(link)
		for range 3 { // what a mail scanner does
			if got := w.get(t, nil, u.Path); got.status != http.StatusOK || !strings.Contains(got.body, "ada@example.com") {
				t.Fatalf("looking at the link: %d", got.status)
			}
		}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, w.http.URL+u.Path, nil)
		got := w.do(t, nil, req)
		if got.status != http.StatusSeeOther {
			t.Fatalf("signing in: %d %s", got.status, got.body)
		}
		c := got.header.Get("Set-Cookie")
		secure := strings.HasPrefix(test.public, "https")
		if !strings.HasPrefix(c, test.name+"=") || !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") || !strings.Contains(c, "Path=/;") || strings.Contains(c, "Secure") != secure {
			t.Errorf("%s: cookie %q", test.public, c)
		}
		if (got.header.Get("Strict-Transport-Security") != "") != secure {
			t.Errorf("%s: HSTS %q", test.public, got.header.Get("Strict-Transport-Security"))
		}
		if got := w.do(t, nil, req.Clone(t.Context())); got.status != http.StatusUnauthorized {
			t.Errorf("a second use: %d", got.status)
		}
		if strings.Contains(w.logs.String(), strings.TrimPrefix(u.Path, "/signin/")) {
			t.Error("the link is in the log")
		}
	}
}

func TestSigningInLeadsWhereOneWanted(t *testing.T) {
	w := newWorld(t, 3)
	got := w.get(t, nil, "/cases?show=closed")
	if want := "/signin?next=%2Fcases%3Fshow%3Dclosed"; got.header.Get("Location") != want {
		t.Errorf("sent to %q", got.header.Get("Location"))
	}
	token := w.token(t, "acme", account.Agent)
	for next, want := range map[string]string{
		"/cases?show=closed": "/cases?show=closed", "": "/", "https://evil.example": "/", "//evil.example": "/", `/\evil.example`: "/",
		"/signin/x": "/", "javascript:alert(1)": "/", "/ok": "/ok",
	} {
		form := url.Values{"token": {token}, "next": {next}}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, w.http.URL+"/signin", strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if got := w.do(t, nil, req); got.status != http.StatusSeeOther || got.header.Get("Location") != want {
			t.Errorf("next %q: %d to %q, want %q", next, got.status, got.header.Get("Location"), want)
		}
	}
}

func TestAttemptsToSignInAreLimited(t *testing.T) {
	w := newWorld(t, 3)
	try := func(from string) int {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, w.http.URL+"/signin", strings.NewReader("token=fca_wrong"))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("X-Forwarded-For", from)
		return w.do(t, nil, req).status
	}
	for i := range 10 {
		if got := try("203.0.113.9"); got != http.StatusUnauthorized {
			t.Fatalf("attempt %d: %d", i, got)
		}
	}
	if got := try("198.51.100.1, 203.0.113.9"); got != http.StatusServiceUnavailable {
		t.Errorf("attempt 11: %d", got)
	}
	if got := try("198.51.100.1"); got != http.StatusUnauthorized {
		t.Errorf("somebody else pays: %d", got)
	}
}

func TestSignOutEndsTheSession(t *testing.T) {
	w := newWorld(t, 3)
	c := w.as(t, "acme", account.Agent)
	u, _ := url.Parse(w.http.URL)
	before := c.Jar.Cookies(u)
	if got := w.post(t, c, "/cases", "/signout", nil); got.status != http.StatusSeeOther {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if left := c.Jar.Cookies(u); len(left) != 0 {
		t.Errorf("the cookie stays: %v", left)
	}
	c.Jar.SetCookies(u, before) // somebody kept a copy
	if got := w.get(t, c, "/cases"); got.status != http.StatusSeeOther {
		t.Errorf("the old cookie works: %d", got.status)
	}
}

func TestHealth(t *testing.T) {
	w := stage(t, "broken")
	if got := w.get(t, nil, "/healthz"); got.status != http.StatusOK {
		t.Errorf("healthz: %d", got.status)
	}
	if req, _ := http.NewRequestWithContext(t.Context(), http.MethodHead, w.http.URL+"/healthz", nil); w.do(t, nil, req).status != http.StatusOK {
		t.Error("a monitor that asks by HEAD is refused")
	}
	got := w.get(t, nil, "/readyz")
	if got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "InfluxDB is opening.") || !strings.Contains(got.body, "does not answer as it should") || strings.Contains(got.body, "secret host") {
		t.Errorf("readyz: %d %s", got.status, got.body)
	}
	if got := newWorld(t, 0).get(t, nil, "/readyz"); got.status != http.StatusOK || !strings.Contains(got.body, `"detection"`) {
		t.Errorf("readyz of a healthy one: %d %s", got.status, got.body)
	}
}

func TestMetricsAreForThisMachineAndAdmins(t *testing.T) {
	w := newWorld(t, 3)
	w.get(t, nil, "/healthz")
	if got := w.get(t, nil, "/metrics"); got.status != http.StatusOK || !strings.Contains(got.body, `forecare_web_request_seconds_count{method="GET",route="/healthz",status="200"} 1`) {
		t.Errorf("from this machine: %d %.300s", got.status, got.body)
	}
	ask := func(w *world, token string, header map[string]string, from string) int {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.RemoteAddr = from
		for k, v := range header {
			r.Header.Set(k, v)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		rec := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(rec, r)
		return rec.Code
	}
	for name, test := range map[string]struct {
		token, from string
		header      map[string]string
		want        int
	}{
		"a stranger":                   {from: "203.0.113.9:1", want: 401},
		"a stranger through our proxy": {from: "127.0.0.1:1", header: map[string]string{"X-Forwarded-For": "203.0.113.9"}, want: 401},
		"an agent":                     {token: w.token(t, "acme", account.Agent), from: "203.0.113.9:1", want: 403},
		"an admin":                     {token: w.token(t, "acme", account.Admin), from: "203.0.113.9:1", want: 200},
		"this machine, IPv6":           {from: "[::1]:1", want: 200},
	} {
		if got := ask(w, test.token, test.header, test.from); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
	open := newWorld(t, 0, func(o *web.Options) { o.OpenMetrics = true })
	if got := ask(open, "", nil, "203.0.113.9:1"); got != http.StatusOK {
		t.Errorf("opened for everybody: %d", got)
	}
}

func TestStaticFilesAreKeptAndPacked(t *testing.T) {
	w := newWorld(t, 0)
	page := w.get(t, nil, "/signin").body
	_, rest, _ := strings.Cut(page, `href="/static/tokens.`)
	hash, _, ok := strings.Cut(rest, ".css")
	if !ok || len(hash) != 10 {
		t.Fatalf("no hashed name in %q", rest)
	}
	path := "/static/tokens." + hash + ".css"
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.http.URL+path, nil)
	req.Header.Set("Accept-Encoding", "br, gzip;q=0.8")
	got := w.do(t, nil, req)
	if got.status != http.StatusOK || got.header.Get("Content-Encoding") != "gzip" || !strings.Contains(got.header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(got.header.Get("Content-Type"), "text/css") {
		t.Errorf("%d %v", got.status, got.header)
	}
	req.Header.Set("If-None-Match", got.header.Get("Etag"))
	if again := w.do(t, nil, req); again.status != http.StatusNotModified || again.body != "" {
		t.Errorf("the same again: %d", again.status)
	}
	plain, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.http.URL+path, nil)
	plain.Header.Set("Accept-Encoding", "identity")
	if got := w.do(t, nil, plain); !strings.Contains(got.body, "--accent") || got.header.Get("Content-Encoding") != "" {
		t.Errorf("unpacked: %v", got.header)
	}
	for _, bad := range []string{"/static/tokens.css", "/static/../server.go", "/static/.gitkeep"} {
		if got := w.get(t, nil, bad); got.status == http.StatusOK {
			t.Errorf("%s is served", bad)
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	w := newWorld(t, 12)
	got := w.api(t, w.token(t, "acme", account.Admin), "POST", "/cases/case-"+drifter+"/note", `{"text":"`+strings.Repeat("x", 2<<20)+`"}`)
	if got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %.200s", got.status, got.body)
	}
	if got := w.post(t, w.as(t, "acme", account.Agent), "/cases", "/cases/case-"+drifter+"/note", url.Values{"text": {strings.Repeat("ü", 4001)}}); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "4,001 characters") {
		t.Errorf("a long note: %d", got.status)
	}
}

func TestADefectIsAnErrorOfOneRequest(t *testing.T) {
	w := newWorld(t, 3, func(o *web.Options) {
		o.Extra = map[string]http.Handler{"/boom": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("defect 4711") })}
	})
	got := w.get(t, nil, "/boom/x")
	if got.status != http.StatusInternalServerError || strings.Contains(got.body, "4711") || !strings.Contains(got.body, "Something went wrong") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if !strings.Contains(w.logs.String(), "defect 4711") {
		t.Error("it is not in the log")
	}
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	for name, change := range map[string]func(*web.Options){
		"a path in the public URL": func(o *web.Options) { o.PublicURL, _ = url.Parse("https://example.com/care") },
		"no host in it":            func(o *web.Options) { o.PublicURL, _ = url.Parse("care.example.com") },
		"a mount without a slash":  func(o *web.Options) { o.Extra = map[string]http.Handler{"mailbox": http.NotFoundHandler()} },
		"an address in use": func(o *web.Options) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			o.Address = l.Addr().String()
		},
	} {
		o := web.Options{Address: "127.0.0.1:0"}
		change(&o)
		if s, err := web.New(o); err == nil {
			s.Close()
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestVendorFilesAreThere(t *testing.T) {
	for _, name := range []string{"htmx.min.js", "uplot.min.js", "uplot.min.css"} {
		if _, err := os.Stat("static/vendor/" + name); errors.Is(err, fs.ErrNotExist) {
			t.Errorf("web/static/vendor/%s is missing: run `make build`, which fetches it", name)
		}
	}
}
