package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/web"
	"github.com/forecare/forecare/web/account"
)

// today is when every fixture happens.
var today = time.Date(2026, 3, 12, 9, 30, 0, 0, time.UTC)

// world is all that a server stands on, in memory where no real part exists.
type world struct {
	server   *web.Server
	http     *httptest.Server
	accounts *account.Accounts
	db       *sqlstore.DB
	registry *devices.Registry
	snapshot devices.Snapshot
	care     *fakeCare
	fleet    *fakeFleet
	readings *fakeReadings
	letters  []ingest.DeadLetter
	live     *fakeLive
	logs     *syncBuffer
	metrics  *prometheus.Registry
	now      time.Time
}

type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// newWorld makes a server over a fleet of that many devices of tenant acme,
// and one device, case, contact, model and dead letter of tenant other.
func newWorld(t testing.TB, fleet int, change ...func(*web.Options)) *world {
	t.Helper()
	w := &world{registry: devices.NewRegistry(), live: newFakeLive(), logs: &syncBuffer{}, metrics: prometheus.NewRegistry(), now: today}
	w.db = sqlstoretest.Open(t)
	w.care = &fakeCare{}
	w.fleet = &fakeFleet{w: w}
	w.readings = &fakeReadings{w: w}
	populate(w, fleet)
	w.registry.Replace(w.snapshot)

	o := web.Options{
		Address: "127.0.0.1:0", Care: w.care, Registry: w.registry, Fleet: w.fleet, Readings: w.readings,
		DeadLetters: lettersFunc(func(q web.DeadLetterQuery) ([]ingest.DeadLetter, error) { return w.deadLetters(q), nil }),
		Live:        w.live, Now: func() time.Time { return w.now }, MQTTAddress: "127.0.0.1:1883",
		Changed: func(context.Context) error { w.registry.Replace(w.snapshot); return nil },
		Health: func(context.Context) []web.Part {
			return []web.Part{{Name: "state"}, {Name: "log", Detail: "a PUBACK survives: kill -9 of every process (process)"}, {Name: "readings"}, {Name: "detection", Detail: "2 messages behind"}}
		},
		Log:    func(context.Context) (web.LogStatus, error) { return logStatus(), nil },
		Logger: slog.New(slog.NewTextHandler(w.logs, nil)), Registerer: w.metrics, Gatherer: w.metrics,
	}
	base, _ := url.Parse("http://care.example.com")
	o.PublicURL = base
	for _, f := range change {
		f(&o)
	}
	if o.Accounts == nil {
		o.Accounts = account.New(account.Options{Store: w.db.Accounts(), PublicURL: o.PublicURL, Now: func() time.Time { return w.now }})
	}
	w.accounts = o.Accounts
	s, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w.server = s
	w.http = httptest.NewServer(s.Handler())
	t.Cleanup(w.http.Close)
	return w
}

// as returns a browser that a user of the tenant with that role has signed in.
func (w *world) as(t testing.TB, tenant string, role account.Role) *http.Client {
	t.Helper()
	link, err := w.accounts.NewLink(t.Context(), tenant, fmt.Sprintf("%s@%s.example.com", role, tenant), role)
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(link)
	jar, _ := cookiejar.New(nil)
	c := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.PostForm(w.http.URL+u.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("signing in: %s", res.Status)
	}
	return c
}

// token returns an API token of the tenant with that role.
func (w *world) token(t testing.TB, tenant string, role account.Role) string {
	t.Helper()
	secret, _, err := w.accounts.NewToken(t.Context(), tenant, "test "+string(role), role, "test")
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) json(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
}

