package compose

import (
	"strings"

	"golang.org/x/text/unicode/bidi"
)

// Inside of this package a value that came from outside, and whatever else has
// a direction of its own, stands between the two Unicode marks for an
// isolated piece. HTML shows it as <bdi>; text keeps the marks where the
// direction would otherwise suffer.
const (
	isolate = "\u2068"
	release = "\u2069"
	nbsp    = "\u00a0" // between a number and its unit
)

func isolated(s string) string {
	if s == "" {
		return ""
	}
	return isolate + s + release
}

// rich is a sentence with isolated pieces.
type rich string

// span is a piece of a sentence.
type span struct {
	Text     string
	Isolated bool
}

// Spans splits the sentence. Templates call it.
func (r rich) Spans() []span {
	var spans []span
	rest := string(r)
	for rest != "" {
		before, after, found := strings.Cut(rest, isolate)
		if before != "" {
			spans = append(spans, span{Text: before})
		}
		if !found {
			break
		}
		inner, behind, _ := strings.Cut(after, release)
		spans = append(spans, span{Text: inner, Isolated: true})
		rest = behind
	}
	return spans
}

// plain returns the sentence as text, with the marks only around pieces that
// hold letters of the other direction: digits and spaces find their place.
func (r rich) plain(dir string) string {
	var b strings.Builder
	for _, s := range r.Spans() {
		if s.Isolated && against(s.Text, dir) {
			b.WriteString(isolated(s.Text))
		} else {
			b.WriteString(s.Text)
		}
	}
	return strings.ReplaceAll(b.String(), nbsp, " ")
}

func against(s, dir string) bool {
	for _, r := range s {
		p, _ := bidi.LookupRune(r)
		switch p.Class() {
		case bidi.L:
			if dir == "rtl" {
				return true
			}
		case bidi.R, bidi.AL:
			if dir == "ltr" {
				return true
			}
		}
	}
	return false
}
