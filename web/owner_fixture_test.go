package web_test

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/outreach/compose"
	"github.com/forecare/forecare/web"
	"github.com/forecare/forecare/web/account"
)

// home is an owner's world: a real desk on a real store behind a real server,
// and a clock that the test turns. It begins on a Thursday morning.
type home struct {
	t       testing.TB
	desk    *outreach.Desk
	db      *sqlstore.DB
	file    string // of the store, for looking at it from outside
	links   *outreach.Links
	server  *web.Server
	http    *httptest.Server
	logs    *syncBuffer
	metrics *prometheus.Registry

	mu       sync.Mutex
	now      time.Time
	registry devices.Snapshot
}

// homeOptions change what a home is made of.
type homeOptions struct {
	web  func(*web.Options)
	desk func(*outreach.DeskOptions)
}

func newHome(t testing.TB, options ...homeOptions) *home {
	t.Helper()
	address := sqlstoretest.SQLiteURL(t)
	h := &home{t: t, db: sqlstoretest.OpenURL(t, address), file: strings.TrimPrefix(address, "sqlite://"), logs: &syncBuffer{}, metrics: prometheus.NewRegistry(), now: today}
	base, _ := url.Parse("http://care.example.com")
	h.links = &outreach.Links{Base: base, Key: []byte(strings.Repeat("k", 32))}
	composer, err := compose.New(compose.Options{})
	must(t, err)
	logger := slog.New(slog.NewTextHandler(h.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d := outreach.DeskOptions{
		Store: h.db, Directory: h.db, Composer: composer, Links: h.links, Channels: []string{"email", "webpush"},
		Now: h.clock, Logger: logger, Registerer: h.metrics,
	}
	registry := devices.NewRegistry()
	w := web.Options{
		Address: "127.0.0.1:0", PublicURL: base, Registry: registry, Fleet: h.db, Phrases: composer, PushKey: "BExample",
		Accounts: account.New(account.Options{Store: h.db.Accounts(), PublicURL: base, Now: h.clock}),
		Now:      h.clock, Logger: logger, Registerer: h.metrics, Gatherer: h.metrics,
	}
	for _, o := range options {
		if o.desk != nil {
			o.desk(&d)
		}
	}
	h.desk = outreach.NewDesk(d)
	w.Care, w.Owners = h.desk, h.desk
	for _, o := range options {
		if o.web != nil {
			o.web(&w)
		}
	}
	h.server, err = web.New(w)
	must(t, err)
	t.Cleanup(func() { h.server.Close() })
	h.http = httptest.NewServer(h.server.Handler())
	t.Cleanup(h.http.Close)
	must(t, h.db.PutModel(t.Context(), homeModel()))
	return h
}

func homeModel() devices.Model {
	return devices.Model{
		Tenant: "acme", ID: "barista-2", Name: "Barista 2", Words: devices.Words{"en": "espresso machine", "ar": "آلة الإسبريسو"}, Interval: 10 * time.Minute,
		Metrics: []devices.Metric{
			{Name: "brew_temperature", Unit: "°C", Words: devices.Words{"en": "brewing temperature", "ar": "درجة حرارة التحضير"}, Noticeable: 2.5, Tolerance: 1},
			{Name: "pump_pressure", Unit: "bar", Words: devices.Words{"en": "pump pressure", "ar": "ضغط المضخة"}, Noticeable: 1.2},
		},
		Remedies: []devices.Remedy{
			{ID: "calibration", Words: devices.Words{"en": "a short calibration", "ar": "معايرة قصيرة"}, Metrics: []string{"brew_temperature"}, Duration: 10 * time.Minute, Command: "calibrate", Remote: true},
			{ID: "pump-service", Words: devices.Words{"en": "a small pump service", "ar": "صيانة بسيطة للمضخة"}, Metrics: []string{"pump_pressure"}, Duration: 45 * time.Minute},
		},
	}
}

func (h *home) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *home) turn(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// owner is one person with one device in trouble. Lang en or ar, Metric one of
// the model's, Zone where they live; the device stands in Berlin.
type owner struct {
	Lang, Metric, Name, Zone, Site string
	Kind                           anomaly.Kind // of what is found; "" is a drift
	Model                          *devices.Model
}

// person is an owner with an open case, and what they hold in hands.
type person struct {
	*home
	key      devices.Key
	id       string // of the case
	contact  string
	revision int
	metric   string
	kind     anomaly.Kind
	link     string // path of the owner's page
	token    string
}

// meet registers the owner and their device and opens a case for it.
func (h *home) meet(o owner) *person {
	h.t.Helper()
	h.mu.Lock()
	n := len(h.registry.Devices)
	p := &person{
		home: h, key: devices.Key{Tenant: "acme", Device: fmt.Sprintf("esp-%04d", n)}, contact: fmt.Sprintf("owner-%d", n),
		metric: cmp.Or(o.Metric, "pump_pressure"), kind: cmp.Or(o.Kind, anomaly.Drift),
	}
	model := homeModel()
	if o.Model != nil {
		model = *o.Model
	}
	d := devices.Device{
		Key: p.key, Model: model.ID, Firmware: "2.4.1", Owner: p.contact,
		Site: devices.Site{ID: "berlin", Name: cmp.Or(o.Site, "Berlin Mitte"), Zone: "Europe/Berlin"},
	}
	h.registry.Devices = append(h.registry.Devices, d)
	h.mu.Unlock()
	if o.Model != nil {
		must(h.t, h.db.PutModel(h.t.Context(), *o.Model))
	}
	must(h.t, h.db.PutContact(h.t.Context(), devices.Contact{
		Tenant: "acme", ID: p.contact, Name: cmp.Or(o.Name, map[string]string{"ar": "ليلى حداد"}[o.Lang], "Alice Morgan"), Locale: cmp.Or(o.Lang, "en"), Zone: cmp.Or(o.Zone, "Europe/Berlin"),
		Addresses: []devices.Address{{Channel: "email", Value: p.contact + "@example.org", Preference: 1, Consent: today.Add(-time.Hour)}},
	}))
	must(h.t, h.db.AddDevice(h.t.Context(), d, devices.HashToken(devices.NewToken())))
	p.find(anomaly.Opened, 0)
	page, err := h.desk.Cases(h.t.Context(), outreach.CaseFilter{Tenant: "acme", Device: p.key.Device, Limit: 1})
	must(h.t, err)
	p.id = page.Cases[0].ID
	link, err := url.Parse(h.links.Owner("acme", p.id, p.contact, h.clock().Add(30*24*time.Hour)))
	must(h.t, err)
	p.link, p.token = link.Path, link.Path[strings.LastIndexByte(link.Path, '/')+1:]
	return p
}

// find has the detector say how the device is.
func (p *person) find(status anomaly.Status, after time.Duration) {
	p.t.Helper()
	p.revision++
	at := p.clock().Add(after)
	f := anomaly.Finding{
		ID: "f-" + p.key.Device, Revision: p.revision, Status: status, Key: p.key, Model: "barista-2", Metric: p.metric,
		Kind: p.kind, Onset: today.Add(-62 * time.Hour), Detected: today.Add(-20 * time.Hour), At: at, Sigmas: 5.4, Peers: 19,
		Reason: "It is off and moves on.",
	}
	mid, wide := 9.0, 0.25
	f.Unit, f.Size, f.Noticeable = "bar", 0.8, 1.2
	if p.metric == "brew_temperature" {
		f.Unit, f.Size, f.Noticeable, mid, wide = "°C", 1.72, 2.5, 92.4, 0.55
	}
	f.Expected, f.Level = mid, mid+f.Size
	days := func(x float64) time.Time { return today.Add(time.Duration(x * 24 * float64(time.Hour))) }
	if p.kind == anomaly.Stuck {
		f.Size, f.Sigmas, f.Noticeable = 0, 0, 0
	}
	f.Forecast = &anomaly.Forecast{P10: days(2.6), P50: days(3.4), P90: days(4.6), Slope: 0.6}
	for t := today.Add(-6 * 24 * time.Hour); !t.After(f.At); t = t.Add(time.Hour) {
		hours := t.Sub(today).Hours()
		off := f.Size * math.Max(0, math.Min(1, (hours+62)/62))
		if status == anomaly.Cleared && hours > 2 {
			off = 0
		}
		f.Evidence.Time = append(f.Evidence.Time, t)
		f.Evidence.Value = append(f.Evidence.Value, mid+off+wide*0.3*math.Sin(hours/2.3)+wide*0.2*math.Sin(hours))
		f.Evidence.Lower, f.Evidence.Upper = append(f.Evidence.Lower, mid-wide), append(f.Evidence.Upper, mid+wide)
	}
	must(p.t, p.desk.HandleFinding(p.t.Context(), f))
}

func (p *person) of() *outreach.Case {
	p.t.Helper()
	c, err := p.desk.Case(p.t.Context(), "acme", p.id)
	must(p.t, err)
	return c
}

func (p *person) grant() outreach.Grant {
	return outreach.Grant{Tenant: "acme", Case: p.id, Contact: p.contact, Purpose: outreach.GrantOwner, Expires: p.clock().Add(time.Hour)}
}

func (p *person) slots() []outreach.Slot {
	p.t.Helper()
	v, err := p.desk.OwnerView(p.t.Context(), p.grant())
	must(p.t, err)
	return v.Slots
}

func (p *person) book(n int) outreach.Slot {
	p.t.Helper()
	slot := p.slots()[n]
	_, err := p.desk.Book(p.t.Context(), p.grant(), slot.ID)
	must(p.t, err)
	return slot
}

// call sends a request as a browser without any cookie does.
func (h *home) call(method, path, kind, body string, header ...string) answer {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.http.URL+path, strings.NewReader(body))
	must(h.t, err)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("Accept-Encoding", "identity")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return (&world{}).do(h.t, nil, req)
}

func (h *home) get(path string, header ...string) answer {
	h.t.Helper()
	return h.call(http.MethodGet, path, "", "", header...)
}

// post sends a form, and expects to be sent on to the page with a word.
func (h *home) post(path string, form url.Values, said string) {
	h.t.Helper()
	got := h.call(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
	if want := "?said=" + said + "#said"; got.status != http.StatusSeeOther || !strings.HasSuffix(got.header.Get("Location"), want) {
		h.t.Fatalf("POST %s: %d to %q, want a redirect to %q: %s", path, got.status, got.header.Get("Location"), want, got.body)
	}
}

// contents is all that is in the store, read past everything that could keep
// a secret from us.
func (h *home) contents() string {
	h.t.Helper()
	db, err := sql.Open("sqlite", "file:"+h.file+"?mode=ro")
	must(h.t, err)
	defer db.Close()
	var out strings.Builder
	for _, name := range column(h.t, db, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name") {
		rows := column(h.t, db, fmt.Sprintf("SELECT * FROM %q", name))
		fmt.Fprintf(&out, "%s %d\n%s\n", name, len(rows), strings.Join(rows, "\n"))
	}
	return out.String()
}

// column returns each row as text.
func column(t testing.TB, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(context.WithoutCancel(t.Context()), query)
	must(t, err)
	defer rows.Close()
	names, err := rows.Columns()
	must(t, err)
	var out []string
	for rows.Next() {
		values := make([]any, len(names))
		for i := range values {
			values[i] = new(any)
		}
		must(t, rows.Scan(values...))
		var cells []string
		for _, v := range values {
			cells = append(cells, strings.TrimSpace(fmt.Sprintf("%s", *v.(*any))))
		}
		out = append(out, strings.Join(cells, "|"))
	}
	must(t, rows.Err())
	return out
}
