package web

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"html"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/web/account"
	"github.com/forecare/forecare/web/chart"
)

//go:embed templates/*.html
var templateFiles embed.FS

// pages are the templates by name: templates/fleet.html is "fleet". Files that
// begin with an underscore are parts that every page has.
type pages map[string]*template.Template

// page is what every template gets; View is the page's own.
type page struct {
	Title     string
	Nav       string // which entry of the navigation is this
	Me        account.Identity
	FormToken string
	Open      int // cases that are open, for the navigation
	Now       time.Time
	Path      string // of this page, with its query
	View      any
}

// May lets templates leave out what the reader may not do.
func (p page) May(need string) bool { return p.Me.Role.May(account.Permission(need)) }

func loadPages(s *Server) (pages, error) {
	root := template.New("").Funcs(s.functions())
	shared, err := fs.Glob(templateFiles, "templates/_*.html")
	if err != nil {
		return nil, fmt.Errorf("finding the templates: %w", err)
	}
	if root, err = root.ParseFS(templateFiles, shared...); err != nil {
		return nil, fmt.Errorf("reading the shared templates: %w", err)
	}
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("finding the templates: %w", err)
	}
	all := pages{}
	for _, name := range names {
		base := path.Base(name)
		if strings.HasPrefix(base, "_") {
			continue
		}
		t, err := root.Clone()
		if err == nil {
			t, err = t.ParseFS(templateFiles, name)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the template %s: %w", base, err)
		}
		all[strings.TrimSuffix(base, ".html")] = t
	}
	return all, nil
}

func (s *Server) functions() template.FuncMap {
	return template.FuncMap{
		"asset":     s.assets.url,
		"count":     count,
		"thousands": func(n int) string { return thousands(n) },
		"size":      size,
		"number":    chart.Number,
		"signed":    signed,
		"when":      when,
		"clock":     clock,
		"span":      span,
		"words":     metricWords,
		"path":      pathEscape,
		"lower":     strings.ToLower,
		"plus":      func(a, b int) int { return a + b },
		"bignum":    func(n uint64) string { return thousands(n) },
		"hostport":  hostPort,
	}
}

// hostPort writes an address as mosquitto_pub takes it. Where a machine listens
// everywhere, it is called by a name that whoever reads this has to know.
func hostPort(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = address, "1883"
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "HOST"
	}
	return "-h " + host + " -p " + port
}

// pathEscape makes an identifier one segment of a path.
func pathEscape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '~', c == ':':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// when shows how far away an instant is, and the instant itself on hover.
func when(now, t time.Time, zone *time.Location) template.HTML {
	return stamp(t, zone, ago(now, t))
}

// clock shows an instant as people say it at the place, with the zone.
func clock(now, t time.Time, zone *time.Location) template.HTML {
	layout := "Mon 2 Jan, 15:04"
	if t.Year() != now.Year() {
		layout = "2 Jan 2006, 15:04"
	}
	if zone == nil {
		zone = time.UTC
	}
	return stamp(t, zone, t.In(zone).Format(layout)+" "+zoneName(t, zone))
}

func stamp(t time.Time, zone *time.Location, words string) template.HTML {
	if t.IsZero() {
		return template.HTML(html.EscapeString(words)) //nolint:gosec // escaped
	}
	if zone == nil {
		zone = time.UTC
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`, //nolint:gosec // escaped
		t.UTC().Format(time.RFC3339), html.EscapeString(exact(t, zone)), html.EscapeString(words)))
}

// render answers with a page. What fails while it is made is an error and not
// half a page.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, name, title string, view any) error {
	t, ok := s.pages[name]
	if !ok {
		return devices.Errorf(devices.Internal, "there is no template %s", name)
	}
	p := page{Title: title, Nav: name, Now: s.now(), Path: r.URL.RequestURI(), View: view}
	shell := "bare"
	if id, ok := identityOf(r.Context()); ok {
		shell = "shell"
		p.Me = id
		if session := s.session(r); session != "" {
			p.FormToken = account.FormToken(session)
		}
		if id.Role.May(account.SeeCases) {
			p.Open = s.openCases(r, id.Tenant)
		}
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, shell, p); err != nil {
		return fmt.Errorf("rendering %s: %w", name, err)
	}
	body := b.Bytes()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept-Encoding")
	if len(body) > 1024 && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = zip(body, gzip.DefaultCompression)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(body) //nolint:errcheck // the reader has gone
	}
	return nil
}

// openCases counts for the navigation. A page is not lost because it cannot.
func (s *Server) openCases(r *http.Request, tenant string) int {
	found, err := s.o.Care.Cases(r.Context(), outreach.CaseFilter{Tenant: tenant, States: openStates(), Limit: 1})
	if err != nil {
		return 0
	}
	return found.Total
}

// problemView is what an error page says.
type problemView struct {
	Status  int
	Head    string
	Message string
	Advice  string
	ID      string
}

// errorPage says what happened, what to do, and which id to tell.
func (s *Server) errorPage(w http.ResponseWriter, r *http.Request, err error) {
	p := s.problem(r.Context(), r.Method+" "+routeOf(r), err)
	v := problemView{Status: p.Status, Message: p.Detail, ID: p.ID}
	switch p.Code {
	case devices.NotFound:
		v.Head, v.Advice = "Not found", "It may have been removed, or the address is not whole."
	case devices.Forbidden:
		v.Head = "Not allowed"
	case devices.Unauthorized:
		v.Head = "Please sign in"
	case devices.Conflict:
		v.Head, v.Advice = "Somebody was faster", "Go back and load the page again: it has changed since you opened it."
	case devices.Invalid:
		v.Head, v.Advice = "That does not work yet", "Go back, change it and try again."
	case devices.Unavailable:
		v.Head, v.Advice = "Not available right now", "Nothing is lost. Try again in a moment."
	default:
		v.Head, v.Advice = "Something went wrong", "Try again; if it stays, tell an admin this id."
	}
	if id, err := s.whois(r); err == nil {
		r = withIdentity(r, id)
	}
	w.Header().Set("Cache-Control", "no-store")
	if s.render(w, r, p.Status, "error", v.Head, v) != nil {
		http.Error(w, v.Head+": "+p.Detail, p.Status)
	}
}
