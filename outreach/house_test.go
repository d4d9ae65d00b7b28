package outreach_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
	"github.com/forecare/forecare/outreach"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is a Wednesday, midday in Berlin.
var noon = time.Date(2026, 11, 25, 11, 0, 0, 0, time.UTC)

// house is a desk with all that it needs, on a real store, and a clock that
// the test turns.
type house struct {
	t      tb
	tenant string
	db     *sqlstore.DB
	desk   *outreach.Desk
	links  *outreach.Links

	mu       sync.Mutex
	now      time.Time
	commands []devices.Command
	notices  []string
}

func newHouse(t tb, db *sqlstore.DB, edit ...func(*outreach.DeskOptions)) *house {
	t.Helper()
	base, err := url.Parse("https://care.example")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, db: db, tenant: "acme", now: noon, links: &outreach.Links{Base: base, Key: []byte(strings.Repeat("k", 32))}}
	o := outreach.DeskOptions{
		Store: db, Directory: db, Composer: plain{}, Links: h.links, Channels: []string{"email", "webhook", "webpush"},
		Commander: h, Now: h.clock, Notify: func(kind, tenant, id, text string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.notices = append(h.notices, kind+" "+text)
		},
	}
	for _, e := range edit {
		e(&o)
	}
	h.desk = outreach.NewDesk(o)
	h.must(db.PutModel(t.Context(), espresso(h.tenant)))
	return h
}

// tb is what testing.T and rapid.T have in common.
type tb interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Context() context.Context
}

// sqlite returns a house on a fresh SQLite file.
func sqlite(t testing.TB, edit ...func(*outreach.DeskOptions)) *house {
	t.Helper()
	return newHouse(t, sqlstoretest.Open(t), edit...)
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) turn(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) set(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = now
}

// SendCommand is the house's own device side.
func (h *house) SendCommand(_ context.Context, k devices.Command) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.commands = append(h.commands, k)
	return nil
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func espresso(tenant string) devices.Model {
	return devices.Model{
		Tenant: tenant, ID: "espresso", Name: "Presto 3", Words: devices.Words{"en": "espresso machine"}, Interval: time.Minute,
		Metrics: []devices.Metric{
			{Name: "temp", Unit: "°C", Words: devices.Words{"en": "brewing temperature"}, Noticeable: 4},
			{Name: "flow", Unit: "ml/s", Noticeable: 2},
			{Name: "noise", Unit: "dB"},
		},
		Remedies: []devices.Remedy{
			{ID: "calibrate", Words: devices.Words{"en": "a short calibration"}, Metrics: []string{"temp"}, Duration: 10 * time.Minute, Command: "calibrate", Remote: true},
			{ID: "descale", Words: devices.Words{"en": "a descaling"}, Metrics: []string{"flow"}, Duration: 90 * time.Minute, Skill: "water"},
		},
	}
}

// device registers a device and its owner, who can be reached by e-mail.
func (h *house) device(id string, edit ...func(*devices.Device, *devices.Contact)) devices.Key {
	h.t.Helper()
	d := devices.Device{
		Key: devices.Key{Tenant: h.tenant, Device: id}, Model: "espresso", Firmware: "1.0", Owner: "owner-" + id,
		Site: devices.Site{ID: "s1", Name: "Café Mitte", Lat: 52.5, Lon: 13.4, Zone: "Europe/Berlin"},
	}
	c := devices.Contact{
		Tenant: h.tenant, ID: d.Owner, Name: "Olga Owner", Locale: "de-DE", Zone: "Europe/Berlin",
		Addresses: []devices.Address{{Channel: "email", Value: id + "@example.org", Consent: noon.Add(-time.Hour)}},
	}
	for _, e := range edit {
		e(&d, &c)
	}
	if c.ID != "" {
		h.must(h.db.PutContact(h.t.Context(), c))
	}
	h.must(h.db.AddDevice(h.t.Context(), d, devices.HashToken(devices.NewToken())))
	return d.Key
}

// finding makes one of metric on key, as of at.
func finding(key devices.Key, metric string, revision int, status anomaly.Status, at time.Time) anomaly.Finding {
	f := anomaly.Finding{
		ID: "f-" + key.Device + "-" + metric, Revision: revision, Status: status, Key: key, Model: "espresso",
		Metric: metric, Unit: "°C", Kind: anomaly.Drift, Onset: at.Add(-24 * time.Hour), Detected: at, At: at,
		Size: 2, Sigmas: 6, Level: 95, Expected: 93, Noticeable: 4, Peers: 20,
		Reason:   metric + " is 2 higher than that of 20 peers",
		Forecast: &anomaly.Forecast{P10: at.Add(5 * 24 * time.Hour), P50: at.Add(8 * 24 * time.Hour), P90: at.Add(12 * 24 * time.Hour)},
		Evidence: anomaly.Evidence{Time: []time.Time{at}, Value: anomaly.Series{95}, Lower: anomaly.Series{92}, Upper: anomaly.Series{94}},
	}
	if metric == "" {
		f.Kind, f.Forecast, f.Noticeable, f.Size, f.Sigmas = anomaly.Silence, nil, 0, 0, 0
	}
	return f
}

