package web_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/outreach"
)

// ownerScenes brings a case into every state in which its owner may find it,
// and returns the address of what they see then.
func ownerScenes() map[string]func(t testing.TB, h *home, lang string) string {
	meet := func(h *home, lang, metric string) *person { return h.meet(owner{Lang: lang, Metric: metric}) }
	return map[string]func(t testing.TB, h *home, lang string) string{
		"offer-visit":  func(_ testing.TB, h *home, lang string) string { return meet(h, lang, "pump_pressure").link },
		"offer-remote": func(_ testing.TB, h *home, lang string) string { return meet(h, lang, "brew_temperature").link },
		"offer-abroad": func(_ testing.TB, h *home, lang string) string {
			return h.meet(owner{Lang: lang, Zone: "Asia/Tokyo"}).link
		},
		"blind": func(_ testing.TB, h *home, lang string) string {
			return h.meet(owner{Lang: lang, Kind: anomaly.Stuck}).link
		},
		"booked": func(_ testing.TB, h *home, lang string) string {
			p := meet(h, lang, "pump_pressure")
			p.book(1)
			return p.link + "?said=booked"
		},
		"taken": func(_ testing.TB, h *home, lang string) string {
			return meet(h, lang, "pump_pressure").link + "?said=taken"
		},
		"taken-booked": func(_ testing.TB, h *home, lang string) string {
			p := meet(h, lang, "pump_pressure")
			p.book(2)
			return p.link + "?said=taken"
		},
		"canceled": func(_ testing.TB, h *home, lang string) string {
			return meet(h, lang, "brew_temperature").link + "?said=canceled"
		},
		"felt": func(t testing.TB, h *home, lang string) string {
			p := meet(h, lang, "brew_temperature")
			must(t, h.desk.Bothering(t.Context(), p.grant(), "The coffee is cold."))
			return p.link + "?said=heard"
		},
		"working": func(t testing.TB, h *home, lang string) string {
			p := meet(h, lang, "pump_pressure")
			p.book(0)
			must(t, h.desk.Start(t.Context(), "acme", p.id, "ann@example.com"))
			return p.link
		},
		"checking": func(t testing.TB, h *home, lang string) string {
			p := meet(h, lang, "pump_pressure")
			must(t, h.desk.Finish(t.Context(), "acme", p.id, "ann@example.com", "done"))
			return p.link
		},
		"well": func(t testing.TB, h *home, lang string) string {
			p := meet(h, lang, "pump_pressure")
			must(t, h.desk.Finish(t.Context(), "acme", p.id, "ann@example.com", "done"))
			p.find(anomaly.Cleared, 5*time.Hour)
			return p.link
		},
		"over": func(_ testing.TB, h *home, lang string) string {
			p := meet(h, lang, "pump_pressure")
			p.find(anomaly.Cleared, 5*time.Hour)
			return p.link
		},
		"again": func(t testing.TB, h *home, lang string) string {
			p := meet(h, lang, "pump_pressure")
			must(t, h.desk.Finish(t.Context(), "acme", p.id, "ann@example.com", "done"))
			p.find(anomaly.Updated, 2*time.Hour)
			return p.link
		},
		"stopped": func(t testing.TB, h *home, lang string) string {
			p := meet(h, lang, "pump_pressure")
			must(t, h.desk.OptOut(t.Context(), p.grant(), outreach.All))
			return p.link + "?said=stopped"
		},
		"unsubscribe": func(t testing.TB, h *home, lang string) string {
			p := meet(h, lang, "pump_pressure")
			u, err := url.Parse(h.links.Unsubscribe("acme", p.id, p.contact, h.clock().Add(time.Hour)))
			must(t, err)
			return u.Path
		},
		"trouble": func(_ testing.TB, _ *home, _ string) string { return "/o/AUJOPShvgpKp" },
	}
}

