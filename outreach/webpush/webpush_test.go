package webpush_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/outreach/compose"
	"github.com/forecare/forecare/outreach/webpush"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type notification struct{ Title, Body, URL, Tag, Lang, Dir string }

func message() outreach.Envelope {
	return outreach.Envelope{
		ID: "msg-7", Case: "case-42", Purpose: outreach.Offer, Name: "Canary Name", Lang: "ar",
		Content: outreach.Content{
			Subject: "عناية بسيطة بجهازكم", Dir: "rtl", OwnerURL: "https://care.example/o/t1",
			Text: "مرحبًا \u2068Canary Name\u2069،\n\nعلى الأرجح أنكم لم تلاحظوا أي شيء.\n\nhttps://care.example/o/t1\n",
		},
	}
}

func TestABrowserReadsIt(t *testing.T) {
	service, browser := newService(t), newBrowser(t)
	c, public := open(t, service)
	e := message()
	e.To = browser.subscription(service.URL + "/wpush/v2/abc")
	receipt, err := c.Send(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	if receipt.Provider != "receipt-1" || c.Name() != "webpush" || !c.Idempotent() {
		t.Errorf("receipt %+v, name %q, idempotent %v", receipt, c.Name(), c.Idempotent())
	}
	d := service.delivered()[0]
	plain, err := browser.decrypt(d.body)
	if err != nil {
		t.Fatal(err)
	}
	var got notification
	if err := json.Unmarshal(plain, &got); err != nil {
		t.Fatal(err)
	}
	topic := d.header.Get("Topic")
	want := notification{
		Title: "عناية بسيطة بجهازكم", Body: "على الأرجح أنكم لم تلاحظوا أي شيء.",
		URL: "https://care.example/o/t1", Tag: topic, Lang: "ar", Dir: "rtl",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notification (-want +got):\n%s", diff)
	}
	if len(topic) != 32 || strings.Trim(topic, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		t.Errorf("topic %q is not 32 characters of base64url", topic)
	}
	for name, want := range map[string]string{"Ttl": "259200", "Urgency": "normal", "Content-Encoding": "aes128gcm"} {
		if got := d.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if d.claims["sub"] != "mailto:care@maker.example" || d.claims["k"] != public {
		t.Errorf("claims %v", d.claims)
	}

	stranger := newBrowser(t)
	if _, err := stranger.decrypt(d.body); err == nil {
		t.Error("another browser can read it")
	}
}

func TestSendingAgainReplaces(t *testing.T) {
	service, browser := newService(t), newBrowser(t)
	c, _ := open(t, service)
	e := message()
	e.To = browser.subscription(service.URL + "/x")
	other := e
	other.Case = "case-43"
	for _, m := range []outreach.Envelope{e, e, other} {
		if _, err := c.Send(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
	first, again, elsewhere := service.delivered()[0].header.Get("Topic"), service.delivered()[1].header.Get("Topic"), service.delivered()[2].header.Get("Topic")
	if first != again || first == elsewhere {
		t.Errorf("topics %q, %q of one case and %q of another", first, again, elsewhere)
	}
}

func TestFitsWhateverIsSent(t *testing.T) {
	service, browser := newService(t), newBrowser(t)
	c, _ := open(t, service)
	arabic := "مرحبًا،\n\n" + strings.Repeat("كلمة \u2068أخرى 12\u2069 ", 2000)
	for name, change := range map[string]func(*outreach.Content){
		"long text": func(c *outreach.Content) { c.Text = strings.Repeat("some words ", 2000) },
		"arabic":    func(c *outreach.Content) { c.Text, c.Subject = arabic, arabic },
		"one word":  func(c *outreach.Content) { c.Text = strings.Repeat("x", 9000) },
		"escapes":   func(c *outreach.Content) { c.Text = strings.Repeat("\u2028\x01 <&>", 4000) },
		"emoji":     func(c *outreach.Content) { c.Text = strings.Repeat("🔧", 4000) },
		"long link": func(c *outreach.Content) {
			c.Text, c.OwnerURL = arabic, "https://care.example/o/"+strings.Repeat("a", 3000)
		},
		"no text":    func(c *outreach.Content) { c.Text = "" },
		"only links": func(c *outreach.Content) { c.Text = "https://care.example/\nhttp://care.example/" },
	} {
		e := message()
		e.To = browser.subscription(service.URL + "/x")
		change(&e.Content)
		if _, err := c.Send(context.Background(), e); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		plain, err := browser.decrypt(last(service).body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var n notification
		if err := json.Unmarshal(plain, &n); err != nil || !utf8.Valid(plain) || len(plain) > 3993 {
			t.Errorf("%s: %d bytes, %v", name, len(plain), err)
		}
		if n.URL != e.Content.OwnerURL {
			t.Errorf("%s: the link was changed to %q", name, n.URL)
		}
		if strings.Count(n.Body, "\u2068") != strings.Count(n.Body, "\u2069") {
			t.Errorf("%s: isolates are not closed in %q", name, n.Body)
		}
		if name == "long text" && (!strings.HasSuffix(n.Body, "words…") && !strings.HasSuffix(n.Body, "some…")) {
			t.Errorf("%s: not cut between words: …%q", name, n.Body[len(n.Body)-20:])
		}
	}
	e := message()
	e.To = browser.subscription(service.URL + "/x")
	e.Content.OwnerURL = "https://care.example/o/canary" + strings.Repeat("a", 4000)
	_, err := c.Send(context.Background(), e)
	wantClass(t, "link of 4 kB", err, outreach.BadContent)
}

func TestWhatAnAnswerMeans(t *testing.T) {
	service, browser := newService(t), newBrowser(t)
	c, _ := open(t, service)
	for status, want := range map[int]outreach.SendClass{
		200: "", 201: "", 202: "",
		302: outreach.Transient,
		400: outreach.BadConfig, 401: outreach.BadConfig, 403: outreach.BadConfig,
		404: outreach.BadAddress, 410: outreach.BadAddress,
		413: outreach.BadContent,
		429: outreach.Transient, 500: outreach.Transient, 502: outreach.Transient, 503: outreach.Transient,
	} {
		service.answers(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "75")
			w.Header().Set("Location", "https://127.0.0.1:1/elsewhere")
			w.WriteHeader(status)
			fmt.Fprint(w, "canary answer")
		})
		e := message()
		e.To = browser.subscription(service.URL + "/canary-endpoint")
		_, err := c.Send(context.Background(), e)
		wantClass(t, fmt.Sprint(status), err, want)
		if s, ok := errors.AsType[*outreach.SendError](err); ok && (s.After == 75*time.Second) != (want == outreach.Transient) {
			t.Errorf("%d: try again after %v", status, s.After)
		}
	}
}

func TestAServiceThatFailsOnTheWay(t *testing.T) {
	service, browser := newService(t), newBrowser(t)
	c, _ := open(t, service)
	e := message()
	e.To = browser.subscription(service.URL + "/canary-endpoint")

	stop := make(chan struct{})
	service.answers(func(http.ResponseWriter, *http.Request) { <-stop })
	_, err := c.Send(context.Background(), e)
	wantClass(t, "no answer", err, outreach.UnknownOutcome)
	close(stop)

	service.answers(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, _ := w.(http.Hijacker).Hijack()
		conn.Close()
	})
	_, err = c.Send(context.Background(), e)
	wantClass(t, "connection lost", err, outreach.UnknownOutcome)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	e.To = browser.subscription("https://" + address + "/canary-endpoint")
	_, err = c.Send(context.Background(), e)
	wantClass(t, "connection refused", err, outreach.Transient)
}

func TestSubscriptionsAreChecked(t *testing.T) {
	public, private := keys(t)
	c, err := webpush.New(webpush.Options{
		Public: public, Private: private, Subject: "https://maker.example/care",
		Now: func() time.Time { return time.UnixMilli(2_000) },
	})
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t)
	p256dh, auth := b64(b.key.PublicKey().Bytes()), b64(b.auth)
	offCurve := append([]byte{4}, make([]byte, 64)...)
	subscription := func(endpoint, p256dh, auth, expires string) string {
		return fmt.Sprintf(`{"endpoint":%q,"expirationTime":%s,"keys":{"p256dh":%q,"auth":%q}}`, endpoint, expires, p256dh, auth)
	}
	for name, to := range map[string]string{
		"empty":             "",
		"no JSON":           "canary",
		"no endpoint":       subscription("", p256dh, auth, "null"),
		"plain http":        subscription("http://fcm.googleapis.com/canary", p256dh, auth, "null"),
		"unknown host":      subscription("https://push.canary.example/", p256dh, auth, "null"),
		"inside":            subscription("https://127.0.0.1/canary", p256dh, auth, "null"),
		"suffix only":       subscription("https://evilgoogleapis.com/canary", p256dh, auth, "null"),
		"prefix only":       subscription("https://fcm.googleapis.com.canary.example/", p256dh, auth, "null"),
		"user info":         subscription("https://fcm.googleapis.com@canary.example/", p256dh, auth, "null"),
		"user info 2":       subscription("https://canary:x@fcm.googleapis.com/", p256dh, auth, "null"),
		"other port":        subscription("https://fcm.googleapis.com:8443/canary", p256dh, auth, "null"),
		"expired":           subscription("https://fcm.googleapis.com/canary", p256dh, auth, "1999"),
		"no key":            subscription("https://fcm.googleapis.com/canary", "", auth, "null"),
		"short key":         subscription("https://fcm.googleapis.com/canary", p256dh[:40], auth, "null"),
		"key off the curve": subscription("https://fcm.googleapis.com/canary", b64(offCurve), auth, "null"),
		"key no base64":     subscription("https://fcm.googleapis.com/canary", "%%canary", auth, "null"),
		"short auth":        subscription("https://fcm.googleapis.com/canary", p256dh, auth[:10], "null"),
		"long auth":         subscription("https://fcm.googleapis.com/canary", p256dh, auth+auth, "null"),
		"endless":           subscription("https://fcm.googleapis.com/"+strings.Repeat("canary", 2000), p256dh, auth, "null"),
	} {
		e := message()
		e.To = to
		_, err := c.Send(context.Background(), e)
		wantClass(t, name, err, outreach.BadAddress)
	}
}

func TestKeysInBothBase64Alphabets(t *testing.T) {
	service, b := newService(t), newBrowser(t)
	c, _ := open(t, service)
	e := message()
	std := base64.StdEncoding.EncodeToString
	e.To = fmt.Sprintf(`{"endpoint":%q,"keys":{"p256dh":%q,"auth":%q}}`, service.URL+"/x", std(b.key.PublicKey().Bytes()), std(b.auth))
	if _, err := c.Send(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	if _, err := b.decrypt(service.delivered()[0].body); err != nil {
		t.Error(err)
	}
}

func TestConfiguration(t *testing.T) {
	public, private := keys(t)
	otherPublic, _ := keys(t)
	good := webpush.Options{Public: public, Private: private, Subject: "care@maker.example"}
	for name, change := range map[string]func(*webpush.Options){
		"no keys":         func(o *webpush.Options) { o.Public, o.Private = "", "" },
		"foreign public":  func(o *webpush.Options) { o.Public = otherPublic },
		"private garbage": func(o *webpush.Options) { o.Private = "%%" + private },
		"private short":   func(o *webpush.Options) { o.Private = private[:20] },
		"no subject":      func(o *webpush.Options) { o.Subject = "" },
		"plain subject":   func(o *webpush.Options) { o.Subject = "http://maker.example" },
		"bad host":        func(o *webpush.Options) { o.AllowedHosts = []string{"https://push.example"} },
	} {
		o := good
		change(&o)
		if _, err := webpush.New(o); err == nil || strings.Contains(err.Error(), private[:20]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good.Subject = "mailto:care@maker.example"
	c, err := webpush.New(good)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("configured", "webpush", good)
	if shown := log.String() + fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(shown, private) {
		t.Errorf("the private key shows: %s", shown)
	}
}

func keys(t *testing.T) (public, private string) {
	t.Helper()
	public, private, err := webpush.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	return public, private
}

func open(t *testing.T, s *service) (c *webpush.Channel, public string) {
	t.Helper()
	public, private := keys(t)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	c, err := webpush.New(webpush.Options{
		Public: public, Private: private, Subject: "care@maker.example",
		AllowedHosts: []string{"127.0.0.1"}, RootCAs: pool, Timeout: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, public
}

func last(s *service) delivery {
	all := s.delivered()
	return all[len(all)-1]
}

func decode(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }

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

func TestAComposedOfferBeginsWithReassurance(t *testing.T) {
	composer, err := compose.New(compose.Options{})
	if err != nil {
		t.Fatal(err)
	}
	service, browser := newService(t), newBrowser(t)
	c, _ := open(t, service)
	for lang, begins := range map[string]string{"en": "You probably haven't noticed anything", "ar": "على الأرجح أنكم لم تلاحظوا أي شيء"} {
		e := message()
		e.Lang, e.To = lang, browser.subscription(service.URL+"/x")
		e.Content, err = composer.Compose(outreach.Facts{
			Purpose: outreach.Offer, Lang: lang, Name: "Canary Name",
			OwnerURL: "https://care.example/o/a", Unsubscribe: "https://care.example/u/b",
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Send(context.Background(), e); err != nil {
			t.Fatal(err)
		}
		plain, err := browser.decrypt(last(service).body)
		if err != nil {
			t.Fatal(err)
		}
		var n notification
		if err := json.Unmarshal(plain, &n); err != nil || !strings.HasPrefix(n.Body, begins) || strings.Contains(n.Body, "http") || !strings.HasSuffix(n.Body, "…") {
			t.Errorf("%s: %q, %v", lang, n.Body, err)
		}
	}
}
