package compose_test

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
)

// TestWhateverTheFactsAre feeds every string and number with nonsense and
// malice: the page keeps its skeleton, the subject stays one line, and no mark
// is left open.
func TestWhateverTheFactsAre(t *testing.T) {
	c := composer(t)
	skeletons := map[string]bool{}
	for _, lang := range c.Languages() {
		for _, make := range situations() {
			skeletons[skeleton(t, compose1(t, c, make(lang)).HTML)] = true
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		f := strange(r)
		given := f.Name + f.Brand + f.Device + f.Site + f.Metric + f.Remedy + f.Finding.Unit
		got, err := c.Compose(f)
		if err != nil {
			r.Fatalf("%+v: %v", f, err)
		}
		if strings.ContainsFunc(got.Subject, unicode.IsControl) || utf8.RuneCountInString(got.Subject) > 70 || strings.TrimSpace(got.Subject) == "" {
			r.Fatalf("subject %q", got.Subject)
		}
		if !skeletons[skeleton(t, got.HTML)] {
			r.Fatalf("the page has another skeleton:\n%s", got.HTML)
		}
		for where, s := range map[string]string{"subject": got.Subject, "text": got.Text, "page": got.HTML} {
			if !utf8.ValidString(s) || strings.Count(s, "\u2068") != strings.Count(s, "\u2069") || strings.ContainsAny(s, "\u202a\u202b\u202d\u202e\u2066\u2067\u200f\x00\r") {
				r.Fatalf("%s: marks or control characters in %q", where, s)
			}
			for _, bad := range []string{"NaN", "Inf", "%!", "<no value>", "ZgotmplZ"} {
				if strings.Contains(s, bad) && !strings.Contains(given, bad) {
					r.Fatalf("%s holds %q:\n%s", where, bad, s)
				}
			}
		}
		if lines := strings.Split(got.Text, "\n"); count(lines, f.OwnerURL) != 1 || count(lines, f.Unsubscribe) != 1 {
			r.Fatalf("the links do not stand on lines of their own:\n%s", got.Text)
		}
		if len(got.Text) > 6000 || len(got.HTML) > 40_000 {
			r.Fatalf("%d and %d bytes", len(got.Text), len(got.HTML))
		}
	})
}

func strange(r *rapid.T) outreach.Facts {
	evil := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"", " ", "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "a\r\nBcc: victim@example.org", "{{.Owner}}{{template \"rich\" .}}",
		"\u202egnp.exe", "\u2069\u2068\u2069", "\u2068", "</bdi></p></td></table>", "javascript:alert(1)", "&amp;&#60;", "مرحبًا <b>", "O'Brien & Söhne",
		strings.Repeat("long ", 500), strings.Repeat("x", 5000), "\xff\xfe", "https://evil.example/ click",
	})).Draw
	number := func(label string) float64 {
		return rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, 1, 2, -1, math.NaN(), math.Inf(1), math.Inf(-1), 1e-300, 1e300, 0.99999, 9.96, 99.6, 12345678})).Draw(r, label)
	}
	moment := func(label string) time.Time {
		return rapid.SampledFrom([]time.Time{{}, noon, noon.Add(-time.Hour), noon.AddDate(0, 0, 3), noon.AddDate(0, 7, 0), noon.AddDate(300, 0, 0), time.Unix(0, 0)}).Draw(r, label)
	}
	f := outreach.Facts{
		Purpose: rapid.SampledFrom([]outreach.Purpose{outreach.Offer, outreach.Confirmation, outreach.Cancellation, outreach.AllWell, outreach.Sorry}).Draw(r, "purpose"),
		Lang:    rapid.SampledFrom([]string{"en", "ar", "ar-AE", "AR_eg", "de", "", "x"}).Draw(r, "lang"),
		Zone:    rapid.SampledFrom([]string{"", "UTC", "Local", "Europe/Berlin", "Asia/Kathmandu", "America/Argentina/Buenos_Aires", "../../etc/passwd", "Etc/GMT+3", "EST"}).Draw(r, "zone"),
		Name:    evil(r, "name"), Brand: evil(r, "brand"), Device: evil(r, "device"), Site: evil(r, "site"), Metric: evil(r, "metric"), Remedy: evil(r, "remedy"),
		Duration: time.Duration(rapid.Int64().Draw(r, "duration")), Remote: rapid.Bool().Draw(r, "remote"), ByItself: rapid.Bool().Draw(r, "self"),
		Window:   outreach.Window{From: moment("from"), Until: moment("until")},
		OwnerURL: "https://care.example/o/a&b=\"", Unsubscribe: "https://care.example/u/c?d=e&f",
	}
	f.OwnerURL = strings.TrimSuffix(f.OwnerURL, `"`)
	f.Finding = anomaly.Finding{
		Kind: anomaly.Kind(rapid.SampledFrom([]string{"drift", "step", "stuck", "noise", "silence", "", "weird"}).Draw(r, "kind")),
		Unit: evil(r, "unit"), Onset: moment("onset"), At: moment("at"), Size: number("size"), Noticeable: number("noticeable"),
	}
	if rapid.Bool().Draw(r, "forecast") {
		f.Finding.Forecast = &anomaly.Forecast{P10: moment("p10")}
	}
	if rapid.Bool().Draw(r, "evidence") {
		f.Finding.Evidence.Time = []time.Time{noon, noon}
	}
	if f.Purpose == outreach.Confirmation || rapid.Bool().Draw(r, "appointment") {
		f.Appointment = &outreach.Appointment{Slot: outreach.Slot{Start: noon, End: moment("end")}, Sequence: rapid.IntRange(0, 2).Draw(r, "sequence")}
	}
	return f
}

// skeleton is the page without its words: isolated pieces and paragraphs come
// and go with what is known.
func skeleton(t *testing.T, page string) string {
	t.Helper()
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(page))
	for z.Next() != html.ErrorToken {
		token := z.Token()
		if token.Type == html.TextToken || token.Data == "bdi" || token.Data == "p" {
			continue
		}
		b.WriteString(token.Data)
		for _, a := range token.Attr {
			if a.Key != "href" && a.Key != "alt" && a.Key != "style" {
				b.WriteString(" " + a.Key + "=" + a.Val)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func count(lines []string, line string) int {
	n := 0
	for _, l := range lines {
		if l == line {
			n++
		}
	}
	return n
}

func TestRefusesWhatCannotBeWritten(t *testing.T) {
	c := composer(t)
	for says, change := range map[string]change{
		"purpose":                 func(f *outreach.Facts) { f.Purpose = "advertisement" },
		"link to the owner's":     func(f *outreach.Facts) { f.OwnerURL = "" },
		"link to the owner's pag": func(f *outreach.Facts) { f.OwnerURL = "javascript:alert(1)" },
		"link to the owner's p":   func(f *outreach.Facts) { f.OwnerURL = "https://care.example/o/\r\nx" },
		"link to the owner's pa":  func(f *outreach.Facts) { f.OwnerURL = "https://care.example/" + strings.Repeat("x", 2000) },
		"link to stop":            func(f *outreach.Facts) { f.Unsubscribe = "/u/x" },
		"needs the appointment":   func(f *outreach.Facts) { f.Purpose, f.Appointment = outreach.Confirmation, nil },
	} {
		f := facts("en", outreach.Offer)
		change(&f)
		_, err := c.Compose(f)
		if devices.CodeOf(err) != devices.Invalid || !strings.Contains(devices.MessageOf(err), says) {
			t.Errorf("got %v, want it to say %q", err, says)
		}
	}
}
