package e2e_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestFromDriftToProof is the whole way as people see it: somebody signs in,
// sees the fleet and then, without touching anything, a case; its owner reads
// the mail, follows the link on a phone and books; the agent sees that, the
// work, and telemetry's proof. Another owner does the same in Arabic.
//
// With FORECARE_SCREENSHOTS=docs/images it renews the pictures there.
func TestFromDriftToProof(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute: the fleet uploads its past")
	}
	began := time.Now()
	b := newBrowser(t)
	p := startPlatform(t)
	link, err := p.app.DemoSignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	agent := b.open("the agent", 1280, 800)
	agent.visit(link)
	// A mail scanner that follows the link must not use it up.
	if got := agent.text("h1"); got != "Sign in" || agent.text(".bar") != "" {
		t.Fatalf("the link shows %q instead of a button", got)
	}
	agent.click("button[type=submit]")
	agent.until("signed in", `document.querySelector(".bar .nav")`)

	agent.visit(p.base + "/fleet")
	if got := agent.text("h1"); !regexp.MustCompile(`^\d+ of \d+ devices well|^All \d+ devices`).MatchString(got) {
		t.Errorf("the fleet's page says %q, want a sentence on how the fleet is", got)
	}

	agent.visit(p.base + "/cases")
	agent.keep()
	agent.until("a case appears", `document.querySelector("#cases a[data-open]")`)
	agent.kept()
	agent.accessible("cases")
	english := eval[string](agent, `document.querySelector("#cases a[data-open]").getAttribute("href")`)

	agent.visit(p.base + english)
	agent.keep()
	agent.until("the message is there to be read", `document.querySelector(".message .message-text")?.textContent.length > 100`)
	agent.until("it is said to be sent", `document.querySelector("h1 .state.is-offered")`)
	agent.kept()
	agent.accessible("case")
	if got := agent.text(".message-text"); !strings.Contains(got, "You probably haven't noticed anything") || strings.Contains(got, "/o/") {
		t.Errorf("the agent reads the message, without the owner's own link, as %q", got)
	}
	agent.picture("case")
	name := eval[string](agent, `document.querySelector("h1").firstChild.textContent.trim()`)

	// On the owner's phone.
	phone := b.open("the owner's phone", 390, 844)
	page := mailed(t, p, phone, "Hello "+regexp.QuoteMeta(name)+",")
	phone.visit(page)
	ownersPage(t, phone, "en", "ltr", `^Your .+ works\. We would like to keep it that way\.$`)
	phone.picture("owner")
	phone.click(".slot")
	phone.until("the time is booked", `document.querySelector(".booked .time")`)
	if got := phone.text(".said"); got != "Thank you, that time is yours." {
		t.Errorf("the owner is told %q", got)
	}
	booked := phone.text(".booked .clock")

	// The agent has not touched the page since.
	agent.until("the agent sees the booking", `[...document.querySelectorAll(".story strong")].some(e => e.textContent === "Time booked")`)
	agent.kept()
	agent.until("the simulated technician has done the remedy", `[...document.querySelectorAll(".story strong")].some(e => /done|Done/.test(e.textContent))`)
	agent.until("telemetry has proved it", `document.querySelector("h1 .state.is-verified")`)
	agent.kept()
	phone.visit(page)
	if got := phone.text("h1"); !strings.HasSuffix(got, "is well again.") {
		t.Errorf("the owner, who had booked %s, reads %q in the end", booked, got)
	}

	// The same in Arabic.
	phone = b.open("the second owner's phone", 390, 844)
	page = mailed(t, p, phone, "مرحبًا .*(ارتفاع|انخفاض)") // something drifts
	phone.visit(page)
	ownersPage(t, phone, "ar", "rtl", `^كل شيء على ما يرام مع .+، ونودّ أن يبقى كذلك\.$`)
	phone.picture("owner-ar")
	phone.click(".slot")
	phone.until("the time is booked", `document.querySelector(".booked .time")`)
	if got := phone.text(".said"); got != "شكرًا لكم، هذا الموعد محجوز لكم." {
		t.Errorf("the owner is told %q", got)
	}

	if picturing() {
		p.waitLive()
	}
	agent.visit(p.base + "/fleet")
	agent.accessible("fleet")
	agent.picture("fleet")
	agent.click("#fleet tbody a[href^='/devices/']") // the worst
	agent.until("the chart is drawn", `document.querySelector(".figure-drawn svg, .figure-drawn canvas")`)
	// A busy readings store leaves some out at first; the page asks again.
	agent.keep()
	agent.until("all charts are drawn", `!document.querySelector(".figure-empty")`)
	agent.kept()
	agent.accessible("device")
	agent.picture("device")
	b.calm()
	t.Logf("it took %s", time.Since(began).Round(time.Second))
}

// ownersPage checks what every owner's page has to be.
func ownersPage(t *testing.T, phone *tab, lang, dir, head string) {
	t.Helper()
	if got, want := eval[string](phone, `document.documentElement.lang + " " + document.documentElement.dir`), lang+" "+dir; got != want {
		t.Errorf("the page is in %q, want %q", got, want)
	}
	if got := eval[string](phone, `document.querySelector("h1").textContent.replace(/[\u2066-\u2069]/g, "")`); !regexp.MustCompile(head).MatchString(got) {
		t.Errorf("the page says %q, want %s", got, head)
	}
	if n := eval[int](phone, `document.querySelectorAll(".slot").length`); n < 3 {
		t.Errorf("%d times are offered, want 3 at least", n)
	}
	if over := eval[int](phone, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		t.Errorf("the page is %d px wider than the screen", over)
	}
	phone.accessible("owner's page in " + lang)
}

// mailed waits in the demo's mailbox for a mail that says so, opens it as its
// owner would and returns where its button leads.
func mailed(t *testing.T, p *platform, phone *tab, says string) string {
	t.Helper()
	match := regexp.MustCompile(says)
	seen := map[string]bool{}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	bound := time.NewTimer(patience)
	defer bound.Stop()
	for {
		phone.visit(p.base + "/demo/mailbox")
		for _, mail := range eval[[]string](phone, `[...document.querySelectorAll(".mails a")].map(a => a.getAttribute("href"))`) {
			if seen[mail] {
				continue
			}
			seen[mail] = true
			phone.visit(p.base + mail + "/html")
			if !match.MatchString(phone.text("body")) {
				continue
			}
			phone.until("the picture in the mail is shown", `document.images.length === 1 && document.images[0].naturalWidth > 0`)
			return eval[string](phone, `[...document.querySelectorAll("a")].map(a => a.href).find(h => h.includes("/o/"))`)
		}
		select {
		case <-tick.C:
		case <-bound.C:
			t.Fatalf("no mail came that says %q; the mailbox shows:\n%s", says, phone.text("body"))
		}
	}
}
