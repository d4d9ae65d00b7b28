package egress_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/forecare/forecare/outreach/egress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOnlyPublicAddressesArePublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "203.0.112.255": true, "172.32.0.1": true, "100.128.0.1": true,
		"2606:4700:4700::1111": true, "2a00:1450:4001::": true,
		"127.0.0.1": false, "127.255.255.254": false, "10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false, "224.0.0.1": false,
		"255.255.255.255": false, "198.18.0.1": false, "203.0.113.9": false, "192.0.0.170": false,
		"::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false, "ff02::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:8.8.8.8": true, "::7f00:1": false,
		"64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001:0:4136:e378::": false, "2001:db8::1": false, "3fff::1": false,
	} {
		if got := egress.Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("Public(%s) = %v, want %v", text, got, want)
		}
	}
	if egress.Public(netip.Addr{}) {
		t.Error("the zero address is public")
	}
}

func TestRefusesWhatLeadsInside(t *testing.T) {
	inside := netip.MustParseAddr("10.0.0.7")
	outside := netip.MustParseAddr("8.8.8.8")
	names := map[string][]netip.Addr{
		"inside.example": {inside},
		"mixed.example":  {outside, inside},
		"public.example": {outside},
		"none.example":   {},
	}
	for _, c := range []struct {
		url  string
		want egress.Stage
	}{
		{"https://127.0.0.1/", egress.Refused},
		{"https://[::1]/", egress.Refused},
		{"https://[::ffff:127.0.0.1]/", egress.Refused},
		{"https://169.254.169.254/latest/meta-data", egress.Refused},
		{"https://inside.example/", egress.Refused},
		{"https://mixed.example/", egress.Refused},
		{"http://public.example/", egress.Refused},
		{"http://8.8.8.8/", egress.Refused},
		{"ftp://public.example/", egress.Refused},
		{"file:///etc/passwd", egress.Refused},
		{"/relative", egress.Refused},
		{"https://none.example/", egress.Unreached},
		{"https://unknown.example/", egress.Unreached},
	} {
		client := mustNew(t, egress.Options{
			Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
				if a, ok := names[host]; ok {
					return a, nil
				}
				return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
			},
			Dial: func(_ context.Context, _, address string) (net.Conn, error) {
				t.Errorf("%s: dialed %s", c.url, address)
				return nil, errors.New("never")
			},
		})
		_, err := client.Do(request(t, c.url))
		wantStage(t, err, c.want)
		if host := strings.TrimPrefix(c.url, "https://"); err != nil && strings.Contains(err.Error(), strings.Trim(host, "/")) && host != "/" {
			t.Errorf("%s: the error names the address: %v", c.url, err)
		}
	}
}

func TestDialsTheAddressThatWasChecked(t *testing.T) {
	// The name answers with a public address first and with loopback ever after.
	var mu sync.Mutex
	lookups, dialed := 0, []string{}
	client := mustNew(t, egress.Options{
		Resolve: func(context.Context, string) ([]netip.Addr, error) {
			mu.Lock()
			defer mu.Unlock()
			if lookups++; lookups == 1 {
				return []netip.Addr{netip.MustParseAddr("8.8.8.8")}, nil
			}
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		},
		Dial: func(_ context.Context, _, address string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			dialed = append(dialed, address)
			return nil, errors.New("no network in this test")
		},
	})
	_, err := client.Do(request(t, "https://rebinding.example/hook"))
	wantStage(t, err, egress.Unreached)
	_, err = client.Do(request(t, "https://rebinding.example/hook"))
	wantStage(t, err, egress.Refused)
	if lookups != 2 || len(dialed) != 1 || dialed[0] != "8.8.8.8:443" {
		t.Errorf("lookups %d, dialed %v; want one lookup per request and only the checked address dialed", lookups, dialed)
	}
}

