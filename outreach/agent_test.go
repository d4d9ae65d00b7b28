package outreach_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
	"github.com/forecare/forecare/outreach"
)

const ann = "ann@acme.example"

func TestDismiss(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	h.deliver()
	h.book(h.only(key), 0)
	h.deliver()
	c := h.only(key)
	wantCode(t, h.desk.Dismiss(t.Context(), "acme", c.ID, ann, "  "), devices.Invalid)
	h.must(h.desk.Dismiss(t.Context(), "acme", c.ID, ann, "known and harmless"))
	c = h.wantState(key, outreach.Dismissed)
	h.wantWrote(c, "offer/1 sent", "confirmation/1 sent", "cancellation/1 pending")
	h.must(h.desk.Dismiss(t.Context(), "acme", c.ID, ann, "again")) // changes nothing
	if want := "opened offered booked booking_canceled dismissed"; h.kinds(c) != want {
		t.Fatalf("events %q, want %q", h.kinds(c), want)
	}
	wantCode(t, h.desk.Start(t.Context(), "acme", c.ID, ann), devices.Conflict)
	wantCode(t, h.desk.Finish(t.Context(), "acme", c.ID, ann, ""), devices.Conflict)
	// What was dismissed stays so, however long the trouble lasts.
	h.find(key, "temp", 2, anomaly.Updated)
	h.find(key, "temp", 3, anomaly.Cleared)
	h.wantState(key, outreach.Dismissed)
	// Trouble that comes back is a new finding and a new case.
	f := finding(key, "temp", 1, anomaly.Opened, h.clock())
	f.ID = "f-d1-temp-again"
	h.must(h.desk.HandleFinding(t.Context(), f))
	page, err := h.desk.Cases(t.Context(), outreach.CaseFilter{Tenant: "acme", Device: "d1"})
	if h.must(err); page.Total != 2 || page.Cases[0].State != outreach.Opened {
		t.Fatalf("cases %+v", page)
	}
	h.must(h.desk.Note(t.Context(), "acme", c.ID, ann, "a closed case can still be noted on"))
}

func TestUnknownCase(t *testing.T) {
	h := sqlite(t)
	for name, err := range map[string]error{
		"note":    h.desk.Note(t.Context(), "acme", "c-none", ann, "x"),
		"dismiss": h.desk.Dismiss(t.Context(), "acme", "c-none", ann, "x"),
		"start":   h.desk.Start(t.Context(), "acme", "c-none", ann),
		"finish":  h.desk.Finish(t.Context(), "acme", "c-none", ann, ""),
	} {
		if devices.CodeOf(err) != devices.NotFound {
			t.Errorf("%s: %v, want not found", name, err)
		}
	}
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	wantCode(t, h.desk.Note(t.Context(), "rival", h.only(key).ID, ann, "x"), devices.NotFound)
}

func TestCommandIsRepeatedUntilAnswered(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		h := newHouse(t, db)
		key := h.device("d1")
		h.find(key, "temp", 1, anomaly.Opened)
		id := h.only(key).ID
		h.must(h.desk.Start(t.Context(), "acme", id, ann))
		h.must(h.desk.Start(t.Context(), "acme", id, ann)) // under way: no second command
		h.turn(14 * time.Second)
		h.must(h.desk.Tend(t.Context()))
		if len(h.commands) != 1 {
			t.Fatalf("%d commands after 14 s, want 1", len(h.commands))
		}
		h.turn(time.Second)
		h.must(h.desk.Tend(t.Context()))
		h.must(h.desk.Tend(t.Context()))
		if len(h.commands) != 2 || h.commands[0].ID != h.commands[1].ID {
			t.Fatalf("commands %+v, want the same twice", h.commands)
		}
		// Nobody else can answer for the device, and a foreign id is nothing.
		answer := func(key devices.Key, id string) {
			h.must(h.desk.HandleEvent(t.Context(), devices.Event{Key: key, Kind: devices.EventAck, ID: id, Payload: []byte(`{"ok":true}`)}))
		}
		answer(devices.Key{Tenant: "acme", Device: "d2"}, h.commands[0].ID)
		answer(devices.Key{Tenant: "rival", Device: "d1"}, h.commands[0].ID)
		answer(key, "k-none")
		h.wantState(key, outreach.InProgress)
		h.ack(`{"ok":true}`)
		c := h.wantState(key, outreach.Done)
		h.ack(`{"ok":false,"error":"never mind"}`) // a second answer has no effect
		if again := h.only(key); again.Version != c.Version {
			t.Fatalf("events %q", h.kinds(again))
		}
		h.turn(time.Minute)
		h.must(h.desk.Tend(t.Context()))
		if len(h.commands) != 2 {
			t.Fatal("an answered command was repeated")
		}
	})
}

