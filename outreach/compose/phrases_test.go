package compose_test

import (
	"strings"
	"testing"
	"time"

	"github.com/forecare/forecare/outreach/compose"
)

func TestPhrases(t *testing.T) {
	c, err := compose.New(compose.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cairo, err := time.LoadLocation("Africa/Cairo")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 26, 13, 5, 0, 0, cairo)
	for lang, want := range map[string][]string{
		"en": {"Thursday, 26 November", "13:05", "Cairo time", "about 20 minutes", ""},
		"ar": {"الخميس 26 نوفمبر", "1:05 بعد الظهر", "بتوقيت القاهرة", "نحو 20 دقيقة", ""},
		"fr": {"Thursday, 26 November", "13:05", "Cairo time", "about 20 minutes", ""},
	} {
		got := []string{c.Day(lang, at), c.Clock(lang, at), c.Zone(lang, at), c.Takes(lang, 17*time.Minute), c.Takes(lang, 0)}
		for i := range want {
			if strings.Trim(got[i], "\u2068\u2069") != want[i] {
				t.Errorf("%s: %q, want %q", lang, got[i], want[i])
			}
		}
	}
}