func TestExceptions(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer plain.Close()
	_, port, _ := net.SplitHostPort(plain.Listener.Addr().String())
	here := func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	for _, c := range []struct {
		allow []string
		host  string
		ok    bool
	}{
		{nil, "127.0.0.1", false},
		{[]string{"127.0.0.0/8"}, "127.0.0.1", true},
		{[]string{"127.0.0.1"}, "127.0.0.1", true},
		{[]string{"127.0.0.2"}, "127.0.0.1", false},
		{[]string{"hooks.internal"}, "hooks.internal", true},
		{[]string{"hooks.internal"}, "HOOKS.internal.", true},
		{[]string{"hooks.internal:" + port}, "hooks.internal", true},
		{[]string{"hooks.internal:1"}, "hooks.internal", false},
		{[]string{"internal"}, "hooks.internal", false},
	} {
		client := mustNew(t, egress.Options{Allow: c.allow, Resolve: here})
		resp, err := client.Do(request(t, "http://"+net.JoinHostPort(c.host, port)))
		if c.ok && (err != nil || resp.StatusCode != http.StatusNoContent) {
			t.Errorf("allow %v, %s: %v", c.allow, c.host, err)
		}
		if !c.ok {
			wantStage(t, err, egress.Refused)
		}
		client.CloseIdle()
	}
	for _, bad := range []string{"", "https://hooks.internal", "10.0.0.0/33", "*.internal", "a b"} {
		if _, err := egress.New(egress.Options{Allow: []string{bad}}); err == nil {
			t.Errorf("the exception %q was accepted", bad)
		}
	}
}

func TestWhatAHostileServerMayDo(t *testing.T) {
	stop := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/followed")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/followed", func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/drip", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-stop
	})
	mux.HandleFunc("/silent", func(http.ResponseWriter, *http.Request) { <-stop })
	mux.HandleFunc("/header", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X", strings.Repeat("x", 1<<20))
	})
	mux.HandleFunc("/hangup", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, _ := w.(http.Hijacker).Hijack()
		conn.Close()
	})
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	defer close(stop)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())

	client := mustNew(t, egress.Options{Allow: []string{"127.0.0.1"}, RootCAs: pool, Timeout: 300 * time.Millisecond})
	defer client.CloseIdle()
	for path, want := range map[string]int{"/redirect": http.StatusFound, "/endless": http.StatusOK, "/drip": http.StatusOK} {
		resp, err := client.Do(request(t, server.URL+path))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if body, _ := io.ReadAll(resp.Body); resp.StatusCode != want || len(body) != 0 {
			t.Errorf("%s: status %d with %d bytes, want %d with none", path, resp.StatusCode, len(body), want)
		}
	}
	for _, path := range []string{"/silent", "/header", "/hangup"} {
		_, err := client.Do(request(t, server.URL+path))
		wantStage(t, err, egress.Unanswered)
	}
	strangers := mustNew(t, egress.Options{Allow: []string{"127.0.0.1"}})
	_, err := strangers.Do(request(t, server.URL+"/followed"))
	wantStage(t, err, egress.Unreached)
	if want := "certificate"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("an unknown certificate is reported as %v", err)
	}
}

func TestSaysWhetherAnythingWasSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	client := mustNew(t, egress.Options{Allow: []string{"127.0.0.1"}})
	_, err = client.Do(request(t, "http://"+address))
	wantStage(t, err, egress.Unreached)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = client.Do(request(t, "http://"+address).WithContext(ctx))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled request ends with %v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"120":                           2 * time.Minute,
		"0":                             0,
		"-5":                            0,
		"soon":                          0,
		"999999999999999999999":         0,
		"99999999":                      24 * time.Hour,
		"Sun, 22 Nov 2026 09:05:00 GMT": 5 * time.Minute,
		"Sun, 22 Nov 2026 08:05:00 GMT": 0,
	} {
		if got := egress.RetryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("Retry-After %q is %v, want %v", value, got, want)
		}
	}
}

func mustNew(t *testing.T, o egress.Options) *egress.Client {
	t.Helper()
	c, err := egress.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func request(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func wantStage(t *testing.T, err error, want egress.Stage) {
	t.Helper()
	e, ok := errors.AsType[*egress.Error](err)
	if !ok || e.Stage != want {
		t.Errorf("got %v (%T), want an error of stage %s", err, err, want)
	}
}
