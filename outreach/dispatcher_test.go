package outreach_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/outreach"
)

// recorder is a channel that notes what it was given.
type recorder struct {
	name       string
	idempotent bool
	answer     func(outreach.Envelope) error // nil takes everything

	mu   sync.Mutex
	sent []outreach.Envelope
}

func (r *recorder) Name() string     { return r.name }
func (r *recorder) Idempotent() bool { return r.idempotent }

func (r *recorder) Send(_ context.Context, e outreach.Envelope) (outreach.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answer != nil {
		if err := r.answer(e); err != nil {
			return outreach.Receipt{}, err
		}
	}
	r.sent = append(r.sent, e)
	return outreach.Receipt{Provider: "p-" + e.ID}, nil
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sent)
}

func refuse(class outreach.SendClass) func(outreach.Envelope) error {
	return func(outreach.Envelope) error {
		return &outreach.SendError{Class: class, Err: errors.New("the provider says no")}
	}
}

// dispatcher returns one for the house's outbox that looks every millisecond.
func (h *house) dispatcher(channels []outreach.Channel, edit ...func(*outreach.DispatcherOptions)) *outreach.Dispatcher {
	o := outreach.DispatcherOptions{
		Store: h.db, Directory: h.db, Channels: map[string]outreach.Channel{}, Now: h.clock, Every: time.Millisecond, Concurrency: 4,
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, c := range channels {
		o.Channels[c.Name()] = c
	}
	for _, e := range edit {
		e(&o)
	}
	return outreach.NewDispatcher(o)
}

// dispatch runs a dispatcher until ok.
func (h *house) dispatch(d *outreach.Dispatcher, ok func() bool) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }() // waited for below
	eventually(h.t, ok)
	cancel()
	if err := <-done; err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) stateOf(key devices.Key, n int, want outreach.MessageState) func() bool {
	return func() bool {
		list := h.messages(h.only(key))
		return len(list) > n && list[n].State == want
	}
}

func TestDispatcherSends(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	mail := &recorder{name: "email"}
	registry := prometheus.NewRegistry()
	h.dispatch(h.dispatcher([]outreach.Channel{mail}, func(o *outreach.DispatcherOptions) {
		o.Registerer = registry
		o.Picture = func(c *outreach.Case, lang string) ([]byte, error) {
			return []byte(lang + " " + c.Finding().Metric), nil
		}
	}), h.stateOf(key, 0, outreach.Sent))
	c := h.only(key)
	m := h.messages(c)[0]
	if m.Provider != "p-"+m.ID || m.Attempts != 1 || !m.SentAt.Equal(noon) || m.Decision.Rule != outreach.RuleNone {
		t.Fatalf("message %+v", m)
	}
	e := mail.sent[0]
	if e.ID != m.ID || e.To != "d1@example.org" || e.Name != "Olga Owner" || e.Brand != "Forecare" || string(e.Picture) != "en temp" || e.Content.Subject != m.Content.Subject {
		t.Fatalf("envelope %+v", e)
	}
	if want := "opened offered message"; h.kinds(c) != want || c.Version != 3 {
		t.Fatalf("events %q, version %d, want %q", h.kinds(c), c.Version, want)
	}
	if got := metric(t, registry, "forecare_outreach_messages_total", "email", "sent"); got != 1 {
		t.Errorf("counted %v sent, want 1", got)
	}
}

