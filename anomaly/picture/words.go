package picture

import (
	"strconv"
	"strings"
	"time"
)

// language is what a picture says. Fields are empty where nothing is said.
type language struct {
	title string
	Labels
	english bool
}

// languageOf takes the words that can be drawn. The letters at hand are Latin,
// Greek and Cyrillic; gonum/plot neither shapes nor orders Arabic or Hebrew.
func languageOf(o Options) language {
	primary, _, _ := strings.Cut(strings.ToLower(o.Lang), "-")
	l := language{title: o.Title, Labels: o.Labels, english: primary == "" || primary == "en"}
	if l.english {
		for _, w := range []struct {
			word    *string
			english string
		}{
			{&l.Own, "this device"},
			{&l.Peers, "its peers"},
			{&l.Noticeable, "noticeable"},
			{&l.Began, "began"},
			{&l.Crosses, "about"},
		} {
			if *w.word == "" {
				*w.word = w.english
			}
		}
	}
	rtl := primary == "ar" || primary == "fa" || primary == "he" || primary == "ur"
	for _, w := range []*string{&l.title, &l.Own, &l.Peers, &l.Noticeable, &l.Began, &l.Crosses} {
		if rtl || !drawable(*w) {
			*w = ""
		}
	}
	if rtl || len(l.Months) != 12 || !drawable(strings.Join(l.Months, "")) {
		l.Months = nil
	}
	return l
}

// drawable reports whether the font has all letters, and they need no shaping.
func drawable(s string) bool {
	for _, r := range s {
		if r >= 0x0530 && (r < 0x1e00 || r > 0x23ff) {
			return false
		}
	}
	return true
}

// date writes the day of t.
func (l language) date(t time.Time) string {
	switch {
	case l.Months != nil:
		return strconv.Itoa(t.Day()) + " " + l.Months[t.Month()-1]
	case l.english:
		return t.Format("2 Jan")
	}
	return t.Format("2/1")
}
