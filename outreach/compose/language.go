package compose

import (
	"strings"
	"text/template"
	"time"
)

// language is one that messages are written in.
type language struct {
	tag, dir  string
	sentences *template.Template
	grammar   grammar
}

// grammar puts moments and amounts into words. Everything that it returns may
// stand in the middle of a sentence; digits are isolated where the language
// runs from right to left.
type grammar interface {
	day(t time.Time) string              // "Thursday"
	date(t time.Time, year bool) string  // "26 November"
	dated(t time.Time, year bool) string // "Thursday, 26 November"
	part(t time.Time) string             // "Thursday evening"
	until(t time.Time) string            // "Thursday evening, 26 November"
	clock(t time.Time) string            // "14:00"
	zone(city, offset string) string     // "Berlin time (UTC+1)"; city as in "New_York"; not both are ""
	amount(value float64, unit string) string
	duration(minutes int) string // "about 20 minutes"; minutes are a multiple of 5, from 60 of 30
}

// sentence returns a named piece of the language's templates, "" if there is
// none of that name.
func (l *language) sentence(name string, v view) (rich, error) {
	t := l.sentences.Lookup(name)
	if t == nil {
		return "", nil
	}
	var b strings.Builder
	if err := t.Execute(&b, v); err != nil {
		return "", err
	}
	return rich(strings.Join(strings.FieldsFunc(b.String(), breakable), " ")), nil
}

// breakable reports white space of the templates; the kind that keeps a number
// and its unit on one line is none.
func breakable(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' }
