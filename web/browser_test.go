package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/forecare/forecare/web/account"
)

// maxWeight is what a page may bring along over the wire, all in all.
const maxWeight = 150 << 10

// browser starts a headless Chromium, or skips the test where there is none.
func browser(t testing.TB) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		missing(t, "there is no Chromium on this machine, so pages were not seen in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("no-first-run", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("force-color-profile", "srgb"))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	ctx, cancel = context.WithTimeout(ctx, 8*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// watched is what went over the wire and what the browser complained about.
type watched struct {
	mu     sync.Mutex
	bytes  float64
	hosts  map[string]bool
	wrongs []string
}

func watch(t testing.TB, ctx context.Context) *watched {
	t.Helper()
	w := &watched{hosts: map[string]bool{}}
	err := chromedp.Listen(ctx, func(ev any) {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch e := ev.(type) {
		case *network.EventLoadingFinished:
			w.bytes += e.EncodedDataLength
		case *network.EventRequestWillBeSent:
			if u, err := url.Parse(e.Request.URL); err == nil && u.Scheme != "data" {
				w.hosts[u.Host] = true
			}
		case *runtime.EventExceptionThrown:
			w.wrongs = append(w.wrongs, fmt.Sprint(e.ExceptionDetails.Text, " ", e.ExceptionDetails.URL))
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError && !strings.Contains(e.Entry.Text, "the server responded with a status of") {
				w.wrongs = append(w.wrongs, e.Entry.Text)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	must(t, call(ctx, network.Enable, network.EnableParams{}))
	must(t, call(ctx, log.Enable, cdp.Empty{}))
	must(t, call(ctx, runtime.Enable, cdp.Empty{}))
	return w
}

func call[P, R any](ctx context.Context, c cdp.Command[P, R], params P) error {
	_, err := chromedp.Call(ctx, c, params)
	return err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *watched) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bytes, w.hosts, w.wrongs = 0, map[string]bool{}, nil
}

func (w *watched) state() (bytes float64, hosts, wrongs []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for h := range w.hosts {
		hosts = append(hosts, h)
	}
	return w.bytes, hosts, slices.Clone(w.wrongs)
}

// signIn opens a one-time link as a person would.
func signIn(t testing.TB, ctx context.Context, w *world, role account.Role) {
	t.Helper()
	link, err := w.accounts.NewLink(t.Context(), "acme", string(role)+"@acme.example.com", role)
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(link)
	err = chromedp.Do(ctx, chromedp.Navigate(w.http.URL+u.Path), chromedp.Click(chromedp.CSS("button.button-main")), chromedp.WaitVisible(chromedp.CSS(".bar")))
	if err != nil {
		t.Fatalf("signing in as %s: %v", role, err)
	}
}

type view struct {
	name          string
	width, height int64
	scheme        string
}

// views are a desk and a phone; all is for pictures.
func views(all bool) []view {
	if !all {
		return []view{{"1280-light", 1280, 900, "light"}, {"390-dark", 390, 844, "dark"}}
	}
	return []view{
		{"1280-light", 1280, 900, "light"},
		{"1280-dark", 1280, 900, "dark"},
		{"390-light", 390, 844, "light"},
		{"390-dark", 390, 844, "dark"},
		{"1920-light", 1920, 1080, "light"},
	}
}

func (v view) set(ctx context.Context) error {
	return errors.Join(
		chromedp.Do(ctx, chromedp.EmulateViewport(v.width, v.height)),
		call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v.scheme}},
		}))
}

// TestPagesInABrowser opens every scene on a desk, light, and on a phone, dark
// (with pictures also the other way round): axe finds no violation, nothing is wider than the screen, nothing comes
// from another host, the browser complains about nothing, the page is light.
// With FORECARE_SCREENSHOTS=folder it leaves a picture of each.
func TestPagesInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a browser")
	}
	axe, err := os.ReadFile(filepath.Join("..", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		missing(t, "axe-core is not installed; `make build` fetches it")
	}
	ctx := browser(t)
	seen := watch(t, ctx)
	pictures := os.Getenv("FORECARE_SCREENSHOTS")
	only := os.Getenv("FORECARE_SCENE")
	for group, list := range scenes() {
		w := stage(t, group)
		slices.SortStableFunc(list, func(a, b scene) int { return strings.Compare(string(a.role), string(b.role)) })
		role := account.Role("")
		must(t, call(ctx, network.ClearBrowserCookies, cdp.Empty{}))
		for _, sc := range list {
			if only != "" && !strings.HasPrefix(sc.name, only) {
				continue
			}
			if sc.role != role {
				role = sc.role
				signIn(t, ctx, w, role)
			}
			for _, v := range views(pictures != "") {
				t.Run(sc.name+"/"+v.name, func(t *testing.T) {
					look(t, ctx, w, sc, v, seen, string(axe), pictures)
				})
			}
		}
	}
}

func look(t *testing.T, ctx context.Context, w *world, sc scene, v view, seen *watched, axe, pictures string) {
	// A fresh cache, so that the weight is that of a first visit.
	must(t, errors.Join(v.set(ctx), call(ctx, network.ClearBrowserCache, cdp.Empty{})))
	seen.reset()
	must(t, chromedp.Do(ctx, chromedp.Navigate(w.http.URL+sc.path)))
	must(t, settle(ctx))
	bytes, hosts, wrongs := seen.state()
	if bytes > maxWeight {
		t.Errorf("the page weighs %.0f bytes, the most is %d", bytes, maxWeight)
	}
	for _, h := range hosts {
		if !strings.HasSuffix(w.http.URL, h) {
			t.Errorf("the page asked the host %s", h)
		}
	}
	for _, wrong := range wrongs {
		t.Errorf("the browser complains: %s", wrong)
	}
	over, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll("body *")].filter(e => {
		const r = e.getBoundingClientRect();
		return document.documentElement.scrollWidth > innerWidth && r.width > 0 && r.right > innerWidth + 1 && !e.closest(".scroll, .code, .nav, svg");
	}).slice(0, 3).map(e => e.outerHTML.slice(0, 160))`))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range over {
		t.Errorf("wider than the screen: %s", e)
	}
	violations, err := check(ctx, axe)
	if err != nil {
		t.Fatal(err)
	}
	for _, violation := range violations {
		t.Errorf("axe: %s", violation)
	}
	if pictures == "" {
		return
	}
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		t.Fatal(err)
	}
	whole := sc.name != "docs" && sc.name != "fleet-thousand"
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &whole})
	must(t, err)
	if err := os.WriteFile(filepath.Join(pictures, sc.name+"-"+v.name+".png"), shot.Data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// settle waits until fonts are there and charts are drawn.
func settle(ctx context.Context) error {
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](
		`document.fonts.ready.then(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true)))))`, chromedp.EvalAwaitPromise))
	return err
}

// check runs axe and returns what it found, one line each.
func check(ctx context.Context, axe string) ([]string, error) {
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](axe+";0")); err != nil {
		return nil, fmt.Errorf("loading axe: %w", err)
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](
		`axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v => v.id + ": " + v.help + " at " + v.nodes.slice(0, 4).map(n => n.target.join(" ") + " (" + (n.any[0]?.message || "") + ")").join(", ")))`,
		chromedp.EvalAwaitPromise))
	if err != nil {
		return nil, fmt.Errorf("running axe: %w", err)
	}
	return found, nil
}

// missing skips a test aloud; in CI, which installs what tests need, it fails.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip("SKIPPED: " + what)
}