func TestDeviceRefuses(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	id := h.only(key).ID
	h.must(h.desk.Start(t.Context(), "acme", id, ann))
	h.ack(`{"ok":false,"error":"water tank empty"}`)
	c := h.wantState(key, outreach.InProgress)
	if !strings.Contains(c.Attention, "water tank empty") {
		t.Fatalf("attention %q", c.Attention)
	}
	first := h.commands[0].ID
	h.must(h.desk.Start(t.Context(), "acme", id, ann)) // once the tank is full
	if len(h.commands) != 2 || h.commands[1].ID == first || h.only(key).Attempt != 2 {
		t.Fatalf("commands %+v", h.commands)
	}
	h.ack(`not JSON`)
	if c := h.wantState(key, outreach.InProgress); !strings.Contains(c.Attention, "cannot be read") {
		t.Fatalf("attention %q", c.Attention)
	}
}

func TestDeviceNeverAnswers(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	id := h.only(key).ID
	h.must(h.desk.Start(t.Context(), "acme", id, ann))
	h.turn(24 * time.Hour)
	h.must(h.desk.Tend(t.Context()))
	h.must(h.desk.Tend(t.Context()))
	c := h.wantState(key, outreach.InProgress)
	if want := "opened offered started command"; h.kinds(c) != want {
		t.Fatalf("events %q", h.kinds(c))
	}
	if !strings.Contains(c.Attention, "did not answer") {
		t.Fatalf("attention %q", c.Attention)
	}
	if n := len(h.commands); n != 1 {
		t.Fatalf("%d commands, an expired one is not repeated", n)
	}
	// The first command's late answer still tells the truth: it was done.
	h.must(h.desk.Start(t.Context(), "acme", id, ann))
	h.wantState(key, outreach.InProgress)
}

func TestRemoteAppointmentStartsByItself(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	slot := h.book(h.only(key), 2)
	h.set(slot.Start.Add(-time.Second))
	h.must(h.desk.Tend(t.Context()))
	h.wantState(key, outreach.Scheduled)
	h.turn(time.Second)
	h.must(h.desk.Tend(t.Context()))
	h.wantState(key, outreach.InProgress)
	if len(h.commands) != 1 {
		t.Fatalf("%d commands, want 1 at once", len(h.commands))
	}
}

func TestVisitThatNobodyReports(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "flow", 1, anomaly.Opened)
	slot := h.book(h.only(key), 0)
	h.set(slot.End.Add(time.Hour))
	h.must(h.desk.Tend(t.Context()))
	if c := h.wantState(key, outreach.Scheduled); !strings.Contains(c.Attention, "say whether it was done") {
		t.Fatalf("attention %q", c.Attention)
	}
}

// A desk that runs ends when it is told to.
func TestRunEnds(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	h.must(h.desk.Start(t.Context(), "acme", h.only(key).ID, ann))
	h.turn(15 * time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.desk.Run(ctx) }() // waited for below
	eventually(t, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.commands) == 2
	})
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// stale answers DueCases as another process would that has read it too late.
type stale struct {
	*sqlstore.DB
	due []outreach.Ref
}

func (s *stale) DueCases(context.Context, time.Time, int) ([]outreach.Ref, error) { return s.due, nil }

func TestTwoProcessesWakeACaseOnce(t *testing.T) {
	db := sqlstoretest.Open(t)
	late := &stale{DB: db}
	h := newHouse(t, db, func(o *outreach.DeskOptions) { o.Store = late })
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	c := h.only(key)
	late.due = []outreach.Ref{{Tenant: "acme", Case: c.ID}}
	h.must(h.desk.Tend(t.Context()))
	if again := h.only(key); again.Attention != "" || again.Version != c.Version || !again.Next.Equal(c.Next) {
		t.Fatalf("case %+v", again)
	}
}