// metric returns the value of a counter with these label values.
func metric(t *testing.T, r *prometheus.Registry, name string, labels ...string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if f.GetName() == name && slices.Equal(values, labels) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

func TestPictureThatFailsIsLeftOut(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	mail := &recorder{name: "email"}
	h.dispatch(h.dispatcher([]outreach.Channel{mail}, func(o *outreach.DispatcherOptions) {
		o.Picture = func(*outreach.Case, string) ([]byte, error) { return nil, errors.New("no ink") }
	}), h.stateOf(key, 0, outreach.Sent))
}

func TestTransientIsTriedAgainForADay(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	var tries atomic.Int64
	mail := &recorder{name: "email", answer: func(outreach.Envelope) error {
		tries.Add(1)
		return &outreach.SendError{Class: outreach.Transient, Err: errors.New("try later")}
	}}
	d := h.dispatcher([]outreach.Channel{mail})
	var waits []time.Duration
	for {
		h.dispatch(d, func() bool {
			n := int(tries.Load())
			return n == len(waits)+1 && h.messages(h.only(key))[0].Attempts == n
		})
		m := h.messages(h.only(key))[0]
		if m.State == outreach.Failed {
			break
		}
		if m.State != outreach.Pending || m.Detail != "try later" {
			t.Fatalf("message %+v", m)
		}
		waits = append(waits, m.Due.Sub(h.clock()))
		// Out of the night as well: then the offer waits for the morning.
		h.set(m.Due)
		if h.clock().Sub(noon) > 48*time.Hour {
			t.Fatal("it never gives up")
		}
		if again := outreach.DefaultPolicy(); again.Decide(outreach.Question{Purpose: outreach.Offer, Address: allowed, Zone: "Europe/Berlin", Now: h.clock()}).Verdict == outreach.Defer {
			h.set(time.Date(2026, 11, 26, 7, 0, 0, 0, time.UTC))
		}
	}
	if len(waits) < 10 || waits[0] > 45*time.Second || waits[0] < 20*time.Second || waits[len(waits)-1] > 3*time.Hour {
		t.Fatalf("waits %v", waits)
	}
	c := h.only(key)
	if !strings.Contains(c.Attention, "could not be sent") || h.kinds(c) != "opened offered message" {
		t.Fatalf("attention %q, events %q", c.Attention, h.kinds(c))
	}
	if gone := h.clock().Sub(noon); gone > 24*time.Hour {
		t.Errorf("gave up after %s", gone)
	}
}

func TestProvidersWaitIsRespected(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	mail := &recorder{name: "email", answer: func(outreach.Envelope) error {
		return &outreach.SendError{Class: outreach.Transient, After: 5 * time.Hour, Err: errors.New("busy")}
	}}
	h.dispatch(h.dispatcher([]outreach.Channel{mail}), func() bool { return h.messages(h.only(key))[0].Attempts == 1 })
	if m := h.messages(h.only(key))[0]; !m.Due.Equal(noon.Add(5 * time.Hour)) {
		t.Fatalf("due %s", m.Due)
	}
}

func TestDeadAddressFallsToTheNextChannel(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1", func(d *devices.Device, c *devices.Contact) {
		c.Addresses = append(c.Addresses, devices.Address{Channel: "webhook", Value: "https://example.org/h", Preference: 5, Consent: noon.Add(-time.Hour)})
	})
	h.find(key, "temp", 1, anomaly.Opened)
	mail := &recorder{name: "email", answer: refuse(outreach.BadAddress)}
	hook := &recorder{name: "webhook"}
	d := h.dispatcher([]outreach.Channel{mail, hook})
	h.dispatch(d, h.stateOf(key, 1, outreach.Sent))
	c := h.only(key)
	h.wantWrote(c, "offer/1 failed", "offer/2 sent")
	list := h.messages(c)
	if list[0].Channel != "email" || list[1].Channel != "webhook" || list[1].Content != list[0].Content || c.Attention != "" {
		t.Fatalf("messages %+v, attention %q", list, c.Attention)
	}
	// From now on the dead address is not chosen, until the owner confirms it.
	h.turn(time.Second)
	h.book(c, 0)
	if m := h.messages(h.only(key))[2]; m.Channel != "webhook" {
		t.Fatalf("the confirmation goes by %s", m.Channel)
	}
	h.must(h.desk.OptIn(t.Context(), h.grant(c), "email"))
	h.turn(time.Second)
	h.must(h.desk.Unbook(t.Context(), h.grant(c)))
	if m := h.messages(h.only(key))[3]; m.Channel != "email" {
		t.Fatalf("the cancellation goes by %s", m.Channel)
	}
}