func (w *world) do(t testing.TB, c *http.Client, req *http.Request) answer {
	t.Helper()
	if c == nil {
		c = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

func (w *world) get(t testing.TB, c *http.Client, path string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.http.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.do(t, c, req)
}

// post sends a form as a page of ours would, with the token of that page.
func (w *world) post(t testing.TB, c *http.Client, page, path string, form url.Values) answer {
	t.Helper()
	if form == nil {
		form = url.Values{}
	}
	form.Set("form_token", formToken(w.get(t, c, page).body))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.http.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return w.do(t, c, req)
}

func formToken(page string) string {
	_, rest, _ := strings.Cut(page, `name="form_token" value="`)
	token, _, _ := strings.Cut(rest, `"`)
	return token
}

// api sends a request with an API token; body "" sends none.
func (w *world) api(t testing.TB, token, method, path, body string) answer {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, w.http.URL+"/api/v1"+path, r)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return w.do(t, nil, req)
}

type lettersFunc func(web.DeadLetterQuery) ([]ingest.DeadLetter, error)

func (f lettersFunc) DeadLetters(_ context.Context, q web.DeadLetterQuery) ([]ingest.DeadLetter, error) {
	return f(q)
}

func (w *world) deadLetters(q web.DeadLetterQuery) []ingest.DeadLetter {
	var out []ingest.DeadLetter
	for _, d := range w.letters {
		if d.Publisher.Tenant == q.Tenant && (q.Before == 0 || d.Seq < q.Before) && len(out) < q.Limit {
			out = append(out, d)
		}
	}
	return out
}

func logStatus() web.LogStatus {
	return web.LogStatus{
		Durability: "kill -9 of every process",
		Streams: []web.Stream{
			{Name: "TELEMETRY", Messages: 1_204_331, Bytes: 812 << 20, MaxBytes: 10 << 30},
			{Name: "FINDINGS", Messages: 41, Bytes: 310 << 10},
			{Name: "DEADLETTER", Messages: 7, Bytes: 4 << 10, MaxBytes: 1 << 30},
		},
		Consumers: []web.Consumer{{Stream: "TELEMETRY", Name: "writer"}, {Stream: "TELEMETRY", Name: "anomaly", Lag: 2}, {Stream: "FINDINGS", Name: "outreach"}},
	}
}

// fakeLive hands notices from tests to whoever listens.
type fakeLive struct {
	mu      sync.Mutex
	handle  []func(web.Notice)
	joined  chan struct{}
	failing error
}

func newFakeLive() *fakeLive { return &fakeLive{joined: make(chan struct{}, 16)} }

func (l *fakeLive) Notices(ctx context.Context, handle func(web.Notice)) error {
	l.mu.Lock()
	if err := l.failing; err != nil {
		l.failing = nil
		l.mu.Unlock()
		return err
	}
	l.handle = append(l.handle, handle)
	l.mu.Unlock()
	l.joined <- struct{}{}
	<-ctx.Done()
	return nil
}

func (l *fakeLive) notify(n web.Notice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.handle {
		h(n)
	}
}

// fakeFleet keeps what is added in the world's snapshot.
type fakeFleet struct {
	w        *world
	mu       sync.Mutex
	contacts []devices.Contact
	rotated  map[devices.Key]bool // -> keepOld
}

func (f *fakeFleet) AddDevice(_ context.Context, d devices.Device, hash string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, have := range f.w.snapshot.Devices {
		if have.Key == d.Key {
			return devices.Errorf(devices.Conflict, "There is a device %s already.", d.Key)
		}
	}
	s := f.w.snapshot
	s.Devices = append(append([]devices.Device{}, s.Devices...), d)
	s.Credentials = map[devices.Key][]string{d.Key: {hash}}
	s.Revision++
	f.w.snapshot = s
	return nil
}

func (f *fakeFleet) SetDeviceDisabled(_ context.Context, key devices.Key, disabled bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.w.snapshot
	s.Devices = append([]devices.Device{}, s.Devices...)
	for i := range s.Devices {
		if s.Devices[i].Key == key {
			s.Devices[i].Disabled = disabled
		}
	}
	s.Revision++
	f.w.snapshot = s
	return nil
}

func (f *fakeFleet) RotateCredential(_ context.Context, key devices.Key, _ string, keepOld bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rotated == nil {
		f.rotated = map[devices.Key]bool{}
	}
	f.rotated[key] = keepOld
	return nil
}

func (f *fakeFleet) PutModel(_ context.Context, m devices.Model) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.w.snapshot
	s.Models = append(append([]devices.Model{}, s.Models...), m)
	s.Revision++
	f.w.snapshot = s
	return nil
}

