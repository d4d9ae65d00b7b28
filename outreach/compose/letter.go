package compose

import (
	"fmt"
	"strings"
)

// letter is a composed message, before it is laid out. Empty pieces are left
// out.
type letter struct {
	Lang, Dir    string
	Subject      rich
	Greeting     rich
	Paragraphs   []rich // the lead first
	Day          rich   // of the appointment, shown large; Time and Place below it
	Time         rich
	Alt          rich // of the picture; "" means that there is none
	Details      []rich
	Ask          rich // what the button is for, in the text
	Button       rich
	Notes        []rich // small print under the button
	Closing      rich
	Brand        rich
	Why          rich
	Stop         rich
	StopLabel    rich
	Owner, Leave string // URLs
}

const maxSubject = 70

// letter says everything there is to say about v.
func (l *language) letter(v view) (*letter, error) {
	e := &letter{Lang: l.tag, Dir: l.dir, Owner: v.owner, Leave: v.unsubscribe}
	if v.Purpose == "confirmation" {
		e.Day = rich(v.Day)
	}
	for name, into := range map[string]*rich{
		"greeting": &e.Greeting, "time": &e.Time, "alt": &e.Alt,
		v.Purpose + ".ask": &e.Ask, v.Purpose + ".button": &e.Button,
		"closing": &e.Closing, "brand": &e.Brand, "why": &e.Why, "stop": &e.Stop, "stop.label": &e.StopLabel,
	} {
		s, err := l.sentence(name, v)
		if err != nil {
			return nil, err
		}
		*into = s
	}
	if e.Day == "" {
		e.Time = ""
	}
	if !v.Picture {
		e.Alt = ""
	}
	for _, list := range []struct {
		into  *[]rich
		names []string
	}{
		{&e.Paragraphs, []string{v.Purpose + ".lead", v.Purpose + ".reason"}},
		{&e.Details, []string{v.Purpose + ".detail"}},
		{&e.Notes, []string{v.Purpose + ".note", v.Purpose + ".aside"}},
	} {
		for _, name := range list.names {
			s, err := l.sentence(name, v)
			if err != nil {
				return nil, err
			}
			if s != "" {
				*list.into = append(*list.into, s)
			}
		}
	}
	var err error
	e.Subject, err = l.subject(v)
	return e, err
}

// subject leaves out what makes it too long, rather than cutting words off.
func (l *language) subject(v view) (rich, error) {
	for _, less := range []func(){func() {}, func() { v.Remedy = "" }, func() { v.Device = "" }, func() { v.Moment = v.Day }} {
		less()
		s, err := l.sentence(v.Purpose+".subject", v)
		if err != nil {
			return "", err
		}
		if len([]rune(s.plain(l.dir))) <= maxSubject {
			return s, nil
		}
	}
	return "", fmt.Errorf("the subject of %s in %s is longer than %d characters without any facts", v.Purpose, l.tag, maxSubject)
}

// text lays the letter out as plain text. Links stand on lines of their own,
// so that no mark or full stop becomes a part of them.
func (e *letter) text() string {
	var b strings.Builder
	block := func(lines ...string) {
		for _, line := range lines {
			if line != "" {
				b.WriteString(line + "\n")
			}
		}
		b.WriteString("\n")
	}
	plain := func(r rich) string { return r.plain(e.Dir) }
	block(plain(e.Greeting))
	for i, p := range e.Paragraphs {
		block(plain(p))
		if i == 0 && e.Day != "" {
			block(plain(e.Day), plain(e.Time))
		}
	}
	for _, d := range e.Details {
		block(plain(d))
	}
	block(plain(e.Ask), e.Owner)
	for _, n := range e.Notes {
		block(plain(n))
	}
	block(plain(e.Closing), plain(e.Brand))
	block("--", plain(e.Why), plain(e.Stop), e.Leave)
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// html lays the letter out as a page. The template escapes everything.
func (c *Composer) html(e *letter) (string, error) {
	var b strings.Builder
	if err := c.layout.Execute(&b, e); err != nil {
		return "", err
	}
	return b.String(), nil
}

// Plain returns a sentence as text. The layout calls it where only text can
// stand.
func (e *letter) Plain(r rich) string { return r.plain(e.Dir) }

// Start is the side that lines begin on.
func (e *letter) Start() string {
	if e.Dir == "rtl" {
		return "right"
	}
	return "left"
}
