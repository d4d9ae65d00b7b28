package compose

import (
	"net/url"
	"strings"
	"unicode"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
)

const maxURL = 2000

// check refuses what no message can be made of.
func check(f outreach.Facts) error {
	switch f.Purpose {
	case outreach.Offer, outreach.Cancellation, outreach.AllWell, outreach.Sorry:
	case outreach.Confirmation:
		if f.Appointment == nil || f.Appointment.Start.IsZero() {
			return devices.Errorf(devices.Invalid, "A confirmation needs the appointment that it confirms.")
		}
	default:
		return devices.Errorf(devices.Invalid, "There is no message for the purpose %q.", f.Purpose)
	}
	if !webAddress(f.OwnerURL) {
		return devices.Errorf(devices.Invalid, "The message has no link to the owner's page: set the public address of the web server.")
	}
	if !webAddress(f.Unsubscribe) {
		return devices.Errorf(devices.Invalid, "The message has no link to stop such messages: set the public address of the web server.")
	}
	return nil
}

func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && len(s) <= maxURL &&
		strings.IndexFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`<>"`, r) }) < 0
}

// words returns a phrase from outside, fit to stand in a sentence: one line,
// at most limit characters, nothing invisible that could turn the direction of
// what follows.
func words(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > limit {
		s = string(runes[:limit-1])
		if space := strings.LastIndexByte(s, ' '); space > limit/2 {
			s = s[:space]
		}
		s += "…"
	}
	return s
}

// identifier reports whether the phrase is a name for machines that stands in
// for a missing one for people, such as "pump-service".
func identifier(s string) bool {
	return !strings.Contains(s, " ") && strings.ContainsAny(s, "_-:.0123456789")
}
