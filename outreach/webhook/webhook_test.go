package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/outreach/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 11, 22, 9, 0, 0, 500, time.UTC)

var envelope = outreach.Envelope{
	ID: "msg-7", Case: "case-42", Purpose: outreach.Offer, Name: "Canary Name", Lang: "ar", Brand: "Brew & Co",
	Content: outreach.Content{
		Subject: "عناية بسيطة", Text: "canary text", HTML: "<p>canary html</p>",
		OwnerURL: "https://care.example/o/t1", Unsubscribe: "https://care.example/u/t2", Dir: "rtl",
	},
	Picture: []byte("canary picture"),
}

func TestDeliversASignedThinMessage(t *testing.T) {
	oldSecret, newSecret := webhook.NewSecret(), webhook.NewSecret()
	var body []byte
	var header http.Header
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
	})
	c := open(t, server, newSecret, oldSecret)
	receipt, err := send(c, server.URL+"/hook")
	if err != nil {
		t.Fatal(err)
	}
	if receipt.Provider != envelope.ID || c.Name() != "webhook" || !c.Idempotent() {
		t.Errorf("receipt %+v, name %q, idempotent %v", receipt, c.Name(), c.Idempotent())
	}
	for _, secret := range []string{oldSecret, newSecret} {
		if err := verify(secret, header, body, at); err != nil {
			t.Errorf("a receiver with one of two secrets: %v", err)
		}
	}
	if verify(webhook.NewSecret(), header, body, at) == nil {
		t.Error("a foreign secret verifies")
	}
	if verify(newSecret, header, append(body, ' '), at) == nil {
		t.Error("a changed body verifies")
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"type": "message.offer", "timestamp": "2026-11-22T09:00:00Z",
		"data": map[string]any{
			"message": "msg-7", "case": "case-42", "purpose": "offer", "lang": "ar", "title": "عناية بسيطة",
			"url": "https://care.example/o/t1", "unsubscribe": "https://care.example/u/t2",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if strings.Contains(string(body), "anary") {
		t.Errorf("the body carries what the receiver does not need: %s", body)
	}
}

// TestSignsAsTheSpecificationDoes uses the example that the Standard Webhooks
// reference libraries test themselves with.
func TestSignsAsTheSpecificationDoes(t *testing.T) {
	const (
		secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
		body   = `{"test": 2432232314}`
	)
	h := http.Header{}
	h.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	h.Set("webhook-timestamp", "1614265330")
	h.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	if err := verify(secret, h, []byte(body), time.Unix(1614265330, 0)); err != nil {
		t.Fatalf("the verifier of this test is wrong: %v", err)
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	for _, c := range []struct {
		status int
		want   outreach.SendClass
		after  time.Duration
	}{
		{200, "", 0},
		{201, "", 0},
		{202, "", 0},
		{301, outreach.BadAddress, 0},
		{307, outreach.BadAddress, 0},
		{400, outreach.BadContent, 0},
		{401, outreach.Transient, 90 * time.Second},
		{404, outreach.Transient, 90 * time.Second},
		{410, outreach.BadAddress, 0},
		{413, outreach.BadContent, 0},
		{418, outreach.Transient, 90 * time.Second},
		{429, outreach.Transient, 90 * time.Second},
		{500, outreach.Transient, 90 * time.Second},
		{503, outreach.Transient, 90 * time.Second},
	} {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				t.Errorf("%d: the redirect was followed", c.status)
			}
			w.Header().Set("Location", "/elsewhere")
			w.Header().Set("Retry-After", "90")
			w.WriteHeader(c.status)
			fmt.Fprint(w, "canary answer")
		})
		_, err := send(open(t, server, webhook.NewSecret()), server.URL+"/canary-path?canary=1")
		wantClass(t, fmt.Sprint(c.status), err, c.want)
		if e, ok := errors.AsType[*outreach.SendError](err); ok && e.After != c.after {
			t.Errorf("%d: try again after %v, want %v", c.status, e.After, c.after)
		}
	}
}

func TestHostileEndpoints(t *testing.T) {
	stop := make(chan struct{})
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/silent-canary":
			<-stop
		case "/drip-canary": // a status, then a body that never ends
			w.Header().Set("Content-Length", "1000000")
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-stop
		case "/huge-canary":
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		case "/hangup-canary":
			conn, _, _ := w.(http.Hijacker).Hijack()
			conn.Close()
		}
	})
	t.Cleanup(func() { close(stop) })
	c := open(t, server, webhook.NewSecret())
	for path, want := range map[string]outreach.SendClass{
		"/silent-canary": outreach.UnknownOutcome,
		"/hangup-canary": outreach.UnknownOutcome,
		"/drip-canary":   "",
		"/huge-canary":   "",
	} {
		_, err := send(c, server.URL+path)
		wantClass(t, path, err, want)
	}
}

