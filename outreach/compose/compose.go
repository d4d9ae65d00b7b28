// Package compose writes the messages that owners read, in English and in
// Arabic. An offer has five parts: reassurance, the reason in plain words, a
// bounded window, a choice, and a way to stop such messages. Every sentence
// stands once, in templates/{language}.tmpl; the text and the HTML of a
// message are two renderings of the same sentences.
package compose

import (
	"embed"
	"fmt"
	htmltemplate "html/template"
	"strings"
	"text/template"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
)

//go:embed templates
var files embed.FS

// Options is what a Composer is made of.
type Options struct {
	// Zone is used for a site whose zone is not known; nil means UTC. Either
	// way the message names the zone that its times are in.
	Zone *time.Location
}

// Composer is an outreach.Composer. It is safe for concurrent use.
type Composer struct {
	zone      *time.Location
	languages []*language
	layout    *htmltemplate.Template
}

// New returns a Composer. Its error is a defect of a template.
func New(o Options) (*Composer, error) {
	c := &Composer{zone: o.Zone}
	if c.zone == nil {
		c.zone = time.UTC
	}
	for _, l := range []language{{tag: "en", dir: "ltr", grammar: english{}}, {tag: "ar", dir: "rtl", grammar: arabic{}}} {
		t, err := template.New(l.tag).Option("missingkey=error").ParseFS(files, "templates/"+l.tag+".tmpl")
		if err != nil {
			return nil, fmt.Errorf("compose: %w", err)
		}
		l.sentences = t
		c.languages = append(c.languages, &l)
	}
	layout, err := htmltemplate.New("layout.html.tmpl").ParseFS(files, "templates/layout.html.tmpl")
	if err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	c.layout = layout
	return c, nil
}

// Languages returns those that there are templates for, English first.
func (c *Composer) Languages() []string {
	tags := make([]string, len(c.languages))
	for i, l := range c.languages {
		tags[i] = l.tag
	}
	return tags
}

// Compose writes the message for f.Purpose in f.Lang, or in English. It wants
// both links, and an appointment for a confirmation; everything else may be
// missing, and the message then says less. Content.Calendar stays empty.
func (c *Composer) Compose(f outreach.Facts) (outreach.Content, error) {
	if err := check(f); err != nil {
		return outreach.Content{}, err
	}
	l := c.language(f.Lang)
	v := l.view(f, c.location(f.Zone))
	letter, err := l.letter(v)
	if err != nil {
		return outreach.Content{}, devices.Wrap(err, devices.Internal, "The message could not be written.")
	}
	html, err := c.html(letter)
	if err != nil {
		return outreach.Content{}, devices.Wrap(err, devices.Internal, "The message could not be laid out.")
	}
	return outreach.Content{
		Subject: letter.Subject.plain(l.dir), Text: letter.text(), HTML: html, Dir: l.dir,
		OwnerURL: f.OwnerURL, Unsubscribe: f.Unsubscribe,
	}, nil
}

// language returns the language of a BCP 47 tag, English if there is none.
func (c *Composer) language(tag string) *language {
	primary, _, _ := strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-")
	for _, l := range c.languages {
		if strings.EqualFold(l.tag, primary) {
			return l
		}
	}
	return c.languages[0]
}

func (c *Composer) location(name string) *time.Location {
	if name == "" || name == "Local" { // Local is the server's, not the site's
		return c.zone
	}
	if l, err := time.LoadLocation(name); err == nil {
		return l
	}
	return c.zone
}
