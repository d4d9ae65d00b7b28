package compose_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/forecare/forecare/outreach"
)

// language is what the linter knows of one.
type language struct {
	dir string
	// parts are the five of an offer, as expressions that its text has to
	// match. Choice and way out are links, checked apart.
	reassurance, reason, window, choice, out *regexp.Regexp
	cliches                                  []string
}

var languages = map[string]language{
	"en": {
		dir:         "ltr",
		reassurance: regexp.MustCompile(`You probably haven't noticed anything|You may have begun to notice: we have seen it too, and it can be put right|You do not need to do anything about it`),
		reason:      regexp.MustCompile(`others of the same model`),
		window:      regexp.MustCompile(`any time (until \w+day (morning|noon|afternoon|evening), \d+ \w+ \(\w+ time\)|in the next three days), at your convenience`),
		choice:      regexp.MustCompile(`Pick the time that suits you best:\nhttps://\S+/o/`),
		out:         regexp.MustCompile(`you can stop them here:\nhttps://\S+/u/`),
		cliches: []string{
			"valued customer", "dear customer", "inconvenience", "do not hesitate", "don't hesitate", "we apologi", "reach out", "committed to",
			"your satisfaction", "excellence", "world-class", "seamless", "delighted", "excited", "thank you for your patience", "at your earliest",
			"please be advised", "kindly note", "act now", "urgent", "immediately", "important notice", "click here", "!",
		},
	},
	"ar": {
		dir:         "rtl",
		reassurance: regexp.MustCompile(`على الأرجح أنكم لم تلاحظوا أي شيء|لقد لاحظناه نحن أيضًا، ويمكن إصلاحه|لا يلزمكم القيام بأي شيء`),
		reason:      regexp.MustCompile(`الأجهزة الأخرى من الطراز نفسه`),
		window:      regexp.MustCompile(`في أي وقت يناسبكم (حتى (صباح|ظهر|عصر|مساء) \S+ \d+ \S+ \(بتوقيت \S+\)|خلال الأيام الثلاثة القادمة)`),
		choice:      regexp.MustCompile(`اختاروا الوقت الأنسب لكم:\nhttps://\S+/o/`),
		out:         regexp.MustCompile(`فيمكنكم إيقافها من هنا:\nhttps://\S+/u/`),
		cliches: []string{
			"عميلنا العزيز", "عزيزي العميل", "الإزعاج", "لا تترددوا", "لا تتردد", "رضاكم", "يسرنا أن نعلمكم", "نحيطكم علمًا", "عاجل", "فورًا",
			"اضغط هنا", "انقر هنا", "خدمة متميزة", "!",
		},
	},
}

// unresolved is what a template or a formatting leaves behind when it fails.
var unresolved = regexp.MustCompile(`\{\{|\}\}|<no value>|%!|\bNaN\b|[+-]?Inf\b|0001|ZgotmplZ|\(\)|\( | \)| [,.;:،؛]|,,|\.\.|  |\bnil\b|undefined`)

// inside is what an owner must never read: how a machine calls things, and how
// a statistician does.
var inside = regexp.MustCompile(`(?i)sigma|SN-4711|fSERIAL|brew_temp|pump-service|tech-1|cohort|residual|anomal|-\d`)

func TestLint(t *testing.T) {
	c := composer(t)
	for lang, l := range languages {
		for name, make := range situations() {
			f := make(lang)
			got, err := c.Compose(f)
			if err != nil {
				t.Fatalf("%s %s: %v", lang, name, err)
			}
			lint(t, lang+" "+name, l, f, got)
		}
	}
}

