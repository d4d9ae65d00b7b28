package devices

import (
	"fmt"
	"math"
	"strings"
	"time"
	_ "time/tzdata" // zones must be known on a machine without a zone database, too
	"unicode"
	"unicode/utf8"
)

// faults collects what is wrong with one thing, so that a person mends it in
// one go.
type faults []string

func (f *faults) add(format string, args ...any) {
	*f = append(*f, fmt.Sprintf(format, args...))
}

// err returns an Invalid error about the thing, nil if there are no faults.
func (f faults) err(thing string) error {
	if len(f) == 0 {
		return nil
	}
	return Errorf(Invalid, "%s: %s", thing, strings.Join(f, "; "))
}

const idRule = "use 1 to 64 letters, digits, colons, dots, underscores or hyphens"

// id checks an identifier that must be there.
func (f *faults) id(name, s string) {
	switch {
	case s == "":
		f.add("%s is missing; %s", name, idRule)
	case !ValidID(s):
		f.add("%s is %s; %s", name, quoteShort(s), idRule)
	case strings.Trim(s, ".") == "":
		f.add("%s is %s; it needs more than dots, which a web address would swallow", name, quoteShort(s))
	}
}

// optionalID checks an identifier that may be left out.
func (f *faults) optionalID(name, s string) {
	if s != "" {
		f.id(name, s)
	}
}

// phrase checks text for people. It ends up in mail subjects, so it may hold
// no control character, not even a line break.
func (f *faults) phrase(name, s string, most int) {
	switch {
	case !utf8.ValidString(s):
		f.add("%s is not UTF-8; save the file as UTF-8", name)
	case utf8.RuneCountInString(s) > most:
		f.add("%s is longer than %d characters; shorten it", name, most)
	case strings.ContainsFunc(s, unicode.IsControl):
		f.add("%s holds a line break or another control character; keep it on one line", name)
	}
}

func (f *faults) zone(name, zone string) {
	if zone == "" {
		f.add(`%s is missing; give its IANA name, such as "Europe/Berlin"`, name)
		return
	}
	if _, err := LoadZone(zone); err != nil {
		f.add(`%s is %s, which is no known time zone; give its IANA name, such as "Europe/Berlin"`, name, quoteShort(zone))
	}
}

// LoadZone returns the time zone of that IANA name. Other than
// time.LoadLocation it knows neither "" nor "Local", which mean something else
// on every machine.
func LoadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, Errorf(Invalid, "%s is no time zone", quoteShort(name))
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, Wrap(err, Invalid, "%s is no known time zone", quoteShort(name))
	}
	return loc, nil
}

// within checks a number that must be finite and between two bounds.
func (f *faults) within(name string, v, low, high float64) {
	if !(v >= low && v <= high) {
		f.add("%s is %v; it must be between %v and %v", name, v, low, high)
	}
}

// size checks a number that must be finite and not negative.
func (f *faults) size(name string, v float64) {
	if !(v >= 0) || math.IsInf(v, 0) {
		f.add("%s is %v; it must be 0 (not known) or more", name, v)
	}
}

// words checks phrases by language.
func (f *faults) words(name string, w Words) {
	for _, lang := range w.Languages() {
		if !validLanguage(lang) {
			f.add(`%s has the language %s; use the two or three small letters of its code, such as "en" or "ar"`, name, quoteShort(lang))
			continue
		}
		if strings.TrimSpace(w[lang]) == "" {
			f.add("%s has no text for %q; fill it in or leave the language out", name, lang)
		}
		f.phrase(fmt.Sprintf("%s in %q", name, lang), w[lang], 200)
	}
}

// validLanguage reports whether s is a primary language subtag.
func validLanguage(s string) bool {
	return (len(s) == 2 || len(s) == 3) && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") == ""
}

// validLocale reports whether s has the form of a BCP 47 tag: a language and,
// behind hyphens, script, region and the like.
func validLocale(s string) bool {
	language, rest, more := strings.Cut(s, "-")
	if !validLanguage(strings.ToLower(language)) {
		return false
	}
	for more {
		var part string
		part, rest, more = strings.Cut(rest, "-")
		if len(part) == 0 || len(part) > 8 || strings.ContainsFunc(part, notAlphanumeric) {
			return false
		}
	}
	return true
}

func notAlphanumeric(r rune) bool {
	return r >= utf8.RuneSelf || !letter(byte(r)) && (r < '0' || r > '9')
}