func (h *house) find(key devices.Key, metric string, revision int, status anomaly.Status) {
	h.t.Helper()
	h.must(h.desk.HandleFinding(h.t.Context(), finding(key, metric, revision, status, h.clock())))
}

// only returns the device's single case.
func (h *house) only(key devices.Key) *outreach.Case {
	h.t.Helper()
	page, err := h.desk.Cases(h.t.Context(), outreach.CaseFilter{Tenant: key.Tenant, Device: key.Device})
	h.must(err)
	if len(page.Cases) != 1 {
		h.t.Fatalf("%s has %d cases, want 1", key, len(page.Cases))
	}
	return page.Cases[0]
}

func (h *house) wantState(key devices.Key, want outreach.State) *outreach.Case {
	h.t.Helper()
	c := h.only(key)
	if c.State != want {
		h.t.Fatalf("case of %s is %s, want %s; %s", key, c.State, want, h.kinds(c))
	}
	return c
}

func (h *house) kinds(c *outreach.Case) string {
	h.t.Helper()
	events, err := h.desk.Timeline(h.t.Context(), c.Key.Tenant, c.ID)
	h.must(err)
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, string(e.Kind))
	}
	return strings.Join(kinds, " ")
}

func (h *house) messages(c *outreach.Case) []outreach.Message {
	h.t.Helper()
	list, err := h.desk.Messages(h.t.Context(), c.Key.Tenant, c.ID)
	h.must(err)
	return list
}

// wrote returns the case's messages as "purpose/step state".
func (h *house) wrote(c *outreach.Case) []string {
	h.t.Helper()
	list := []string{}
	for _, m := range h.messages(c) {
		list = append(list, fmt.Sprintf("%s/%d %s", m.Purpose, m.Step, m.State))
	}
	return list
}

func (h *house) wantWrote(c *outreach.Case, want ...string) {
	h.t.Helper()
	if got := h.wrote(c); !slices.Equal(got, want) {
		h.t.Fatalf("messages %q, want %q", got, want)
	}
}

// deliver marks all that is due as sent, as a dispatcher would.
func (h *house) deliver() {
	h.t.Helper()
	now := h.clock()
	due, err := h.db.LeaseMessages(h.t.Context(), outreach.Lease{
		Owner: "test", Channels: []string{"email", "webhook", "webpush"}, Now: now, Until: now.Add(time.Minute), Limit: 1000,
	})
	h.must(err)
	var all []outreach.Settlement
	for _, m := range due {
		m.State, m.SentAt = outreach.Sent, now
		all = append(all, outreach.Settlement{Message: m, At: now})
	}
	_, err = h.db.SettleMessages(h.t.Context(), all)
	h.must(err)
}

// grant is what the owner of a case gets in a message.
func (h *house) grant(c *outreach.Case) outreach.Grant {
	return outreach.Grant{Tenant: c.Key.Tenant, Case: c.ID, Contact: c.Owner, Purpose: outreach.GrantOwner, Expires: h.clock().Add(time.Hour)}
}

func (h *house) slots(c *outreach.Case) []outreach.Slot {
	h.t.Helper()
	v, err := h.desk.OwnerView(h.t.Context(), h.grant(c))
	h.must(err)
	return v.Slots
}

func (h *house) book(c *outreach.Case, n int) outreach.Slot {
	h.t.Helper()
	h.turn(time.Second)
	slot := h.slots(c)[n]
	_, err := h.desk.Book(h.t.Context(), h.grant(c), slot.ID)
	h.must(err)
	return slot
}

// ack is the device's answer to its newest command.
func (h *house) ack(payload string) {
	h.t.Helper()
	h.mu.Lock()
	k := h.commands[len(h.commands)-1]
	h.mu.Unlock()
	h.must(h.desk.HandleEvent(h.t.Context(), devices.Event{Key: k.Key, Kind: devices.EventAck, ID: k.ID, Payload: []byte(payload)}))
}

// plain composes messages that say what they are.
type plain struct{}

func (plain) Languages() []string { return []string{"en", "ar"} }

func (plain) Compose(f outreach.Facts) (outreach.Content, error) {
	if f.OwnerURL == "" || f.Unsubscribe == "" {
		return outreach.Content{}, fmt.Errorf("no link")
	}
	subject := fmt.Sprintf("%s: %s of your %s, %s", f.Purpose, f.Metric, f.Device, f.Remedy)
	return outreach.Content{Subject: subject, Text: subject, Dir: "ltr"}, nil
}

func wantCode(t testing.TB, err error, want devices.Code) {
	t.Helper()
	if got := devices.CodeOf(err); got != want {
		t.Fatalf("error %v has code %q, want %q", err, got, want)
	}
}
