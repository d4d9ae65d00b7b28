package web_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	nethtml "golang.org/x/net/html"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/web"
	"github.com/forecare/forecare/web/account"
)

// A mail scanner follows every link, as often as it likes. The list of GETs is
// the server's own, so that one that is added later is tried too.
func TestReadingTheOwnersPagesChangesNothing(t *testing.T) {
	h := newHome(t)
	p := h.meet(owner{Metric: "brew_temperature"})
	p.book(1)
	unsubscribe, err := url.Parse(h.links.Unsubscribe("acme", p.id, p.contact, h.clock().Add(time.Hour)))
	must(t, err)
	before := h.contents()
	gets := 0
	for _, r := range h.server.Rules() {
		if r.Method != http.MethodGet || !ownersRoute(r.Pattern) {
			continue
		}
		gets++
		path := strings.Replace(r.Pattern, "{token}", p.token, 1)
		if strings.HasPrefix(path, "/u/") {
			path = unsubscribe.Path
		}
		for _, query := range []string{"", "?said=booked", "?slot=" + p.slots()[0].ID + "&channel=all&text=x"} {
			h.turn(time.Minute)
			if got := h.get(path + query); got.status != http.StatusOK {
				t.Errorf("GET %s%s: %d %s", r.Pattern, query, got.status, got.body)
			}
		}
	}
	if gets < 4 {
		t.Errorf("only %d routes were read", gets)
	}
	if diff := cmp.Diff(before, h.contents()); diff != "" {
		t.Errorf("reading changed the store:\n%s", diff)
	}
	if !strings.Contains(before, "scheduled") {
		t.Error("the test does not see the store")
	}
}

// Every POST of an owner, once and twice; a route that is added later has to
// be added here.
func TestWhatOwnersDo(t *testing.T) {
	h := newHome(t)
	p := h.meet(owner{Metric: "brew_temperature"})
	kinds := func() string {
		events, err := h.desk.Timeline(t.Context(), "acme", p.id)
		must(t, err)
		var kinds []string
		for _, e := range events {
			kinds = append(kinds, string(e.Kind))
		}
		return strings.Join(kinds, " ")
	}
	slots := p.slots()
	subscription := `{"endpoint":"https://push.example.org/1","keys":{"p256dh":"BAAA","auth":"AAAA"}}`
	done := map[string]bool{}
	for _, step := range []struct {
		path string
		form url.Values
		said string // "" is no redirect
		want string // what the case's history has after it
		page string // what the page says then
	}{
		{"/book", url.Values{"slot": {slots[1].ID}}, "booked", "opened offered booked", "Thank you, that time is yours."},
		{"/book", url.Values{"slot": {slots[4].ID}}, "booked", "opened offered booked booked", "All set for your"},
		{"/cancel", nil, "canceled", "opened offered booked booked booking_canceled", "Your time is given back."},
		{"/bothering", url.Values{"text": {" The coffee is cold. "}}, "heard", "opened offered booked booked booking_canceled bothering", "You told us that you notice it."},
		{"/stop", url.Values{"channel": {"email"}}, "stopped", "opened offered booked booked booking_canceled bothering opted_out", "Allow again"},
		{"/resume", url.Values{"channel": {"email"}}, "resumed", "opened offered booked booked booking_canceled bothering opted_out opted_in", "Good to be in touch again."},
		{"/push", nil, "", "opened offered booked booked booking_canceled bothering opted_out opted_in opted_in", "Notifications in a browser"},
	} {
		h.turn(time.Second)
		for range 2 { // an impatient thumb
			if step.said != "" {
				h.post(p.link+step.path, step.form, step.said)
			} else if got := h.call(http.MethodPost, p.link+step.path, "application/json", subscription); got.status != http.StatusNoContent {
				t.Fatalf("POST %s: %d %s", step.path, got.status, got.body)
			}
		}
		if got := kinds(); got != step.want {
			t.Fatalf("after two of %s the history is\n%q, want\n%q", step.path, got, step.want)
		}
		if body := plainText(h.get(p.link + "?said=" + step.said).body); !strings.Contains(body, step.page) {
			t.Errorf("after %s the page does not say %q: %s", step.path, step.page, body)
		}
		done["/o/{token}"+step.path] = true
	}
	done["/u/{token}"] = true // has a test of its own
	for _, r := range h.server.Rules() {
		if r.Method == http.MethodPost && ownersRoute(r.Pattern) && !done[r.Pattern] {
			t.Errorf("POST %s is not tested", r.Pattern)
		}
	}
	if c := p.of(); c.Bothering.IsZero() || c.Appointment != nil {
		t.Errorf("the case is %+v", c)
	}
}