func (f *fakeFleet) ListModels(_ context.Context, tenant string) ([]devices.Model, error) {
	var out []devices.Model
	for _, m := range f.w.snapshot.Models {
		if m.Tenant == tenant {
			out = append(out, m)
		}
	}
	return out, nil
}

func (f *fakeFleet) Contact(_ context.Context, tenant, id string) (devices.Contact, error) {
	for _, c := range f.contacts {
		if c.Tenant == tenant && c.ID == id {
			return c, nil
		}
	}
	return devices.Contact{}, devices.Errorf(devices.NotFound, "There is no contact %q.", id)
}

func (f *fakeFleet) ListContacts(_ context.Context, tenant string) ([]devices.Contact, error) {
	var out []devices.Contact
	for _, c := range f.contacts {
		if c.Tenant == tenant {
			out = append(out, c)
		}
	}
	return out, nil
}

// fakeCare keeps cases in memory and records what was done to them.
type fakeCare struct {
	mu       sync.Mutex
	cases    []*outreach.Case
	events   map[string][]outreach.Event
	messages map[string][]outreach.Message
	findings []anomaly.Finding
	acts     []string
	fail     error
}

func (c *fakeCare) Cases(_ context.Context, f outreach.CaseFilter) (outreach.CasePage, error) {
	if c.fail != nil {
		return outreach.CasePage{}, c.fail
	}
	var fit []*outreach.Case
	for _, k := range c.cases {
		state := len(f.States) == 0
		for _, s := range f.States {
			state = state || s == k.State
		}
		text := f.Text == "" || strings.Contains(strings.ToLower(k.ID+k.Key.Device+k.Model+k.Owner), strings.ToLower(f.Text))
		if k.Key.Tenant == f.Tenant && state && text && (f.Device == "" || f.Device == k.Key.Device) {
			fit = append(fit, k)
		}
	}
	from := min(f.Offset, len(fit))
	return outreach.CasePage{Cases: fit[from:min(from+f.Limit, len(fit))], Total: len(fit)}, nil
}

func (c *fakeCare) Case(_ context.Context, tenant, id string) (*outreach.Case, error) {
	for _, k := range c.cases {
		if k.Key.Tenant == tenant && k.ID == id {
			return k, nil
		}
	}
	return nil, devices.Errorf(devices.NotFound, "There is no case %q.", id)
}

func (c *fakeCare) Timeline(_ context.Context, _, id string) ([]outreach.Event, error) {
	return c.events[id], nil
}

func (c *fakeCare) Messages(_ context.Context, _, id string) ([]outreach.Message, error) {
	return c.messages[id], nil
}

func (c *fakeCare) Findings(_ context.Context, f outreach.FindingFilter) ([]anomaly.Finding, error) {
	if c.fail != nil {
		return nil, c.fail
	}
	var out []anomaly.Finding
	for _, k := range c.findings {
		if k.Key.Tenant == f.Tenant && (f.Device == "" || k.Key.Device == f.Device) && (!f.Open || k.Status != anomaly.Cleared) && len(out) < f.Limit {
			out = append(out, k)
		}
	}
	return out, nil
}