func TestNeverCallsInside(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() { // ends with the listener
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Error("the listener inside was called")
			conn.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	first := true
	c, err := webhook.New(webhook.Options{
		Secrets: []string{webhook.NewSecret()},
		Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
			if host != "rebinding-canary.example" {
				return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
			}
			answer := netip.MustParseAddr("127.0.0.1")
			if first { // both at once, then the private one alone
				first = false
				return []netip.Addr{netip.MustParseAddr("8.8.8.8"), answer}, nil
			}
			return []netip.Addr{answer}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]outreach.SendClass{
		"https://127.0.0.1:" + port + "/canary":                outreach.BadAddress,
		"http://127.0.0.1:" + port + "/canary":                 outreach.BadAddress,
		"https://[::ffff:127.0.0.1]:" + port + "/canary":       outreach.BadAddress,
		"https://rebinding-canary.example:" + port + "/canary": outreach.BadAddress,
		"http://8.8.8.8/canary":                                outreach.BadAddress,
		"gopher://8.8.8.8/canary":                              outreach.BadAddress,
		"not a url: canary\r\nX: y":                            outreach.BadAddress,
		"":                                                     outreach.BadAddress,
		"https://gone-canary.example/":                         outreach.Transient,
	} {
		for range 2 {
			_, err := send(c, to)
			wantClass(t, to, err, want)
		}
	}
}

func TestRefusedConnectionIsTransient(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	c, err := webhook.New(webhook.Options{Secrets: []string{webhook.NewSecret()}, Allow: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = send(c, "https://"+address+"/canary")
	wantClass(t, "refused", err, outreach.Transient)
}

func TestTooLarge(t *testing.T) {
	c, err := webhook.New(webhook.Options{Secrets: []string{webhook.NewSecret()}})
	if err != nil {
		t.Fatal(err)
	}
	e := envelope
	e.To, e.Content.Subject = "https://hooks.example/canary", strings.Repeat("canary ", 4000)
	_, err = c.Send(context.Background(), e)
	wantClass(t, "20 kB", err, outreach.BadContent)
}

func TestConfiguration(t *testing.T) {
	good := webhook.NewSecret()
	for name, o := range map[string]webhook.Options{
		"none":       {},
		"three":      {Secrets: []string{good, good, good}},
		"no prefix":  {Secrets: []string{strings.TrimPrefix(good, "whsec_")}},
		"short":      {Secrets: []string{"whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 23))}},
		"long":       {Secrets: []string{"whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65))}},
		"not base64": {Secrets: []string{"whsec_canary%%"}},
		"exception":  {Secrets: []string{good}, Allow: []string{"http://x"}},
	} {
		_, err := webhook.New(o)
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	var log bytes.Buffer
	o := webhook.Options{Secrets: []string{good}}
	c, err := webhook.New(o)
	if err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewTextHandler(&log, nil)).Info("configured", "webhook", o)
	shown := log.String() + fmt.Sprintf("%v %+v %#v", c, c, c)
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(good, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(shown, good[6:18]) || strings.Contains(shown, fmt.Sprintf("%d %d %d", raw[0], raw[1], raw[2])) ||
		strings.Contains(shown, fmt.Sprintf("%#x, %#x", raw[0], raw[1])) {
		t.Errorf("the secret shows: %s", shown)
	}
}

func open(t *testing.T, server *httptest.Server, secrets ...string) *webhook.Channel {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	c, err := webhook.New(webhook.Options{
		Secrets: secrets, Allow: []string{"127.0.0.1"}, RootCAs: pool, Timeout: 500 * time.Millisecond,
		Now: func() time.Time { return at },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	return server
}

func send(c *webhook.Channel, to string) (outreach.Receipt, error) {
	e := envelope
	e.To = to
	return c.Send(context.Background(), e)
}

func wantClass(t *testing.T, what string, err error, want outreach.SendClass) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	e, ok := errors.AsType[*outreach.SendError](err)
	if !ok || e.Class != want {
		t.Errorf("%s: got %v, want class %s", what, err, want)
		return
	}
	if strings.Contains(strings.ToLower(e.Error()), "canary") || strings.Contains(e.Error(), "127.0.0.1") {
		t.Errorf("%s: the error carries address or content: %v", what, e)
	}
}

// verify is what a receiver does, written from the specification.
func verify(secret string, h http.Header, body []byte, now time.Time) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return err
	}
	var seconds int64
	if _, err := fmt.Sscan(h.Get("webhook-timestamp"), &seconds); err != nil {
		return err
	}
	if skew := now.Sub(time.Unix(seconds, 0)).Abs(); skew > 5*time.Minute {
		return fmt.Errorf("the timestamp is %v off", skew)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(h.Get("webhook-id") + "." + h.Get("webhook-timestamp") + "." + string(body)))
	want := mac.Sum(nil)
	for _, s := range strings.Fields(h.Get("webhook-signature")) {
		version, value, _ := strings.Cut(s, ",")
		got, err := base64.StdEncoding.DecodeString(value)
		if version == "v1" && err == nil && hmac.Equal(got, want) {
			return nil
		}
	}
	return errors.New("no signature fits")
}