// plainText is what a page says, without its tags.
func plainText(page string) string {
	_, page, _ = strings.Cut(page, "<body")
	page = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " ")
	page = strings.NewReplacer("\u2068", "", "\u2069", "").Replace(html.UnescapeString(page))
	return strings.Join(strings.Fields(page), " ")
}

// Whoever comes second sees it, keeps what they had, and finds what is free.
func TestTheSameTimeTwice(t *testing.T) {
	h := newHome(t)
	first, second, third := h.meet(owner{}), h.meet(owner{}), h.meet(owner{Lang: "ar"})
	slot := first.slots()[0]
	kept := second.book(3)
	h.post(first.link+"/book", url.Values{"slot": {slot.ID}}, "booked")
	for _, late := range []*person{second, third} {
		before := h.contents()
		h.post(late.link+"/book", url.Values{"slot": {slot.ID}}, "taken")
		if diff := cmp.Diff(before, h.contents()); diff != "" {
			t.Errorf("coming second changed the store:\n%s", diff)
		}
		got := h.get(late.link + "?said=taken")
		if strings.Contains(got.body, `value="`+slot.ID+`"`) {
			t.Error("the taken time is offered again")
		}
		if n := strings.Count(got.body, `name="slot"`); n < 3 {
			t.Errorf("%d times are offered instead", n)
		}
	}
	if got := plainText(h.get(second.link + "?said=taken").body); !strings.Contains(got, "Somebody was a moment faster. These times are still free: Thursday, 12 March") {
		t.Errorf("it does not say what happened and what is free: %s", got)
	}
	if got := plainText(h.get(third.link + "?said=taken").body); !strings.Contains(got, "سبقكم شخص آخر بلحظة. هذه المواعيد ما زالت متاحة:") {
		t.Errorf("it does not say in Arabic what happened: %s", got)
	}
	if c := second.of(); c.Appointment == nil || c.Appointment.Slot.ID != kept.ID {
		t.Errorf("the time that was booked before is lost: %+v", c.Appointment)
	}
}

// A confirmation is only true for as long as it is so.
func TestWhatWasSaidIsNotRepeatedForGood(t *testing.T) {
	h := newHome(t)
	p := h.meet(owner{})
	p.book(0)
	must(t, h.desk.Finish(t.Context(), "acme", p.id, "ann@example.com", "done"))
	for _, said := range []string{"booked", "taken", "canceled", "heard", "<script>", "toString"} {
		if got := h.get(p.link + "?said=" + url.QueryEscape(said)); got.status != http.StatusOK || strings.Contains(got.body, `id="said"`) {
			t.Errorf("%q is confirmed although it is not so: %d", said, got.status)
		}
	}
}