// TestOwnersPagesInABrowser opens what owners see on a phone, in every state,
// in English on light and in Arabic on dark ground: axe finds nothing with contrast as for AAA,
// every target is big enough for a thumb, nothing is wider than the screen.
// With FORECARE_SCREENSHOTS=folder it does all four and leaves
// a picture of each.
func TestOwnersPagesInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a browser")
	}
	axe, err := os.ReadFile(filepath.Join("..", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		missing(t, "axe-core is not installed; `make build` fetches it")
	}
	ctx := browser(t)
	seen := watch(t, ctx)
	only := os.Getenv("FORECARE_SCENE")
	for name, stage := range ownerScenes() {
		if !strings.HasPrefix(name, only) {
			continue
		}
		h := newHome(t)
		for _, lang := range []string{"en", "ar"} {
			h.turn(time.Second)
			path := stage(t, h, lang)
			for _, v := range []view{{"light", 390, 844, "light"}, {"dark", 390, 844, "dark"}} {
				if (lang == "en") != (v.scheme == "light") && os.Getenv("FORECARE_SCREENSHOTS") == "" {
					continue // time is short, unless it is for pictures
				}
				t.Run(name+"/"+lang+"/"+v.name, func(t *testing.T) {
					must(t, errors.Join(v.set(ctx), call(ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": lang}})))
					seen.reset()
					must(t, chromedp.Do(ctx, chromedp.Navigate(h.http.URL+path)))
					must(t, settle(ctx))
					if folder := os.Getenv("FORECARE_SCREENSHOTS"); folder != "" {
						shoot(t, ctx, filepath.Join(folder, "owner-"+name+"-"+lang+"-"+v.name+".png"))
					}
					lookAtOwnersPage(t, ctx, lang, seen, string(axe))
				})
			}
		}
	}
}

func lookAtOwnersPage(t *testing.T, ctx context.Context, lang string, seen *watched, axe string) {
	t.Helper()
	// All is to be seen and measured.
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.querySelectorAll("details").forEach(d => d.open = true); true`))
	must(t, err)
	_, _, wrongs := seen.state()
	for _, wrong := range wrongs {
		t.Errorf("the browser complains: %s", wrong)
	}
	for what, script := range map[string]string{
		"not as wide as a phone": `innerWidth === 390 && document.documentElement.scrollWidth <= 390 && document.body.getBoundingClientRect().left === 0 ? [] : [JSON.stringify([innerWidth, document.documentElement.scrollWidth, document.body.getBoundingClientRect()])]`,
		"too small for a thumb":  `[...document.querySelectorAll("a, button, summary, textarea")].filter(e => { const r = e.getBoundingClientRect(); return r.width > 0 && (r.height < 48 || r.width < 48); }).map(e => e.outerHTML.slice(0, 120))`,
		"wider than the screen":  `[...document.querySelectorAll("body *")].filter(e => { const r = e.getBoundingClientRect(); return r.width > 0 && !e.closest("svg") && (r.right > innerWidth + 1 || r.left < -1); }).map(e => e.outerHTML.slice(0, 120))`,
		"labels on each other":   `(() => { const t = [...document.querySelectorAll(".chart-date")].filter(e => e.getClientRects().length && getComputedStyle(e).display !== "none").map(e => e.getBoundingClientRect()).sort((a, b) => a.left - b.left); return t.slice(1).filter((r, i) => r.left < t[i].right + 4).map(r => "a date at " + r.left); })()`,
	} {
		found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](script))
		must(t, err)
		for _, f := range found {
			t.Errorf("%s: %s", what, f)
		}
	}
	got, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.documentElement.lang + " " + document.documentElement.dir`))
	must(t, err)
	if want := map[string]string{"en": "en ltr", "ar": "ar rtl"}[lang]; got != want {
		t.Errorf("the page is in %q, want %q", got, want)
	}
	violations, err := check(ctx, axe+";axe.configure({rules: [{id: 'color-contrast-enhanced', enabled: true}]})")
	must(t, err)
	for _, v := range violations {
		t.Errorf("axe: %s", v)
	}
}

func shoot(t *testing.T, ctx context.Context, file string) {
	t.Helper()
	// A page that fits is taken as it is: Chromium moves short pages that are
	// written from right to left when it looks beyond the screen.
	whole, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.documentElement.scrollHeight > innerHeight`))
	must(t, err)
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &whole})
	must(t, errors.Join(err, os.MkdirAll(filepath.Dir(file), 0o755)))
	must(t, os.WriteFile(file, shot.Data, 0o644))
}

// Without JavaScript a thumb books, changes and gives back.
func TestOwnersPageWithoutScript(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a browser")
	}
	ctx := browser(t)
	h := newHome(t)
	p := h.meet(owner{})
	must(t, call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	must(t, call(ctx, network.Enable, network.EnableParams{}))
	for _, step := range []struct {
		click, wait string
		want        outreach.State
	}{
		{".slot", ".said", outreach.Scheduled},
		{".booked form .button", ".said", outreach.Offered},
	} {
		must(t, chromedp.Do(ctx, chromedp.Navigate(h.http.URL+p.link), chromedp.Click(chromedp.CSS(step.click)), chromedp.WaitVisible(chromedp.CSS(step.wait))))
		if got := p.of().State; got != step.want {
			t.Fatalf("after a click on %s the case is %s, want %s", step.click, got, step.want)
		}
	}
}
