package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/forecare/forecare/web"
	"github.com/forecare/forecare/web/account"
)

// run starts the server as the process does and returns its address and a
// function that stops it and returns its error.
func (w *world) run(t *testing.T) (base string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.server.Run(ctx) }() // stop waits for it
	<-w.live.joined
	stopped := false
	stop = func() error {
		stopped = true
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(15 * time.Second):
			return errors.New("the server does not stop")
		}
	}
	t.Cleanup(func() {
		if !stopped {
			if err := stop(); err != nil {
				t.Error(err)
			}
		}
	})
	return "http://" + w.server.Addr().String(), stop
}

// event is one server-sent event.
type event struct{ name, data string }

// impatient gives up on a server that does not begin to answer.
func impatient() *http.Transport {
	return &http.Transport{ResponseHeaderTimeout: 10 * time.Second, DisableKeepAlives: true}
}

type listener struct {
	events chan event
	close  context.CancelFunc
}

// listen opens the event stream and waits for its hello.
func listen(t *testing.T, base, token string, header http.Header) listener {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := impatient().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("%s %v", res.Status, res.Header)
	}
	l := listener{events: make(chan event, 16), close: cancel}
	t.Cleanup(cancel)
	// Ends when the body does, at the latest with cancel.
	go func() {
		defer close(l.events)
		defer res.Body.Close()
		var e event
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case name == "event":
				e.name = value
			case name == "data":
				e.data = value
			case lines.Text() == "" && e.name != "":
				l.events <- e
				e = event{}
			}
		}
	}()
	if e := l.next(t); e.name != "hello" {
		t.Fatalf("the first event is %v", e)
	}
	return l
}

func (l listener) next(t *testing.T) event {
	t.Helper()
	select {
	case e, ok := <-l.events:
		if !ok {
			return event{name: "end"}
		}
		return e
	case <-time.After(10 * time.Second):
		t.Fatal("no event came")
		return event{}
	}
}

func TestStreamTellsItsTenantWhatChanged(t *testing.T) {
	w := newWorld(t, 3)
	base, _ := w.run(t)
	mine := listen(t, base, w.token(t, "acme", account.Planner), nil)
	theirs := listen(t, base, w.token(t, "other", account.Planner), nil)

	w.live.notify(web.Notice{Kind: "case", Tenant: "acme", ID: "c-1", Text: "message to owner@example.com"})
	w.live.notify(web.Notice{Kind: "registry"})
	w.live.notify(web.Notice{Kind: "evil\nevent: case", Tenant: "acme", ID: "x\ny"})
	for i, want := range []event{{"case", `{"id":"c-1"}`}, {"registry", `{}`}, {"other", `{"id":"x\ny"}`}} {
		if got := mine.next(t); got != want {
			t.Errorf("event %d is %v, want %v", i, got, want)
		}
	}
	if got := theirs.next(t); got.name != "registry" {
		t.Errorf("the other tenant heard %v", got)
	}
}

func TestStreamSaysIfSomethingWasMissed(t *testing.T) {
	w := newWorld(t, 3)
	base, _ := w.run(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/v1/events", nil)
	req.Header.Set("Authorization", "Bearer "+w.token(t, "acme", account.Agent))
	req.Header.Set("Last-Event-ID", "1")
	res, err := impatient().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b := make([]byte, 200)
	n, _ := io.ReadAtLeast(res.Body, b, 40)
	if !strings.Contains(string(b[:n]), `event: hello`+"\n"+`data: {"again":true}`) {
		t.Errorf("got %q", b[:n])
	}
}

func TestSlowReaderIsDropped(t *testing.T) {
	w := newWorld(t, 3)
	base, _ := w.run(t)
	// Its reader takes the hello and then nothing, until the channel is full and
	// the connection as well.
	slow := listen(t, base, w.token(t, "acme", account.Agent), nil)
	padding := strings.Repeat("x", 32<<10)
	dropped := func() bool {
		metrics, err := w.metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range metrics {
			if m.GetName() == "forecare_web_streams_dropped_total" {
				return m.GetMetric()[0].GetCounter().GetValue() > 0
			}
		}
		return false
	}
	for i := 0; !dropped(); i++ {
		if i > 50_000 {
			t.Fatal("a reader that does not read is kept")
		}
		w.live.notify(web.Notice{Kind: "case", Tenant: "acme", ID: fmt.Sprint(i, padding)})
	}
	slow.close()
	fresh := listen(t, base, w.token(t, "acme", account.Agent), nil)
	w.live.notify(web.Notice{Kind: "case", Tenant: "acme", ID: "after"})
	if got := fresh.next(t); got.data != `{"id":"after"}` {
		t.Errorf("others suffer: %.100v", got)
	}
}

func TestStopEndsStreamsAndPages(t *testing.T) {
	before := goleak.IgnoreCurrent()
	w := newWorld(t, 3)
	base, stop := w.run(t)
	l := listen(t, base, w.token(t, "acme", account.Agent), nil)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for e := l.next(t); e.name != "end"; e = l.next(t) {
	}
	l.close()
	if _, err := http.Get(base + "/healthz"); err == nil {
		t.Error("it still answers")
	}
	w.http.Close()
	w.db.Close()
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, before)
}

func TestLostNoticesMeanResync(t *testing.T) {
	w := newWorld(t, 3)
	w.live.failing = errors.New("connection lost")
	base, _ := w.run(t) // returns when it has joined, after the failure
	l := listen(t, base, w.token(t, "acme", account.Agent), nil)
	w.live.notify(web.Notice{Kind: "finding", Tenant: "acme", ID: "f"})
	if got := l.next(t); got.name != "finding" {
		t.Errorf("after reconnecting: %v", got)
	}
}

func TestPagesFollowANotice(t *testing.T) {
	w := newWorld(t, 60)
	base, _ := w.run(t)
	c := w.as(t, "acme", account.Admin)
	if got := w.get(t, c, "/fleet"); !strings.Contains(got.body, "54 of 59") {
		t.Fatal("unexpected start")
	}
	l := listen(t, base, w.token(t, "acme", account.Agent), nil)
	w.care.findings = w.care.findings[1:] // one drift is over
	w.care.findings = w.care.findings[1:]
	w.live.notify(web.Notice{Kind: "finding", Tenant: "acme", ID: "f"})
	l.next(t)
	if got := w.get(t, c, "/fleet"); !strings.Contains(got.body, "55 of 59") {
		t.Error("the page shows what was true before the notice")
	}
}
