package outreach_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
	"github.com/forecare/forecare/outreach"
)

// world is a house with three devices, two of which have one owner, in which
// anything may happen in any order.
type world struct {
	*house
	keys    []devices.Key
	history []anomaly.Finding // all that was ever said
	current map[string]int    // finding -> index of its newest revision in history
	final   map[string]outreach.State
	onsets  int
}

func (w *world) cases() []*outreach.Case {
	page, err := w.desk.Cases(w.t.Context(), outreach.CaseFilter{Tenant: w.tenant, Limit: 1000})
	w.must(err)
	return page.Cases
}

// any draws one of the cases, nil if there is none yet.
func (w *world) any(t *rapid.T) *outreach.Case {
	cases := w.cases()
	if len(cases) == 0 {
		return nil
	}
	slices.SortFunc(cases, func(a, b *outreach.Case) int { return a.Opened.Compare(b.Opened)*4 + compare(a.ID, b.ID) })
	return rapid.SampledFrom(cases).Draw(t, "case")
}

func compare(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

// may accepts success and the refusals that people can run into.
func (w *world) may(err error) {
	w.t.Helper()
	switch devices.CodeOf(err) {
	case "", devices.Conflict, devices.Invalid, devices.NotFound:
	default:
		w.t.Fatal(err)
	}
}

func (w *world) say(f anomaly.Finding) {
	w.must(w.desk.HandleFinding(w.t.Context(), f))
}

// trouble opens a finding, or moves or clears one that is there.
func (w *world) trouble(t *rapid.T) {
	key := rapid.SampledFrom(w.keys).Draw(t, "device")
	metric := rapid.SampledFrom([]string{"temp", "flow", "noise", ""}).Draw(t, "metric")
	for id, i := range w.current {
		f := w.history[i]
		if f.Key != key || f.Metric != metric || f.Status == anomaly.Cleared {
			continue
		}
		f.Revision++
		f.Status = rapid.SampledFrom([]anomaly.Status{anomaly.Updated, anomaly.Cleared}).Draw(t, "status")
		f.At = w.clock().Add(-time.Duration(rapid.IntRange(0, 120).Draw(t, "lag")) * time.Minute)
		w.remember(id, f)
		return
	}
	w.onsets++
	f := finding(key, metric, 1, anomaly.Opened, w.clock())
	f.ID = fmt.Sprintf("%s-%d", f.ID, w.onsets)
	w.remember(f.ID, f)
}

func (w *world) remember(id string, f anomaly.Finding) {
	w.history = append(w.history, f)
	w.current[id] = len(w.history) - 1
	w.say(f)
}

// postman settles what is due, one way or another.
func (w *world) postman(t *rapid.T) {
	due, err := w.db.LeaseMessages(w.t.Context(), outreach.Lease{
		Owner: "postman", Channels: []string{"email"}, Now: w.clock(), Until: w.clock().Add(time.Minute), Limit: 100,
	})
	w.must(err)
	for _, m := range due {
		s := outreach.Settlement{Message: m, At: w.clock()}
		s.Message.State = rapid.SampledFrom([]outreach.MessageState{outreach.Sent, outreach.Sent, outreach.Failed, outreach.Unknown, outreach.Pending}).Draw(t, "outcome")
		if s.Message.State != outreach.Pending {
			raw, err := json.Marshal(map[string]any{"message": m.ID, "state": s.Message.State})
			w.must(err)
			s.Event = &outreach.Event{Case: m.Case, At: s.At, Kind: outreach.EventMessage, Actor: "forecare", Data: raw}
		}
		_, err := w.db.SettleMessages(w.t.Context(), []outreach.Settlement{s})
		w.must(err)
	}
}

func (w *world) owner(t *rapid.T) {
	c := w.any(t)
	if c == nil {
		return
	}
	g, ctx := w.grant(c), w.t.Context()
	switch rapid.IntRange(0, 5).Draw(t, "owner does") {
	case 0, 1:
		if slots := w.slots(c); len(slots) > 0 {
			_, err := w.desk.Book(ctx, g, rapid.SampledFrom(slots).Draw(t, "slot").ID)
			w.must(err) // what is offered is accepted
		}
	case 2:
		w.may(w.desk.Unbook(ctx, g))
	case 3:
		w.may(w.desk.Bothering(ctx, g, rapid.SampledFrom([]string{"", "cold coffee"}).Draw(t, "text")))
	case 4:
		w.may(w.desk.OptOut(ctx, g, rapid.SampledFrom([]string{"email", outreach.All}).Draw(t, "channel")))
	case 5:
		w.may(w.desk.OptIn(ctx, g, "email"))
	}
}

func (w *world) agent(t *rapid.T) {
	c := w.any(t)
	if c == nil {
		return
	}
	ctx := w.t.Context()
	switch rapid.IntRange(0, 4).Draw(t, "agent does") {
	case 0:
		w.may(w.desk.Dismiss(ctx, w.tenant, c.ID, ann, "nothing to do"))
	case 1, 2:
		w.may(w.desk.Start(ctx, w.tenant, c.ID, ann))
	case 3:
		w.may(w.desk.Finish(ctx, w.tenant, c.ID, ann, ""))
	case 4:
		w.may(w.desk.Note(ctx, w.tenant, c.ID, ann, "called"))
	}
}

func (w *world) machine(t *rapid.T) {
	if len(w.commands) == 0 {
		return
	}
	k := rapid.SampledFrom(w.commands).Draw(t, "command")
	payload := rapid.SampledFrom([]string{`{"ok":true}`, `{"ok":false,"error":"busy"}`}).Draw(t, "answer")
	w.must(w.desk.HandleEvent(w.t.Context(), devices.Event{Key: k.Key, Kind: devices.EventAck, ID: k.ID, Payload: []byte(payload)}))
}

func (w *world) time(t *rapid.T) {
	w.turn(time.Duration(rapid.IntRange(1, 30*60).Draw(t, "minutes")) * time.Minute)
	w.must(w.desk.Tend(w.t.Context()))
}

// check holds after everything that can happen.
func (w *world) check(*rapid.T) {
	w.t.Helper()
	open := map[devices.Key]string{}
	booked := map[string]bool{}
	held, err := w.db.Bookings(w.t.Context(), w.tenant, time.Time{})
	w.must(err)
	for _, b := range held {
		booked[b.Case] = true
	}
	for _, c := range w.cases() {
		if c.State.Open() {
			if other := open[c.Key]; other != "" {
				w.t.Fatalf("%s has two open cases, %s and %s", c.Key, other, c.ID)
			}
			open[c.Key] = c.ID
		}
		if was, ok := w.final[c.ID]; ok && was != c.State {
			w.t.Fatalf("final state %s became %s", was, c.State)
		}
		if !c.State.Open() {
			w.final[c.ID] = c.State
		}
		w.checkHistory(c)
		w.checkMessages(c)
		working := c.State == outreach.Scheduled || c.State == outreach.InProgress || c.State == outreach.Done
		if booked[c.ID] != (working && c.Appointment != nil) || c.State == outreach.Scheduled && c.Appointment == nil {
			w.t.Fatalf("%s: booked is %v, appointment %v; %s", c.State, booked[c.ID], c.Appointment, w.kinds(c))
		}
	}
}

// checkHistory compares the case with the fold of its events.
func (w *world) checkHistory(c *outreach.Case) {
	w.t.Helper()
	events, err := w.desk.Timeline(w.t.Context(), w.tenant, c.ID)
	w.must(err)
	var s outreach.State
	for i, e := range events {
		if e.Seq != i+1 {
			w.t.Fatalf("event %d has seq %d", i+1, e.Seq)
		}
		s = s.After(e.Kind)
	}
	if s != c.State || c.Version != len(events) {
		w.t.Fatalf("case is %s, version %d; its events say %s, %d: %s", c.State, c.Version, s, len(events), w.kinds(c))
	}
}

func (w *world) checkMessages(c *outreach.Case) {
	w.t.Helper()
	seen := map[string]bool{}
	for _, m := range w.messages(c) {
		name := fmt.Sprintf("%s/%d", m.Purpose, m.Step)
		switch {
		case m.Decision.Verdict == "" || m.Decision.Policy == "" || m.Decision.At.IsZero():
			w.t.Fatalf("%s was written without asking policy: %+v", name, m)
		case m.State == outreach.Pending && m.Decision.Verdict == outreach.Deny:
			w.t.Fatalf("%s is pending although denied: %+v", name, m.Decision)
		case seen[name]:
			w.t.Fatalf("%s twice", name)
		case m.State == outreach.Pending && !c.State.Open() && m.Purpose != outreach.AllWell && m.Purpose != outreach.Cancellation:
			w.t.Fatalf("%s is pending although the case is %s", name, c.State)
		}
		seen[name] = true
	}
}

// versions is all that a replay could change.
func (w *world) versions() string {
	s := ""
	for _, c := range w.cases() {
		s += fmt.Sprintln(c.ID, c.State, c.Version, c.Urgency, c.Next, w.wrote(c))
	}
	return s
}

func TestAnythingCanHappen(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		// Each check is a few hundred commits to disk.
		defer f.Value.Set(f.DefValue)
		if err := f.Value.Set("25"); err != nil {
			t.Fatal(err)
		}
	}
	db := sqlstoretest.Open(t)
	tenants := 0
	rapid.Check(t, func(t *rapid.T) {
		tenants++
		w := &world{current: map[string]int{}, final: map[string]outreach.State{}}
		w.house = newHouse(t, db)
		w.tenant = fmt.Sprintf("t%d", tenants)
		w.must(db.PutModel(t.Context(), func() devices.Model {
			m := espresso(w.tenant)
			if rapid.Bool().Draw(t, "a remedy for anything") {
				m.Remedies = append(m.Remedies, devices.Remedy{ID: "visit", Duration: time.Hour})
			}
			return m
		}()))
		for i, id := range []string{"d1", "d2", "d3"} {
			w.keys = append(w.keys, w.device(id, func(d *devices.Device, c *devices.Contact) {
				if i == 2 {
					d.Owner, c.ID = "owner-d1", ""
				}
			}))
		}
		t.Repeat(map[string]func(*rapid.T){
			"":        w.check,
			"trouble": w.trouble,
			"more":    w.trouble,
			"postman": w.postman,
			"owner":   w.owner,
			"agent":   w.agent,
			"machine": w.machine,
			"time":    w.time,
		})
		before := w.versions()
		for _, f := range w.history {
			w.say(f)
		}
		if after := w.versions(); after != before {
			t.Fatalf("a replay changed\n%sinto\n%s", before, after)
		}
	})
}