func TestLinksThatDoNotWork(t *testing.T) {
	h := newHome(t)
	p, other := h.meet(owner{}), h.meet(owner{})
	path := func(link string) string { return link[strings.Index(link, "example.com")+len("example.com"):] }
	unsubscribe := path(h.links.Unsubscribe("acme", p.id, p.contact, h.clock().Add(time.Hour)))
	foreign := *h.links
	foreign.Key = []byte(strings.Repeat("x", 32))
	forged := []byte(p.token)
	forged[20]++
	for name, test := range map[string]struct {
		path string
		want int
		en   string
	}{
		"expired":               {path(h.links.Owner("acme", p.id, p.contact, h.clock().Add(-time.Second))), 403, "This link has expired"},
		"forged":                {"/o/" + string(forged), 401, "This link is not whole"},
		"cut off":               {p.link[:40], 401, "This link is not whole"},
		"of a foreign key":      {path(foreign.Owner("acme", p.id, p.contact, h.clock().Add(time.Hour))), 401, "This link is not whole"},
		"very long":             {"/o/" + strings.Repeat("A", 5000), 401, "This link is not whole"},
		"of somebody else":      {path(h.links.Owner("acme", p.id, other.contact, h.clock().Add(time.Hour))), 404, "no longer here"},
		"of another tenant":     {path(h.links.Owner("rival", p.id, p.contact, h.clock().Add(time.Hour))), 404, "no longer here"},
		"only for ending":       {strings.Replace(unsubscribe, "/u/", "/o/", 1), 403, "it is not for this page"},
		"nothing is booked yet": {p.link + "/appointment.ics", 404, "no longer here"},
	} {
		t.Run(name, func(t *testing.T) {
			before := h.contents()
			for accept, want := range map[string]string{
				"en-GB,en;q=0.9": `lang="en" dir="ltr"`, "ar-EG,ar;q=0.9,en;q=0.5": `lang="ar" dir="rtl"`, "en;q=0.3, ar": `lang="ar" dir="rtl"`, "fr": `lang="en" dir="ltr"`, "": `lang="en" dir="ltr"`, "((": `lang="en" dir="ltr"`,
			} {
				got := h.get(test.path, "Accept-Language", accept)
				if got.status != test.want || !strings.Contains(got.body, want) {
					t.Errorf("in %q: status %d, want %d and %s: %s", accept, got.status, test.want, want, got.body)
				}
				if said := plainText(got.body); strings.Contains(want, `"en"`) && !strings.Contains(said, test.en) || strings.Contains(want, `"ar"`) && !strings.Contains(said, "لم ينجح ذلك") {
					t.Errorf("in %q it says %q", accept, said)
				}
				if strings.Contains(got.body, "acme") || strings.Contains(got.body, "Morgan") {
					t.Errorf("it tells a stranger something: %s", got.body)
				}
			}
			// Nor does such a link do anything.
			if strings.HasSuffix(test.path, ".ics") {
				return
			}
			for _, act := range []string{"/book", "/cancel", "/bothering", "/stop", "/resume", "/push"} {
				got := h.call(http.MethodPost, test.path+act, "application/x-www-form-urlencoded", "channel=all&slot="+p.slots()[0].ID)
				if got.status < 400 && (name != "only for ending" || act != "/stop") {
					t.Errorf("POST %s: %d", act, got.status)
				}
			}
			if diff := cmp.Diff(before, h.contents()); diff != "" && name != "only for ending" {
				t.Errorf("the store has changed:\n%s", diff)
			}
		})
	}
}

// RFC 8058: a mail program posts these words, without cookies, from nowhere,
// and follows no redirect.
func TestUnsubscribeWithOneClick(t *testing.T) {
	for lang, want := range map[string]string{"en": "We will not write to you about your devices any more.", "ar": "لن نراسلكم بشأن أجهزتكم بعد الآن."} {
		h := newHome(t)
		p := h.meet(owner{Lang: lang})
		u, err := url.Parse(h.links.Unsubscribe("acme", p.id, p.contact, h.clock().Add(time.Hour)))
		must(t, err)
		if got := h.get(u.Path); got.status != http.StatusOK || !strings.Contains(got.body, `<form method="post" action="`+u.Path+`">`) {
			t.Fatalf("looking first: %d %s", got.status, got.body)
		}
		for range 2 {
			got := h.call(http.MethodPost, u.Path, "application/x-www-form-urlencoded", "List-Unsubscribe=One-Click", "Origin", "null", "Sec-Fetch-Site", "cross-site")
			if got.status != http.StatusOK || !strings.Contains(plainText(got.body), want) {
				t.Fatalf("%d %s", got.status, got.body)
			}
			if len(got.header.Values("Set-Cookie")) > 0 {
				t.Error("it sets a cookie")
			}
		}
		c, err := h.db.Contact(t.Context(), "acme", p.contact)
		must(t, err)
		if slices.ContainsFunc(c.Addresses, devices.Address.Allowed) {
			t.Errorf("still allowed: %+v", c.Addresses)
		}
		// One may change one's mind, on the device's page.
		h.turn(time.Second)
		h.post(p.link+"/resume", url.Values{"channel": {"email"}}, "resumed")
	}
}

func TestPushSubscriptionsAreBounded(t *testing.T) {
	h := newHome(t)
	p := h.meet(owner{})
	good := `{"endpoint":"https://push.example.org/1","keys":{"p256dh":"BAAA","auth":"AAAA"}}`
	for name, test := range map[string]struct {
		body string
		want int
	}{
		"nothing":           {"", 422},
		"no JSON":           {"hello", 422},
		"no keys":           {`{"endpoint":"https://push.example.org/1"}`, 422},
		"not encrypted":     {strings.Replace(good, "https", "http", 1), 422},
		"too long":          {strings.Repeat(" ", 4096) + good, 422},
		"two megabytes":     {strings.Repeat("x", 2<<20), 422},
		"as long as may be": {strings.Repeat(" ", 4096-len(good)) + good, 204},
	} {
		before := h.contents()
		got := h.call(http.MethodPost, p.link+"/push", "application/json", test.body, "Sec-Fetch-Mode", "cors")
		if got.status != test.want {
			t.Errorf("%s: %d, want %d", name, got.status, test.want)
		}
		if test.want != 204 && (before != h.contents() || strings.Contains(got.body, "<html")) {
			t.Errorf("%s: the store has changed, or a script is answered with a page", name)
		}
	}
	without := newHome(t, homeOptions{
		web:  func(o *web.Options) { o.PushKey = "" },
		desk: func(o *outreach.DeskOptions) { o.Channels = []string{"email"} },
	})
	p = without.meet(owner{})
	if strings.Contains(without.get(p.link).body, "data-push") {
		t.Error("notifications are offered although there are none")
	}
	if got := without.call(http.MethodPost, p.link+"/push", "application/json", good); got.status != http.StatusConflict {
		t.Errorf("without notifications: %d", got.status)
	}
}

