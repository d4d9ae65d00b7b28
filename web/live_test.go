package web_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/forecare/forecare/web"
	"github.com/forecare/forecare/web/account"
)

// js evaluates an expression in the page.
func js[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%v in %s", err, expression)
	}
	return v
}

// eventually asks again and again, also across pages, until the expression is
// true.
func eventually(ctx context.Context, t *testing.T, what, expression string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-tick.C {
		// While one page gives way to the next there is none to ask.
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression)); err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("never: %s; the page says: %s", what, js[string](ctx, t, `document.body.innerText.slice(0, 600)`))
		}
	}
}

// opened starts a real server with a browser signed in to it.
func opened(t *testing.T, role account.Role) (*world, context.Context, func() error) {
	t.Helper()
	if testing.Short() {
		t.Skip("opens a browser")
	}
	ctx := browser(t)
	w := newWorld(t, 60, func(o *web.Options) { o.PublicURL, _ = url.Parse("http://127.0.0.1") })
	base, stop := w.run(t)
	w.http.Close()
	w.http.URL = base
	must(t, view{"", 1280, 900, "light"}.set(ctx))
	signIn(t, ctx, w, role)
	return w, ctx, stop
}

func TestQueueAnswersToKeys(t *testing.T) {
	w, ctx, _ := opened(t, account.Agent)
	must(t, chromedp.Do(ctx, chromedp.Navigate(w.http.URL+"/cases"), chromedp.KeyEvent("j")))
	if at := js[string](ctx, t, `document.querySelector("tr.is-at").id`); at != "c-case-"+drifter {
		t.Errorf("j went to %s", at)
	}
	must(t, chromedp.Do(ctx, chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), chromedp.KeyEvent("k")))
	if at := js[string](ctx, t, `document.querySelector("tr.is-at").id`); at != "c-case-hp-0007" {
		t.Errorf("jjk went to %s", at)
	}
	must(t, chromedp.Do(ctx, chromedp.KeyEvent("\r")))
	eventually(ctx, t, "Enter opens the case", `location.pathname === "/cases/case-hp-0007"`)
	must(t, chromedp.Do(ctx, chromedp.NavigateBack(), chromedp.KeyEvent("/"), chromedp.KeyEvent("esp")))
	if typed := js[string](ctx, t, `document.activeElement.value || ""`); !strings.HasSuffix(typed, "esp") {
		t.Errorf("/ does not lead into the search: %q", typed)
	}
}

func TestPagesAreLive(t *testing.T) {
	w, ctx, stop := opened(t, account.Agent)
	must(t, chromedp.Do(ctx, chromedp.Navigate(w.http.URL+"/cases")))
	js[int](ctx, t, `window.untouched = 1`)
	eventually(ctx, t, "the start", `document.querySelector("h1").innerText.startsWith("5 open cases")`)
	eventually(ctx, t, "the stream", `document.getElementById("live").hidden`)

	w.care.cases = append(w.care.cases[:3:3], w.care.cases[4:]...)
	w.notifyUntil(t, ctx, `document.querySelector("h1").innerText.startsWith("4 open cases")`)
	if js[int](ctx, t, `window.untouched || 0`) != 1 {
		t.Error("the page was loaded anew instead of swapped")
	}
	eventually(ctx, t, "the title follows", `document.title.startsWith("(4)")`)
	eventually(ctx, t, "the navigation follows", `document.getElementById("nav-open").innerText.startsWith("4")`)

	// Under the pointer nothing jumps: the page offers to show the change.
	where := js[[]float64](ctx, t, `(() => { const r = document.querySelector("tbody tr").getBoundingClientRect(); return [r.x + 40, r.y + 8] })()`)
	must(t, chromedp.Do(ctx, chromedp.MouseEvent("mouseMoved", where[0], where[1])))
	w.care.cases = w.care.cases[1:]
	w.notifyUntil(t, ctx, `!document.getElementById("changed").hidden`)
	if head := js[string](ctx, t, `document.querySelector("h1").innerText`); head[0] != '4' {
		t.Errorf("the list changed under the pointer: %s", head)
	}
	must(t, chromedp.Do(ctx, chromedp.Click(chromedp.CSS("[data-live-now]"))))
	eventually(ctx, t, "the change on demand", `document.querySelector("h1").innerText.startsWith("3 open cases")`)

	if err := stop(); err != nil {
		t.Fatal(err)
	}
	eventually(ctx, t, "a broken stream is marked", `!document.getElementById("live").hidden`)
	if head := js[string](ctx, t, `document.querySelector("h1").innerText`); head[0] != '3' {
		t.Errorf("the page was lost with the stream: %s", head)
	}
}

// notifyUntil repeats a notice until the page shows its effect: a page that
// has just been opened may not listen yet.
func (w *world) notifyUntil(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() { // ends with stop, which the caller waits for
		defer close(done)
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for {
			w.live.notify(web.Notice{Kind: "case", Tenant: "acme", ID: "c"})
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	defer func() { close(stop); <-done }()
	eventually(ctx, t, expression, expression)
}

func TestNoteIsWrittenByHand(t *testing.T) {
	w, ctx, _ := opened(t, account.Agent)
	must(t, chromedp.Do(ctx, chromedp.Navigate(w.http.URL+"/cases/case-"+drifter)))
	js[int](ctx, t, `[...document.querySelectorAll(".do > summary")].find(s => s.innerText === "Add note").click(), 1`)
	must(t, chromedp.Do(ctx, chromedp.SendKeys(chromedp.CSS(`form[action$="/note"] textarea`), "called, all fine")))

	// What somebody writes survives that the page changes meanwhile.
	for range 3 {
		w.live.notify(web.Notice{Kind: "case", Tenant: "acme", ID: "case-" + drifter})
		js[bool](ctx, t, `new Promise(done => setTimeout(() => done(true), 500))`)
	}
	if text := js[string](ctx, t, `document.querySelector('form[action$="/note"] textarea').value`); text != "called, all fine" {
		t.Errorf("the text became %q", text)
	}
	js[int](ctx, t, `window.before = 1`)
	must(t, chromedp.Do(ctx, chromedp.Click(chromedp.CSS(`form[action$="/note"] button`))))
	eventually(ctx, t, "the case again", `location.pathname === "/cases/case-`+drifter+`" && !window.before`)
	w.care.mu.Lock()
	defer w.care.mu.Unlock()
	if want := "note | acme | case-" + drifter + " | agent@acme.example.com | called, all fine"; len(w.care.acts) != 1 || w.care.acts[0] != want {
		t.Errorf("done: %q", w.care.acts)
	}
}

func TestChartAnswersThePointer(t *testing.T) {
	w, ctx, _ := opened(t, account.Admin)
	must(t, chromedp.Do(ctx, chromedp.Navigate(w.http.URL+"/devices/"+drifter)))
	eventually(ctx, t, "the charts are drawn", `document.querySelectorAll(".uplot canvas").length === 3`)
	at := js[[]float64](ctx, t, `(() => { const r = document.querySelector(".u-over").getBoundingClientRect(); return [r.x + r.width * 0.3, r.y + 60] })()`)
	must(t, chromedp.Do(ctx, chromedp.MouseEvent("mouseMoved", at[0], at[1])))
	eventually(ctx, t, "the value is read", `/^\w+.* JST|GMT\+9.*: 92\.\d+ °C; peers 9\d/.test(document.querySelector(".figure-read").textContent)`)
}