func lint(t *testing.T, name string, l language, f outreach.Facts, got outreach.Content) {
	t.Helper()
	if f.Purpose == outreach.Offer || f.Purpose == outreach.Sorry {
		for part, want := range map[string]*regexp.Regexp{
			"reassurance": l.reassurance, "reason": l.reason, "window": l.window, "choice": l.choice, "way out": l.out,
		} {
			if !want.MatchString(got.Text) {
				t.Errorf("%s has no %s:\n%s", name, part, got.Text)
			}
		}
	}
	shown := visible(t, got.HTML)
	for where, text := range map[string]string{"subject": got.Subject, "text": got.Text, "page": shown} {
		plain := strings.NewReplacer(f.OwnerURL, "", f.Unsubscribe, "", "\n--\n", "\n").Replace(text)
		if found := unresolved.FindString(plain); found != "" {
			t.Errorf("%s: the %s holds %q:\n%s", name, where, found, text)
		}
		if found := inside.FindString(plain); found != "" {
			t.Errorf("%s: the %s holds %q:\n%s", name, where, found, text)
		}
		for _, cliche := range l.cliches {
			if strings.Contains(strings.ToLower(text), cliche) {
				t.Errorf("%s: the %s says %q", name, where, cliche)
			}
		}
	}
	if n := utf8.RuneCountInString(got.Subject); n < 10 || n > 70 || strings.ContainsAny(got.Subject, "\r\n") {
		t.Errorf("%s: the subject has %d characters: %q", name, n, got.Subject)
	}
	if n := utf8.RuneCountInString(got.Text); n < 200 || n > 1600 {
		t.Errorf("%s: the text has %d characters", name, n)
	}
	if len(got.HTML) > 20_000 {
		t.Errorf("%s: the page has %d bytes", name, len(got.HTML))
	}
	if got.Dir != l.dir || got.OwnerURL != f.OwnerURL || got.Unsubscribe != f.Unsubscribe || got.Calendar != "" {
		t.Errorf("%s: content %q %q %q %q", name, got.Dir, got.OwnerURL, got.Unsubscribe, got.Calendar)
	}
	// What is said in one form is said in the other. Links and their
	// introductions are buttons on the page.
	for line := range strings.SplitSeq(got.Text, "\n") {
		line = strings.NewReplacer("\u2068", "", "\u2069", "").Replace(strings.TrimSpace(line))
		if line != "" && line != "--" && !strings.HasPrefix(line, "https://") && !strings.HasSuffix(line, ":") && !strings.Contains(shown, line) {
			t.Errorf("%s: the page does not say %q", name, line)
		}
	}
}

// visible returns what a page says, and checks on the way that the page is
// well-formed, asks nothing of the network, and has one button.
func visible(t *testing.T, page string) string {
	t.Helper()
	var text strings.Builder
	var open []string
	buttons, links := 0, 0
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		token := z.Token()
		void := token.Data == "meta" || token.Data == "img" || token.Data == "br"
		switch kind {
		case html.StartTagToken:
			if !void {
				open = append(open, token.Data)
			}
			for _, a := range token.Attr {
				switch {
				case a.Key == "src" && a.Val != "cid:drift.png", a.Key == "href" && !strings.HasPrefix(a.Val, "https://"), strings.HasPrefix(a.Key, "on"):
					t.Errorf("the page has %s=%q", a.Key, a.Val)
				case a.Key == "class" && a.Val == "button":
					buttons++
				case a.Key == "href":
					links++
				case a.Key == "alt" && strings.TrimSpace(a.Val) == "":
					t.Error("the picture has no words")
				}
			}
			if token.Data == "p" || token.Data == "h1" || token.Data == "br" {
				text.WriteString("\n")
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Fatalf("</%s> closes %v", token.Data, open)
			}
			open = open[:len(open)-1]
		case html.TextToken:
			if len(open) > 0 && open[len(open)-1] != "style" && open[len(open)-1] != "title" {
				text.WriteString(strings.ReplaceAll(strings.ReplaceAll(token.Data, "\u00a0", " "), "\n", ""))
			}
		}
	}
	if len(open) != 0 || buttons != 1 || links != 2 {
		t.Errorf("the page leaves %v open and has %d buttons and %d links", open, buttons, links)
	}
	return text.String()
}

var defined = regexp.MustCompile(`\{\{define "([a-z_.]+)"\}\}`)

// TestLanguagesSayTheSameThings holds the languages' pieces of letters against
// each other: one that is missing, or misspelled, would just not be said.
func TestLanguagesSayTheSameThings(t *testing.T) {
	pieces := map[string][]string{}
	for lang := range languages {
		source, err := os.ReadFile("templates/" + lang + ".tmpl")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range defined.FindAllStringSubmatch(string(source), -1) {
			if slices.Contains(pieces[lang], m[1]) {
				t.Errorf("%s defines %q twice", lang, m[1])
			}
			if strings.Contains(m[1], ".") || slices.Contains([]string{"greeting", "time", "alt", "closing", "brand", "why", "stop"}, m[1]) {
				pieces[lang] = append(pieces[lang], m[1])
			}
		}
		slices.Sort(pieces[lang])
	}
	if diff := cmp.Diff(pieces["en"], pieces["ar"]); diff != "" || len(pieces["en"]) < 30 {
		t.Errorf("%d pieces; English against Arabic:\n%s", len(pieces["en"]), diff)
	}
}