func TestAppointmentForTheCalendar(t *testing.T) {
	h := newHome(t)
	p := h.meet(owner{Zone: "Asia/Tokyo"})
	slot := p.book(2)
	got := h.get(p.link + "/appointment.ics")
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "text/calendar; charset=utf-8" || got.header.Get("Content-Disposition") != `attachment; filename="appointment.ics"` {
		t.Fatalf("%d %v", got.status, got.header)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	for _, want := range []string{"BEGIN:VCALENDAR\r\n", "DTSTART;TZID=Europe/Berlin:" + slot.Start.In(berlin).Format("20060102T150405") + "\r\n", "STATUS:CONFIRMED", "LOCATION:Berlin Mitte", "SUMMARY:a small pump service: espresso machine"} {
		if !strings.Contains(got.body, want) {
			t.Errorf("it lacks %q:\n%s", want, got.body)
		}
	}
}

const nasty = `<script>alert(1)</script>"'&lt;` + "\u202e" + `<img src=x onerror=alert(2)>`

// Whatever people and makers are called, it is text.
func TestNamesAreText(t *testing.T) {
	h := newHome(t, homeOptions{web: func(o *web.Options) { o.Brand = func(string) string { return nasty } }})
	m := homeModel()
	m.ID, m.Words = "nasty", devices.Words{"en": nasty, "ar": nasty}
	m.Metrics[1].Words, m.Remedies[1].Words = devices.Words{"en": nasty}, devices.Words{"en": nasty}
	for _, lang := range []string{"en", "ar"} {
		p := h.meet(owner{Lang: lang, Name: nasty, Site: nasty, Model: &m})
		must(t, h.desk.Bothering(t.Context(), p.grant(), nasty))
		p.book(0)
		link, err := url.Parse(h.links.Unsubscribe("acme", p.id, p.contact, h.clock().Add(time.Hour)))
		must(t, err)
		for _, path := range []string{p.link, p.link + "?said=" + url.QueryEscape(nasty), link.Path, "/o/" + url.PathEscape(nasty)} {
			got := h.get(path)
			for _, wrong := range active(t, got.body) {
				t.Errorf("%s: a name is more than text: %s", path, wrong)
			}
			_, head, _ := strings.Cut(got.body, "<h1")
			if head, _, _ = strings.Cut(head, "</h1>"); strings.Contains(head, "\u202e") {
				t.Errorf("%s: a name turns the direction of the sentence: %s", path, head)
			}
		}
		// What the owner wrote is shown to agents.
		a := agent(t, h)
		if got := (&world{http: h.http}).get(t, a, "/cases/"+p.id); got.status != http.StatusOK || strings.Contains(got.body, "<script>alert") || !strings.Contains(got.body, "&lt;script&gt;alert(1)") {
			t.Errorf("to the agent: %d %s", got.status, got.body)
		}
		if got := h.get(p.link + "/appointment.ics"); strings.Contains(got.body, "\nATTENDEE") || strings.Count(got.body, "BEGIN:VEVENT") != 1 {
			t.Errorf("the calendar's file: %s", got.body)
		}
	}
}

// active returns what in a page runs, or loads something, and is not ours.
func active(t *testing.T, page string) []string {
	t.Helper()
	root, err := nethtml.Parse(strings.NewReader(page))
	must(t, err)
	var found []string
	for n := range root.Descendants() {
		if n.Type != nethtml.ElementNode {
			continue
		}
		src := ""
		for _, a := range n.Attr {
			if a.Key == "src" {
				src = a.Val
			}
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.HasPrefix(a.Val, "javascript:") {
				found = append(found, n.Data+" "+a.Key+"="+a.Val)
			}
		}
		if n.Data == "img" || n.Data == "iframe" || n.Data == "script" && !strings.HasPrefix(src, "/static/") {
			found = append(found, n.Data)
		}
	}
	return found
}

// agent signs somebody in who works on cases.
func agent(t *testing.T, h *home) *http.Client {
	t.Helper()
	accounts := account.New(account.Options{Store: h.db.Accounts(), PublicURL: h.links.Base, Now: h.clock})
	return (&world{http: h.http, accounts: accounts}).as(t, "acme", account.Agent)
}

// What opens an owner's page must be nowhere but in their hands.
func TestNoTokenIsKept(t *testing.T) {
	h := newHome(t)
	p := h.meet(owner{})
	slot := p.slots()[0].ID
	for _, lost := range []string{"", "/nowhere", "/appointment.ics"} {
		h.get(p.link + lost)
	}
	for _, act := range []string{"/book", "/cancel", "/bothering", "/stop", "/resume", "/push", "/nonsense"} {
		h.call(http.MethodPost, p.link+act, "application/x-www-form-urlencoded", "channel=email&slot="+slot)
		h.call(http.MethodPut, p.link+act, "", "")
	}
	must(t, h.db.Close()) // now everything fails
	if got := h.get(p.link); got.status < 500 {
		t.Fatalf("without a store: %d", got.status)
	}
	families, err := h.metrics.Gather()
	must(t, err)
	for name, text := range map[string]string{"log": h.logs.String(), "metrics": fmt.Sprint(families)} {
		if text == "" || strings.Contains(text, p.token) || strings.Contains(text, p.token[:20]) {
			t.Errorf("the %s is empty, or holds the token:\n%s", name, text)
		}
	}
	if !strings.Contains(h.logs.String(), "/o/{token}") {
		t.Errorf("the failure is not in the log:\n%s", h.logs.String())
	}
}

// Nothing inline, nothing from elsewhere, nothing kept, and little of it.
func TestOwnersPagesAreStrictAndLight(t *testing.T) {
	for name, stage := range ownerScenes() {
		for _, lang := range []string{"en", "ar"} {
			t.Run(name+"/"+lang, func(t *testing.T) {
				h := newHome(t)
				path := stage(t, h, lang)
				got := h.get(path, "Accept-Language", lang)
				if m := inline.FindString(got.body); m != "" {
					t.Errorf("something is inline or from elsewhere: %q", m)
				}
				if policy := got.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(policy, "unsafe") {
					t.Errorf("the policy is %q", policy)
				}
				for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex", "Content-Language": lang, "Set-Cookie": ""} {
					if got := got.header.Get(name); got != want {
						t.Errorf("%s is %q, want %q", name, got, want)
					}
				}
				for _, wrong := range []string{"<no value>", "%!", "brew_temperature", "pump_pressure", "calibration<", " ."} {
					if strings.Contains(plainText(got.body), wrong) {
						t.Errorf("the page says %q: %s", wrong, plainText(got.body))
					}
				}
				weight := len(got.body)
				for _, m := range regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`).FindAllStringSubmatch(got.body, -1) {
					part := h.get(m[1])
					if part.status != http.StatusOK || part.header.Get("Content-Encoding") != "" {
						t.Fatalf("%s: %d %v", m[1], part.status, part.header)
					}
					weight += len(part.body)
				}
				if weight > 100<<10 {
					t.Errorf("the page weighs %d bytes", weight)
				}
			})
		}
	}
}

// Nobody has to wait for a case to look as it is: each state has words of its
// own, in each language.
func TestStatesInWords(t *testing.T) {
	for name, want := range map[string][2]string{
		"offer-visit":  {"Your espresso machine works. We would like to keep it that way.", "كل شيء على ما يرام مع آلة الإسبريسو، ونودّ أن يبقى كذلك."},
		"offer-remote": {"a short calibration We do this from afar: nobody has to come, and you need not be there. It takes about 10 minutes.", "معايرة قصيرة نقوم بذلك عن بُعد: لن يأتي أحد ولا يلزم وجودكم. يستغرق ذلك نحو 10 دقائق."},
		"offer-abroad": {"A technician comes to you. It takes about 45 minutes. All times are Berlin time.", "سيزوركم أحد الفنيين. يستغرق ذلك نحو 45 دقيقة. جميع الأوقات بتوقيت برلين."},
		"booked":       {"Your time Thursday, 12 March 15:00 – 17:00", "موعدكم الخميس 12 مارس 3:00 بعد الظهر – 5:00 بعد الظهر"},
		"felt":         {"We are on it: your espresso machine comes first. You told us that you notice it.", "نهتمّ بالأمر الآن، فالأولوية لجهازكم (آلة الإسبريسو). أخبرتمونا"},
		"blind":        {"We can no longer see how your espresso machine is.", "لم نعد نرى حالة جهازكم (آلة الإسبريسو)."},
		"working":      {"We are working on your espresso machine right now.", "نعمل الآن على جهازكم (آلة الإسبريسو)."},
		"checking":     {"Done. We are making sure that your espresso machine is well.", "انتهى العمل، ونتأكد الآن من سلامة جهازكم (آلة الإسبريسو)."},
		"well":         {"Your espresso machine is well again.", "عاد كل شيء على ما يرام مع آلة الإسبريسو."},
		"over":         {"Your espresso machine is fine. There is nothing to do.", "كل شيء على ما يرام مع آلة الإسبريسو، ولا حاجة إلى أي إجراء."},
		"again":        {"Your espresso machine needs another look. Sorry about that.", "نحتاج إلى نظرة أخرى على جهازكم (آلة الإسبريسو). نعتذر عن ذلك."},
	} {
		for i, lang := range []string{"en", "ar"} {
			h := newHome(t)
			if got := plainText(h.get(ownerScenes()[name](t, h, lang)).body); !strings.Contains(got, want[i]) {
				t.Errorf("%s in %s does not say %q:\n%s", name, lang, want[i], got)
			}
		}
	}
}

// Without words of the maker's, a page still speaks to a person.
func TestModelsWithoutWords(t *testing.T) {
	h := newHome(t)
	m := homeModel()
	m.ID, m.Words = "plain", nil
	m.Metrics[1].Words, m.Remedies[1].Words = nil, nil
	for lang, want := range map[string][]string{
		"en": {"Your Barista 2 works.", "one of its readings", "a short check", "about 0.8 bar higher"},
		"ar": {"كل شيء على ما يرام مع Barista 2", "إحدى القراءات", "فحص قصير"},
	} {
		got := plainText(h.get(h.meet(owner{Lang: lang, Model: &m}).link).body)
		for _, s := range want {
			if !strings.Contains(got, s) {
				t.Errorf("in %s it does not say %q:\n%s", lang, s, got)
			}
		}
		if strings.Contains(got, "pump_pressure") || strings.Contains(got, "your your") {
			t.Errorf("in %s it says: %s", lang, got)
		}
	}
}

// With nobody to come, the page says so and promises what is kept.
func TestNoTimeIsFree(t *testing.T) {
	h := newHome(t, homeOptions{desk: func(o *outreach.DeskOptions) {
		o.Calendar = outreach.DefaultCalendar()
		o.Calendar.Technicians[0].Skills = []string{"something else"}
	}})
	m := homeModel()
	m.Remedies[1].Skill = "pumps"
	got := plainText(h.get(h.meet(owner{Model: &m}).link).body)
	if !strings.Contains(got, "No time is free in the next days.") || !strings.Contains(got, "It is already bothering me") {
		t.Error(got)
	}
}

// Silence has no curve, and nothing is said of one.
func TestWithoutAPicture(t *testing.T) {
	h := newHome(t)
	p := h.meet(owner{})
	f := anomaly.Finding{
		ID: "f-silence", Revision: 1, Status: anomaly.Opened, Key: p.key, Model: "barista-2", Kind: anomaly.Silence,
		Onset: today.Add(-9 * time.Hour), Detected: today.Add(-time.Hour), At: today, Peers: 19, Reason: "Nothing was received.",
	}
	p.find(anomaly.Cleared, time.Hour)
	h.turn(2 * time.Hour)
	must(t, h.desk.HandleFinding(t.Context(), f))
	page, err := h.desk.Cases(t.Context(), outreach.CaseFilter{Tenant: "acme", Device: p.key.Device, States: []outreach.State{outreach.Opened, outreach.Offered}, Limit: 1})
	must(t, err)
	if len(page.Cases) != 1 {
		t.Fatal("there is no case of the silence")
	}
	link, err := url.Parse(h.links.Owner("acme", page.Cases[0].ID, p.contact, h.clock().Add(time.Hour)))
	must(t, err)
	got := h.get(link.Path)
	if got.status != http.StatusOK || strings.Contains(got.body, "What we saw") || !strings.Contains(plainText(got.body), "We can no longer see how your espresso machine is. Since") {
		t.Errorf("%d %s", got.status, plainText(got.body))
	}
}
