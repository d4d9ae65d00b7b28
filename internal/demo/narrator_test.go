package demo_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	sim "github.com/forecare/forecare/firmware-sim"
	"github.com/forecare/forecare/internal/demo"
	"github.com/forecare/forecare/outreach"
)

// stage is what a narrator looks at.
type stage struct {
	tell chan string // case ids

	mu       sync.Mutex
	cases    []*outreach.Case
	messages map[string][]outreach.Message
	status   sim.Status
	stored   int64
}

func (s *stage) Notices(ctx context.Context, handle func(kind, tenant, id, text string)) error {
	for {
		select {
		case id := <-s.tell:
			handle("stats", "demo", "x", "")
			handle("case", "other", id, "")
			handle("case", "demo", id, "")
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *stage) Cases(_ context.Context, f outreach.CaseFilter) (outreach.CasePage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page outreach.CasePage
	for _, c := range s.cases {
		if copied := *c; len(f.States) == 0 || slices.Contains(f.States, c.State) {
			page.Cases = append(page.Cases, &copied)
		}
	}
	page.Total = len(page.Cases)
	return page, nil
}

func (s *stage) Case(_ context.Context, _, id string) (*outreach.Case, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.cases {
		if c.ID == id {
			copied := *c
			return &copied, nil
		}
	}
	return nil, devices.Errorf(devices.NotFound, "no case")
}

func (s *stage) Messages(_ context.Context, _, id string) ([]outreach.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.messages[id], nil
}

// set changes what is on the stage.
func (s *stage) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *stage) fleet() (status sim.Status) {
	s.set(func() { status = s.status })
	return status
}

func (s *stage) count() (stored int64) {
	s.set(func() { stored = s.stored })
	return stored
}

func (s *stage) open(id, device, reason string, notice time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cases = append(s.cases, &outreach.Case{
		ID: id, Key: devices.Key{Tenant: "demo", Device: device}, State: outreach.Opened, Remedy: "calibration",
		Findings: []anomaly.Finding{{
			ID: "f-" + id, Kind: anomaly.Drift, Status: anomaly.Opened, Reason: reason,
			Forecast: &anomaly.Forecast{P10: time.Now().Add(notice)},
		}},
	})
}

func narrate(s *stage, out *bytes.Buffer, play func(say func(id string))) error {
	ctx, cancel := context.WithCancel(context.Background())
	n := demo.NewNarrator(demo.NarratorOptions{
		Out: out, Tenant: "demo", Live: s, Cases: s, Mailbox: "http://mailbox",
		Fleet: s.fleet, Stored: s.count,
	})
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	play(func(id string) {
		s.tell <- id
		synctest.Wait()
	})
	cancel()
	return <-done
}

// pass lets time go by in a bubble.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// expect checks that the lines stand in the text in this order.
func expect(t *testing.T, text string, lines ...string) {
	t.Helper()
	rest := text
	for _, want := range lines {
		_, after, ok := strings.Cut(rest, want)
		if !ok {
			t.Errorf("%q is missing, or not in its place:\n%s", want, text)
			return
		}
		rest = after
	}
}

func TestNarratorTellsTheWholeWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{tell: make(chan string), messages: map[string][]outreach.Message{}, status: sim.Status{Devices: 60}}
		var out bytes.Buffer
		err := narrate(s, &out, func(say func(string)) {
			pass(2500 * time.Millisecond)
			s.set(func() { s.status.Connected = 60 })
			pass(time.Second)
			s.set(func() {
				s.status.Event = time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)
				s.stored = 6000
			})
			pass(6 * time.Second)

			s.open("c1", "espresso-e1-001", "brew_temp is 0.8 °C above what its 20 peers lead us to expect.", 100*time.Hour)
			say("c1")
			step := func(to outreach.State) {
				s.set(func() { s.cases[0].State = to })
				say("c1")
			}
			offer := outreach.Message{
				ID: "m1", Purpose: outreach.Offer, State: outreach.Pending, Channel: "email", Lang: "en",
				Content: outreach.Content{OwnerURL: "http://owner/o/t1"},
			}
			s.set(func() { s.messages["c1"] = []outreach.Message{offer} })
			step(outreach.Offered) // not yet sent: nothing to say
			offer.State = outreach.Sent
			s.set(func() { s.messages["c1"] = []outreach.Message{offer} })
			say("c1")
			say("c1") // told once
			s.set(func() {
				s.cases[0].Appointment = &outreach.Appointment{Slot: outreach.Slot{Start: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), Zone: "Europe/Berlin"}}
			})
			step(outreach.Scheduled)
			step(outreach.InProgress)
			step(outreach.Done)
			s.set(func() { s.cases[0].State = outreach.Verified })
			pass(4 * time.Second) // no notice: it looks by itself
			s.set(func() { s.status.Live = true })
			pass(2 * time.Second)
		})
		if err != nil {
			t.Fatal(err)
		}
		text := out.String()
		expect(
			t, text,
			"0:03  All 60 devices are connected.",
			"16 November, 12:00: 1,200 readings a second stored, 6,000 in all.",
			"The first finding: espresso-e1-001", "brew_temp is 0.8 °C above", "Nobody has noticed. With 90 % certainty nobody will for the next 4 days.", "A case is open for it.",
			"Its owner has been written to (email, in English).", "http://mailbox", "http://owner/o/t1", "Pick a time there",
			"espresso-e1-001: booked for Monday 23 November, 10:00 CET.",
			"the remedy is under way", "its telemetry has to prove it", "verified", "That was the whole way.",
			"The fleet has caught up with the present",
		)
		if strings.Count(text, "written to") != 1 || strings.Count(text, "The first finding") != 1 {
			t.Errorf("something is told twice:\n%s", text)
		}
	})
}

func TestNarratorIsBriefAboutLaterCasesAndGreetsWithOldOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{tell: make(chan string), messages: map[string][]outreach.Message{
			"old1": {{ID: "m0", State: outreach.Sent, Content: outreach.Content{OwnerURL: "http://owner/o/old"}}},
			"n4":   {{ID: "m4", Purpose: outreach.Offer, State: outreach.Suppressed, Detail: "the owner has not agreed"}},
		}}
		s.open("old1", "air-a3-001", "co2 drifts", time.Hour)
		s.open("old2", "air-a3-002", "co2 drifted", time.Hour)
		s.cases[0].State, s.cases[1].State = outreach.Offered, outreach.Verified
		var out bytes.Buffer
		err := narrate(s, &out, func(say func(string)) {
			synctest.Wait()
			for _, id := range []string{"n1", "n2", "n3", "n4"} {
				s.open(id, "device-"+id, "it drifts "+id, time.Hour)
				say(id)
			}
			say("unknown")
			pass(10 * time.Second)
		})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, out.String(),
			"From before, 1 case is open:", "air-a3-001, offered; its owner's page: http://owner/o/old",
			"Another finding, device-n1: it drifts n1", "Another finding, device-n4: it drifts n4",
			"A message to the owner of device-n4 was not sent: the owner has not agreed.")
		if strings.Contains(out.String(), "air-a3-002") || strings.Contains(out.String(), "first finding") {
			t.Errorf("what was over before is told again:\n%s", out.String())
		}
	})
}

// broken is a console that somebody closed.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestNarratorStopsWhenNobodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{tell: make(chan string), messages: map[string][]outreach.Message{}, status: sim.Status{Devices: 1, Connected: 1}}
		n := demo.NewNarrator(demo.NarratorOptions{
			Out: broken{}, Tenant: "demo", Live: s, Cases: s,
			Fleet: s.fleet, Stored: s.count,
		})
		if err := n.Run(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