func TestDeadAddressWithoutAnother(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	h.dispatch(h.dispatcher([]outreach.Channel{&recorder{name: "email", answer: refuse(outreach.BadAddress)}}), h.stateOf(key, 0, outreach.Failed))
	if c := h.only(key); !strings.Contains(c.Attention, "address does not work") {
		t.Fatalf("attention %q", c.Attention)
	}
}

func TestRefusedContentAndUnknownOutcome(t *testing.T) {
	tests := []struct {
		name       string
		answer     func(outreach.Envelope) error
		idempotent bool
		want       outreach.MessageState
		attention  string
	}{
		{"content", refuse(outreach.BadContent), false, outreach.Failed, "refuses the message itself"},
		{"unknown", refuse(outreach.UnknownOutcome), false, outreach.Unknown, "not known whether"},
		{"no SendError", func(outreach.Envelope) error { return errors.New("?") }, false, outreach.Unknown, "not known whether"},
		{"unknown, harmless to repeat", refuse(outreach.UnknownOutcome), true, outreach.Pending, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := sqlite(t)
			key := h.device("d1")
			h.find(key, "temp", 1, anomaly.Opened)
			mail := &recorder{name: "email", answer: tt.answer, idempotent: tt.idempotent}
			h.dispatch(h.dispatcher([]outreach.Channel{mail}), func() bool { return h.messages(h.only(key))[0].Attempts == 1 })
			m, c := h.messages(h.only(key))[0], h.only(key)
			if m.State != tt.want || !strings.Contains(c.Attention, tt.attention) || (tt.attention == "") != (c.Attention == "") {
				t.Fatalf("message %+v, attention %q", m, c.Attention)
			}
		})
	}
}

