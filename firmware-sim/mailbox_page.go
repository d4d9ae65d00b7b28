package sim

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
)

//go:embed mailbox
var mailboxFiles embed.FS

// Policies of what the mailbox serves. Pages run nothing; a mail is shown in a
// frame that may do nothing but open links apart.
const (
	pagePolicy = "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; form-action 'none'; " +
		"frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
	filePolicy = "default-src 'none'; sandbox"
)

// mailPages serves a mailbox.
type mailPages struct {
	box    *Mailbox
	prefix string
	list   *template.Template
	letter *template.Template
	oops   *template.Template
}

// Handler serves the mailbox under a path prefix such as /mailbox, which it
// expects in the paths that it is given. It answers GET only and changes
// nothing.
func (m *Mailbox) Handler(prefix string) http.Handler {
	page := func(name string) *template.Template {
		return template.Must(template.ParseFS(mailboxFiles, "mailbox/page.html", "mailbox/"+name+".html"))
	}
	p := &mailPages{
		box: m, prefix: strings.TrimSuffix(prefix, "/"),
		list: page("list"), letter: page("letter"), oops: page("problem"),
	}
	mux := http.NewServeMux()
	routes := map[string]func(http.ResponseWriter, *http.Request) error{
		"/{$}":                  p.showList,
		"/style.css":            p.showStyle,
		"/{mail}":               p.showLetter,
		"/{mail}/html":          p.showHTML,
		"/{mail}/parts/{index}": p.showPart,
		"/": func(http.ResponseWriter, *http.Request) error {
			return devices.Errorf(devices.NotFound, "There is no such page.")
		},
	}
	for path, show := range routes {
		mux.HandleFunc("GET "+p.prefix+path, p.safely(show))
	}
	if p.prefix != "" {
		mux.HandleFunc("GET "+p.prefix, p.safely(p.showList))
	}
	return mux
}

// safely answers errors as a page and never lets an answer be cached.
func (p *mailPages) safely(show func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		err := show(w, r)
		if err == nil {
			return
		}
		var status int
		switch devices.CodeOf(err) {
		case devices.NotFound:
			status = http.StatusNotFound
		case devices.Invalid:
			status = http.StatusUnprocessableEntity
		default:
			status = http.StatusInternalServerError
			p.box.log.Error("a mail could not be shown", "error", err)
		}
		p.render(w, p.oops, status, struct{ Prefix, Text string }{p.prefix, devices.MessageOf(err)})
	}
}

func (p *mailPages) render(w http.ResponseWriter, t *template.Template, status int, view any) {
	var out bytes.Buffer
	if err := t.Execute(&out, view); err != nil {
		p.box.log.Error("a page of the mailbox is broken", "error", err)
		http.Error(w, "This page is broken. It has been logged.", http.StatusInternalServerError)
		return
	}
	p.write(w, "text/html; charset=utf-8", status, out.Bytes())
}

func (p *mailPages) write(w http.ResponseWriter, kind string, status int, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		p.box.log.Debug("the reader went away", "error", err)
	}
}

// listView is the inbox.
type listView struct {
	Prefix string
	Mails  []mailEntry
	now    time.Time
}

// Ago says when something was, as people do.
func (v listView) Ago(t time.Time) string {
	switch d := v.now.Sub(t); {
	case d < 90*time.Second:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < 90*time.Minute:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return t.Format("2 Jan 15:04 UTC")
}

func (p *mailPages) showList(w http.ResponseWriter, _ *http.Request) error {
	p.render(w, p.list, http.StatusOK, listView{Prefix: p.prefix, Mails: p.box.newest(), now: time.Now()})
	return nil
}

func (p *mailPages) showStyle(w http.ResponseWriter, _ *http.Request) error {
	css, err := mailboxFiles.ReadFile("mailbox/style.css")
	if err != nil {
		return err
	}
	p.write(w, "text/css; charset=utf-8", http.StatusOK, css)
	return nil
}

// attached is an attachment in the list below a mail.
type attached struct {
	Number           int
	Name, Type, Size string
}

func (p *mailPages) showLetter(w http.ResponseWriter, r *http.Request) error {
	e, l, err := p.box.open(r.PathValue("mail"))
	if err != nil {
		return err
	}
	var files []attached
	for i, x := range l.Parts {
		if x.ContentID != "" && strings.Contains(l.HTML, "cid:"+x.ContentID) {
			continue // shown in the mail itself
		}
		name := x.Name
		if name == "" {
			name = "part " + strconv.Itoa(i+1)
		}
		files = append(files, attached{i, name, x.Type, fmt.Sprintf("%.1f KB", float64(len(x.Body))/1000)})
	}
	p.render(w, p.letter, http.StatusOK, struct {
		Prefix   string
		Mail     mailEntry
		Letter   *letter
		Attached []attached
	}{p.prefix, e, l, files})
	return nil
}

func (p *mailPages) showHTML(w http.ResponseWriter, r *http.Request) error {
	e, l, err := p.box.open(r.PathValue("mail"))
	if err != nil {
		return err
	}
	body, err := readerHTML(l.HTML, func(id string) string {
		for i, x := range l.Parts {
			if x.ContentID == id {
				return p.prefix + "/" + e.ID + "/parts/" + strconv.Itoa(i)
			}
		}
		return ""
	})
	if err != nil {
		return devices.Wrap(err, devices.Invalid, "The HTML of this mail cannot be shown.")
	}
	w.Header().Set("Content-Security-Policy", mailPolicy)
	w.Header().Set("X-Frame-Options", "SAMEORIGIN")
	p.write(w, "text/html; charset=utf-8", http.StatusOK, body)
	return nil
}

// showPart serves pictures as what they are, and anything else for download
// only.
func (p *mailPages) showPart(w http.ResponseWriter, r *http.Request) error {
	_, l, err := p.box.open(r.PathValue("mail"))
	if err != nil {
		return err
	}
	i, err := strconv.Atoi(r.PathValue("index"))
	if err != nil || i < 0 || i >= len(l.Parts) {
		return devices.Errorf(devices.NotFound, "The mail has no such part.")
	}
	x := l.Parts[i]
	w.Header().Set("Content-Security-Policy", filePolicy)
	kind, shown := pictureType(x.Type)
	if shown {
		// The frame that shows the mail has no origin of its own.
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	} else {
		kind = "application/octet-stream"
		disposition := mime.FormatMediaType("attachment", map[string]string{"filename": x.Name})
		if disposition == "" {
			disposition = "attachment" // a name that no header can hold
		}
		w.Header().Set("Content-Disposition", disposition)
	}
	p.write(w, kind, http.StatusOK, x.Body)
	return nil
}

// pictureType returns the type under which a picture may be shown.
func pictureType(kind string) (string, bool) {
	switch kind {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return kind, true
	}
	return "", false
}
