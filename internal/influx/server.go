package influx

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"
)

// server is one InfluxDB at one address.
type server struct {
	client influxdb2.Client
	http   *http.Client
	base   string
	org    string
	bucket string
	token  string
	writer api.WriteAPIBlocking
}

// newServer returns the server at that base URL. Bodies go uncompressed: gzip
// made writes on loopback slower by a tenth to a third.
func newServer(h *http.Client, base, org, bucket, token string) *server {
	c := influxdb2.NewClientWithOptions(base, token, influxdb2.DefaultOptions().
		SetApplicationName("forecare").
		SetPrecision(time.Nanosecond).
		SetHTTPClient(h))
	return &server{
		client: c, http: h, base: base, org: org, bucket: bucket, token: token,
		writer: c.WriteAPIBlocking(org, bucket),
	}
}

// newHTTPClient makes a client whose calls are bounded by their context. It
// does not follow redirects, which would carry readings elsewhere.
func newHTTPClient(loopback bool) *http.Client {
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     90 * time.Second,
		ForceAttemptHTTP2:   true,
	}
	if loopback {
		t.Proxy = nil
	}
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ping asks without credentials whether anybody is there.
func (s *server) ping(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/ping", nil)
	if err != nil {
		return err
	}
	return s.do(req)
}

// influxQL runs a statement of InfluxDB 1.8's own language, as its user.
func (s *server) influxQL(ctx context.Context, statement string) error {
	body := strings.NewReader(url.Values{"q": {statement}}.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/query", body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Token "+s.token)
	return s.do(req)
}

// do sends a request of the InfluxDB 1.x API and reads its verdict, which may
// be an error inside a 200.
func (s *server) do(req *http.Request) error {
	resp, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 || strings.Contains(string(answer), `"error"`) {
		return fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(answer)))
	}
	return nil
}