// While a provider refuses our credentials the whole channel waits, longer
// each time, and no message is lost or counted as tried.
func TestBadConfigPausesTheChannel(t *testing.T) {
	h := sqlite(t)
	for i := range 3 {
		h.find(h.device(fmt.Sprintf("d%d", i)), "temp", 1, anomaly.Opened)
	}
	var log lockedBuffer
	var tries atomic.Int64
	var mended atomic.Bool
	mail := &recorder{name: "email", answer: func(outreach.Envelope) error {
		if tries.Add(1); !mended.Load() {
			return refuse(outreach.BadConfig)(outreach.Envelope{})
		}
		return nil
	}}
	d := h.dispatcher([]outreach.Channel{mail}, func(o *outreach.DispatcherOptions) {
		o.Concurrency = 1
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	h.dispatch(d, func() bool { return strings.Count(log.String(), "channel paused") == 1 })
	if n := tries.Load(); n != 1 {
		t.Fatalf("%d tries, want 1", n)
	}
	h.turn(time.Minute)
	h.dispatch(d, func() bool { return strings.Count(log.String(), "channel paused") == 2 })
	if n := tries.Load(); n != 2 {
		t.Fatalf("%d tries, want 2", n)
	}
	mended.Store(true)
	h.turn(2 * time.Minute)
	h.dispatch(d, func() bool { return mail.count() == 3 })
	for i := range 3 {
		if m := h.messages(h.only(devices.Key{Tenant: "acme", Device: fmt.Sprintf("d%d", i)}))[0]; m.Attempts != 1 {
			t.Fatalf("message %+v", m)
		}
	}
	if strings.Contains(log.String(), "example.org") {
		t.Errorf("an address is in the log: %s", log.String())
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// What happens between writing and sending counts.
func TestPolicyIsAskedAgainBeforeSending(t *testing.T) {
	tests := []struct {
		name   string
		change func(*house, *outreach.Case)
		want   outreach.MessageState
		rule   string
	}{
		{"consent withdrawn", func(h *house, c *outreach.Case) {
			h.must(h.db.SetConsent(h.t.Context(), "acme", c.Owner, "", false, h.clock()))
		}, outreach.Suppressed, outreach.RuleConsent},
		{"address gone", func(h *house, c *outreach.Case) {
			o, err := h.db.Contact(h.t.Context(), "acme", c.Owner)
			h.must(err)
			o.Addresses[0].Value = "new@example.org"
			h.must(h.db.PutContact(h.t.Context(), o))
		}, outreach.Suppressed, outreach.RuleAddress},
		{"device sold", func(h *house, c *outreach.Case) {
			d, err := h.db.Device(h.t.Context(), c.Key)
			h.must(err)
			d.Owner = "somebody"
			h.must(h.db.UpdateDevice(h.t.Context(), d))
		}, outreach.Suppressed, outreach.RuleOwner},
		{"night fell", func(h *house, c *outreach.Case) { h.turn(10 * time.Hour) }, outreach.Pending, outreach.RuleQuiet},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := sqlite(t)
			key := h.device("d1")
			h.find(key, "temp", 1, anomaly.Opened)
			tt.change(h, h.only(key))
			mail := &recorder{name: "email"}
			h.dispatch(h.dispatcher([]outreach.Channel{mail}), func() bool { return h.messages(h.only(key))[0].Decision.Rule == tt.rule })
			if m := h.messages(h.only(key))[0]; m.State != tt.want || mail.count() != 0 {
				t.Fatalf("message %+v, %d sent", m, mail.count())
			}
		})
	}
}

// meddler lets something happen right after a lease, when it is too late to
// take a message back.
type meddler struct {
	*sqlstore.DB
	meddle func()
}

func (m *meddler) LeaseMessages(ctx context.Context, l outreach.Lease) ([]outreach.Message, error) {
	list, err := m.DB.LeaseMessages(ctx, l)
	if len(list) > 0 {
		m.meddle()
	}
	return list, err
}

func TestCaseMovesOnAfterTheLease(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	id := h.only(key).ID
	mail := &recorder{name: "email"}
	store := &meddler{h.db, func() { h.must(h.desk.Dismiss(t.Context(), "acme", id, ann, "nothing to do")) }}
	h.dispatch(h.dispatcher([]outreach.Channel{mail}, func(o *outreach.DispatcherOptions) { o.Store = store }), h.stateOf(key, 0, outreach.Suppressed))
	if m := h.messages(h.only(key))[0]; m.Decision.Rule != outreach.RuleOvertaken || mail.count() != 0 {
		t.Fatalf("message %+v, %d sent", m, mail.count())
	}
}

// Sends under way are finished and stored before Run returns.
func TestRunFinishesWhatItBegan(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	began, finish := make(chan struct{}), make(chan struct{})
	mail := &recorder{name: "email", answer: func(outreach.Envelope) error { close(began); <-finish; return nil }}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	d := h.dispatcher([]outreach.Channel{mail})
	go func() { done <- d.Run(ctx) }() // waited for below
	<-began
	cancel()
	close(finish)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	h.wantWrote(h.only(key), "offer/1 sent")
}

func TestUnregisteredChannelWaits(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	other := h.device("d2", func(d *devices.Device, c *devices.Contact) {
		c.Addresses[0].Channel, c.Addresses[0].Value = "webhook", "https://example.org/h"
	})
	h.find(other, "temp", 1, anomaly.Opened)
	h.dispatch(h.dispatcher([]outreach.Channel{&recorder{name: "webhook"}}), h.stateOf(other, 0, outreach.Sent))
	h.wantWrote(h.only(key), "offer/1 pending")
	depth, err := h.db.OutboxDepth(t.Context())
	if h.must(err); depth["email"] != 1 || depth["webhook"] != 0 {
		t.Fatalf("depth %v", depth)
	}
}
