package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
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
)

// patience is for a busy machine; nothing waits for as long when all is well.
const patience = 2 * time.Minute

// root is where the repository begins.
const root = "../.."

// missing skips where something is not installed, except in CI, where nothing
// may be missing.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s: the tests in a browser did not run", what)
	}
	t.Skipf("SKIPPED: %s, so nothing was tested in a browser", what)
}

// browser is a headless Chromium whose tabs are watched.
type browser struct {
	t   *testing.T
	ctx context.Context
	axe string

	mu     sync.Mutex
	wrongs []string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	binary := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			binary = path
			break
		}
	}
	if binary == "" {
		missing(t, "there is no Chromium")
	}
	axe, err := os.ReadFile(filepath.Join(root, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		missing(t, "there is no axe-core (`make build` fetches it)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(binary), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU)
	for _, flag := range []string{"disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage", "hide-scrollbars"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	options = append(options, chromedp.Flag("force-color-profile", "srgb"))
	b := &browser{t: t, axe: string(axe)}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	b.ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(b.ctx); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	return b
}

// tab is one page of the browser.
type tab struct {
	*browser
	name string
	ctx  context.Context
}

// open opens a tab of that size in a window without any cookies.
func (b *browser) open(name string, width, height int64) *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	b.t.Cleanup(cancel)
	t := &tab{browser: b, name: name, ctx: ctx}
	t.must(chromedp.Do(ctx, chromedp.EmulateViewport(width, height)))
	t.must(chromedp.Listen(ctx, t.heard))
	t.must(errors.Join(
		call(ctx, network.Enable, network.EnableParams{}), call(ctx, log.Enable, cdp.Empty{}), call(ctx, runtime.Enable, cdp.Empty{}),
		// Somebody looks at each of them all the time.
		call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}),
		call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		}),
	))
	return t
}

func call[P, R any](ctx context.Context, c cdp.Command[P, R], params P) error {
	_, err := chromedp.Call(ctx, c, params)
	return err
}

// heard notes what a page must not do: fail, be stopped by its own content
// policy, complain, or ask another host.
func (t *tab) heard(event any) {
	wrong := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		wrong = "exception: " + e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			wrong += " " + e.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			wrong = fmt.Sprintf("console.%s", e.Type)
			for _, arg := range e.Args {
				wrong += " " + string(arg.Value) + arg.Description
			}
		}
	case *log.EventEntryAdded:
		// Browsers ask for that by themselves where a page, such as a mail, names
		// no icon.
		if e.Entry.Level == log.EntryLevelError && !strings.HasSuffix(e.Entry.URL, "/favicon.ico") {
			wrong = "log: " + e.Entry.Text + " " + e.Entry.URL
		}
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err == nil && u.Scheme != "data" && u.Hostname() != "127.0.0.1" {
			wrong = "asked the host " + u.Host
		}
	}
	if wrong != "" {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.wrongs = append(t.wrongs, t.name+": "+wrong)
	}
}

// calm fails the test if a page did what it must not.
func (b *browser) calm() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, wrong := range b.wrongs {
		b.t.Errorf("the browser complains: %s", wrong)
	}
	b.wrongs = nil
}

func (t *tab) must(err error) {
	t.t.Helper()
	if err != nil {
		t.t.Fatalf("%s: %v", t.name, err)
	}
}

func (t *tab) visit(address string) {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		t.t.Fatalf("%s: opening %s: %v", t.name, address, err)
	}
}

func (t *tab) click(selector string) {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		t.t.Fatalf("%s: clicking on %s: %v", t.name, selector, err)
	}
}

// eval asks the page something.
func eval[T any](t *tab, script string) T {
	t.t.Helper()
	got, err := chromedp.Run(t.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		t.t.Fatalf("%s: %v in %s", t.name, err, script)
	}
	return got
}

// text is what a person reads in the first element that fits, "" without one.
func (t *tab) text(selector string) string {
	t.t.Helper()
	return strings.Join(strings.Fields(eval[string](t, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector))), " ")
}

// until waits for a condition of the page. While it navigates there is none.
func (t *tab) until(what, script string) {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+script+")"))
		if err == nil && got {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.t.Fatalf("%s: waited in vain until %s (%v); it shows:\n%s", t.name, what, err, t.text("body"))
		}
	}
}

// keep marks the document, so that kept can tell that it was never loaded
// again.
func (t *tab) keep() { eval[bool](t, "window.keptSinceTheBeginning = true") }

func (t *tab) kept() {
	t.t.Helper()
	if !eval[bool](t, "window.keptSinceTheBeginning === true") {
		t.t.Errorf("%s: the page was loaded again; it should change by itself", t.name)
	}
}

// accessible runs axe and wants no violation.
func (t *tab) accessible(name string) {
	t.t.Helper()
	eval[bool](t, t.axe+";true")
	for _, v := range eval[[]string](t, `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v => v.id + ": " + v.help + " at " + v.nodes.slice(0, 4).map(n => n.target.join(" ")).join(", ")))`) {
		t.t.Errorf("%s: axe: %s", name, v)
	}
}

// picturing reports whether pictures are wanted.
func picturing() bool { return os.Getenv("FORECARE_SCREENSHOTS") != "" }

// picture saves what is on the screen, if FORECARE_SCREENSHOTS names a folder,
// seen from the root of the repository.
func (t *tab) picture(name string) {
	t.t.Helper()
	folder := os.Getenv("FORECARE_SCREENSHOTS")
	if folder == "" {
		return
	}
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(root, folder)
	}
	eval[bool](t, `document.fonts.ready.then(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true)))))`)
	shot, err := chromedp.Call(t.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	t.must(err)
	t.must(errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, name+".png"), shot.Data, 0o644)))
	if len(shot.Data) > 200<<10 {
		t.t.Errorf("the picture %s has %d bytes, which is much for a repository", name, len(shot.Data))
	}
}