func (c *fakeCare) act(kind, tenant, id, actor, text string) error {
	k, err := c.Case(context.Background(), tenant, id)
	if err != nil {
		return err
	}
	if !k.State.Open() {
		return devices.Errorf(devices.Conflict, "The case is closed.")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acts = append(c.acts, strings.Join([]string{kind, tenant, id, actor, text}, " | "))
	return nil
}

func (c *fakeCare) Note(_ context.Context, tenant, id, actor, text string) error {
	return c.act("note", tenant, id, actor, text)
}

func (c *fakeCare) Dismiss(_ context.Context, tenant, id, actor, reason string) error {
	return c.act("dismiss", tenant, id, actor, reason)
}

func (c *fakeCare) Start(_ context.Context, tenant, id, actor string) error {
	return c.act("start", tenant, id, actor, "")
}

func (c *fakeCare) Finish(_ context.Context, tenant, id, actor, note string) error {
	return c.act("finish", tenant, id, actor, note)
}

// fakeReadings draws plausible lines; a device called dev-0000 has none.
type fakeReadings struct {
	w    *world
	fail error
}

func (r *fakeReadings) Series(_ context.Context, key devices.Key, metric string, from, to time.Time, every time.Duration) ([]web.Point, error) {
	if r.fail != nil {
		return nil, r.fail
	}
	var out []web.Point
	if key.Device == neverSent {
		return nil, nil
	}
	for t := from.Truncate(every); !t.After(to); t = t.Add(every) {
		if h := t.Sub(today); h > -52*time.Hour && h < -45*time.Hour && metric == "pump_current" {
			continue // a gap
		}
		out = append(out, web.Point{Time: t, Value: r.w.value(key.Device, metric, t)})
	}
	return out, nil
}

func (r *fakeReadings) Band(_ context.Context, _, _, metric string, from, to time.Time, every time.Duration) ([]web.BandPoint, error) {
	if r.fail != nil {
		return nil, r.fail
	}
	var out []web.BandPoint
	for t := from.Truncate(every); !t.After(to); t = t.Add(every) {
		mid, wide := healthy(metric, t)
		out = append(out, web.BandPoint{Time: t, Lower: mid - wide, Middle: mid, Upper: mid + wide})
	}
	return out, nil
}

func (r *fakeReadings) Latest(_ context.Context, key devices.Key) (map[string]web.Point, error) {
	if r.fail != nil || key.Device == neverSent {
		return nil, r.fail
	}
	out := map[string]web.Point{}
	if d, m, ok := r.w.registry.Lookup(key); ok && m != nil {
		for _, metric := range m.Metrics {
			at := today.Add(-40 * time.Second)
			if d.Key.Device == longSilent {
				at = today.Add(-31 * time.Hour)
			}
			out[metric.Name] = web.Point{Time: at, Value: r.w.value(key.Device, metric.Name, at)}
		}
	}
	return out, nil
}

// healthy is the middle and half the width of the peers' band.
func healthy(metric string, t time.Time) (mid, wide float64) {
	day := math.Sin(2 * math.Pi * float64(t.Unix()%86400) / 86400)
	switch metric {
	case "brew_temperature":
		return 92.4 + 0.25*day, 0.55
	case "pump_pressure":
		return 9.0 + 0.08*day, 0.25
	case "pump_current":
		return 1.82 + 0.1*day, 0.12
	case "supply_temperature":
		return 38 - 3*day, 1.4
	case "co2":
		return 640 + 180*day, 60
	}
	return 21 + 1.5*day, 0.8
}

func (w *world) value(device, metric string, t time.Time) float64 {
	mid, wide := healthy(metric, t)
	own := math.Sin(float64(len(device)*7)+float64(t.Unix())/5200)*wide*0.25 + math.Sin(float64(t.Unix())/911)*wide*0.12
	v := mid + own
	for i := range w.care.findings {
		f := &w.care.findings[i]
		if f.Key.Device == device && f.Metric == metric && t.After(f.Onset) {
			v += f.Size * math.Min(1, float64(t.Sub(f.Onset))/float64(today.Sub(f.Onset)))
		}
	}
	return v
}
