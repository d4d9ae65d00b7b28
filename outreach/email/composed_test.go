package email_test

import (
	"strings"
	"testing"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/outreach/compose"
)

// TestAComposedMessageArrivesWhole sends what the composer really writes.
func TestAComposedMessageArrivesWhole(t *testing.T) {
	c, err := compose.New(compose.Options{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	for _, lang := range c.Languages() {
		content, err := c.Compose(outreach.Facts{
			Purpose: outreach.Offer, Lang: lang, Device: "E1 > all", Metric: "cid:drift.png >",
			Finding:  anomaly.Finding{Kind: anomaly.Drift, Size: -1.8, Unit: "°C", At: now, Evidence: anomaly.Evidence{Time: []time.Time{now, now}}},
			OwnerURL: "https://care.example/o/a", Unsubscribe: "https://care.example/u/b",
		})
		if err != nil {
			t.Fatal(err)
		}
		e := envelope()
		e.Lang, e.Content = lang, content
		_, with := deliver(t, e, nil)
		e.Picture = nil
		_, without := deliver(t, e, nil)

		page := func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }
		if got := page(with.Parts[0].Parts[1].Body); got != content.HTML {
			t.Errorf("%s: the page changed on its way", lang)
		}
		if got := page(with.Parts[0].Parts[0].Body); got != content.Text {
			t.Errorf("%s: the text changed on its way: %q", lang, got)
		}
		got := page(without.Parts[1].Body)
		if strings.Contains(got, "<img") || len(got) < len(content.HTML)-600 || !strings.HasSuffix(got, "</html>\n") && !strings.HasSuffix(got, "</html>") {
			t.Errorf("%s: without the picture, the page is\n%s", lang, got)
		}
	}
}
