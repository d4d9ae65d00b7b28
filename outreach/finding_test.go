package outreach_test

import (
	"strings"
	"testing"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
	"github.com/forecare/forecare/outreach"
)

func TestFromFindingToVerified(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		h := newHouse(t, db)
		key := h.device("d1")
		h.find(key, "temp", 1, anomaly.Opened)
		c := h.wantState(key, outreach.Offered)
		if c.ID != outreach.CaseID("acme", "f-d1-temp") || c.Remedy != "calibrate" || c.Owner != "owner-d1" || c.Urgency <= 0 {
			t.Fatalf("case %+v", c)
		}
		h.wantWrote(c, "offer/1 pending")
		m := h.messages(c)[0]
		if m.Lang != "en" || m.Content.Subject != "offer: brewing temperature of your espresso machine, a short calibration" ||
			m.Decision.Verdict != outreach.Allow || !strings.HasPrefix(m.Content.OwnerURL, "https://care.example/o/") {
			t.Fatalf("message %+v", m)
		}
		h.deliver()

		h.book(c, 0)
		h.deliver()
		c = h.wantState(key, outreach.Scheduled)
		h.must(h.desk.Start(t.Context(), "acme", c.ID, "ann@acme.example"))
		h.wantState(key, outreach.InProgress)
		if len(h.commands) != 1 || h.commands[0].Name != "calibrate" || h.commands[0].Key != key || h.commands[0].Args["metric"] != "temp" {
			t.Fatalf("commands %+v", h.commands)
		}
		h.turn(time.Minute)
		h.ack(`{"ok":true}`)
		c = h.wantState(key, outreach.Done)
		if !c.Finished.Equal(h.clock()) {
			t.Fatalf("finished %s, want %s", c.Finished, h.clock())
		}
		h.turn(time.Minute)
		h.find(key, "temp", 2, anomaly.Cleared)
		c = h.wantState(key, outreach.Verified)
		h.wantWrote(c, "offer/1 sent", "confirmation/1 sent", "all_well/1 pending")
		if want := "opened offered booked started command done finding verified"; h.kinds(c) != want {
			t.Fatalf("events %q, want %q", h.kinds(c), want)
		}
		if c.Urgency != 0 || !c.Next.IsZero() || c.Attention != "" {
			t.Fatalf("a closed case has nothing to do: %+v", c)
		}
	})
}

// A delivery that is repeated, in any order, changes nothing.
func TestFindingsAreIdempotent(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	revisions := []anomaly.Status{anomaly.Opened, anomaly.Updated, anomaly.Updated}
	for i, s := range revisions {
		h.find(key, "temp", i+1, s)
	}
	c := h.wantState(key, outreach.Offered)
	events, messages := h.kinds(c), len(h.messages(c))
	for _, i := range []int{0, 2, 1, 0, 2} {
		h.find(key, "temp", i+1, revisions[i])
	}
	again := h.only(key)
	if h.kinds(again) != events || len(h.messages(again)) != messages || again.Version != c.Version {
		t.Fatalf("events %q, were %q", h.kinds(again), events)
	}
}

// Detection repeats every hour that a trouble persists; the history keeps what
// somebody would want to read.
func TestHistoryKeepsWhatIsNews(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	begun := h.clock()
	revise := func(revision int, edit func(*anomaly.Finding)) {
		f := finding(key, "temp", revision, anomaly.Updated, begun.Add(time.Duration(revision)*time.Minute))
		edit(&f)
		h.must(h.desk.HandleFinding(t.Context(), f))
	}
	h.find(key, "temp", 1, anomaly.Opened)
	c := h.only(key)
	entries := func() int { return strings.Count(h.kinds(c), "finding") }
	for revision := range 20 {
		revise(2+revision, func(*anomaly.Finding) {})
	}
	if got := entries(); got != 0 {
		t.Errorf("20 revisions that say nothing new made %d entries", got)
	}
	size := finding(key, "temp", 1, anomaly.Updated, begun).Size
	revise(30, func(f *anomaly.Finding) { f.Size = 1.3 * size })
	revise(31, func(f *anomaly.Finding) { f.Size = 1.35 * size })
	if got := entries(); got != 1 {
		t.Errorf("growing by a third, and then hardly, made %d entries, want 1", got)
	}
	revise(32, func(f *anomaly.Finding) { f.Size = 1.35 * size; f.Kind = anomaly.Step })
	revise(33, func(f *anomaly.Finding) {
		f.Size = 1.35 * size
		f.Kind = anomaly.Step
		f.At = begun.Add(25 * time.Hour)
	})
	if got := entries(); got != 3 {
		t.Errorf("another kind and another day made %d entries in all, want 3", got)
	}
}

func TestSecondFindingJoinsTheOpenCase(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	before := h.only(key)
	f := finding(key, "flow", 1, anomaly.Opened, h.clock())
	f.Forecast.P10, f.Forecast.P50 = h.clock().Add(30*time.Hour), h.clock().Add(40*time.Hour)
	h.must(h.desk.HandleFinding(t.Context(), f))
	c := h.wantState(key, outreach.Offered)
	if len(c.Findings) != 2 || c.Findings[0].Metric != "temp" || c.Findings[1].Metric != "flow" {
		t.Fatalf("findings %+v", c.Findings)
	}
	if c.Urgency <= before.Urgency || !c.Window.Until.Before(before.Window.Until) || !c.Window.From.Equal(before.Window.From) {
		t.Fatalf("urgency %v window %v, were %v %v", c.Urgency, c.Window, before.Urgency, before.Window)
	}
	h.wantWrote(c, "offer/1 pending")
	told := c.Window
	f.Revision, f.Status, f.Forecast = 2, anomaly.Updated, nil // it looks better, but the owner was told a window
	h.must(h.desk.HandleFinding(t.Context(), f))
	if c := h.only(key); c.Window != told {
		t.Fatalf("window %v, told %v", c.Window, told)
	}

	h.find(key, "temp", 2, anomaly.Cleared)
	h.wantState(key, outreach.Offered) // flow still deviates
	h.find(key, "flow", 3, anomaly.Cleared)
	h.wantState(key, outreach.Withdrawn)
}

func TestClearedByItself(t *testing.T) {
	t.Run("owner never told", func(t *testing.T) {
		h := sqlite(t)
		key := h.device("d1")
		h.find(key, "temp", 1, anomaly.Opened)
		h.find(key, "temp", 2, anomaly.Cleared)
		h.wantWrote(h.wantState(key, outreach.Withdrawn), "offer/1 suppressed")
	})
	t.Run("owner told", func(t *testing.T) {
		h := sqlite(t)
		key := h.device("d1")
		h.find(key, "temp", 1, anomaly.Opened)
		h.deliver()
		h.find(key, "temp", 2, anomaly.Cleared)
		h.wantWrote(h.wantState(key, outreach.Withdrawn), "offer/1 sent", "all_well/1 pending")
	})
	t.Run("time booked", func(t *testing.T) {
		h := sqlite(t)
		key := h.device("d1")
		h.find(key, "temp", 1, anomaly.Opened)
		h.deliver()
		h.book(h.only(key), 0)
		h.deliver()
		h.find(key, "temp", 2, anomaly.Cleared)
		c := h.wantState(key, outreach.Withdrawn)
		h.wantWrote(c, "offer/1 sent", "confirmation/1 sent", "cancellation/1 pending")
		if c.Appointment != nil {
			t.Fatal("the booking was not given back")
		}
		left, err := h.db.Bookings(t.Context(), "acme", h.clock())
		if h.must(err); len(left) != 0 {
			t.Fatalf("bookings %+v", left)
		}
	})
	t.Run("before it was ever seen", func(t *testing.T) {
		h := sqlite(t)
		key := h.device("d1")
		h.find(key, "temp", 3, anomaly.Cleared)
		page, err := h.desk.Cases(t.Context(), outreach.CaseFilter{})
		if h.must(err); page.Total != 0 {
			t.Fatal("a finding that is over opened a case")
		}
	})
}

func TestProof(t *testing.T) {
	done := func(t *testing.T) (*house, devices.Key) {
		h := sqlite(t)
		key := h.device("d1")
		h.find(key, "temp", 1, anomaly.Opened)
		h.deliver()
		h.must(h.desk.Finish(t.Context(), "acme", h.only(key).ID, "ann@acme.example", "swapped the probe"))
		h.wantState(key, outreach.Done)
		return h, key
	}
	t.Run("deviating soon after proves nothing", func(t *testing.T) {
		h, key := done(t)
		h.turn(29 * time.Minute)
		h.find(key, "temp", 2, anomaly.Updated)
		h.wantState(key, outreach.Done)
	})
	t.Run("old readings that arrive late prove nothing", func(t *testing.T) {
		h, key := done(t)
		at := h.clock().Add(-time.Hour)
		h.turn(5 * time.Hour)
		h.must(h.desk.HandleFinding(t.Context(), finding(key, "temp", 2, anomaly.Updated, at)))
		h.wantState(key, outreach.Done)
	})
	t.Run("deviating later refutes it", func(t *testing.T) {
		h, key := done(t)
		h.turn(31 * time.Minute)
		h.find(key, "temp", 2, anomaly.Updated)
		c := h.wantState(key, outreach.Reopened)
		h.wantWrote(c, "offer/1 sent", "sorry/1 pending")
		h.deliver()
		// It is offered, booked, done again, and proved.
		h.book(c, 0)
		h.wantState(key, outreach.Scheduled)
		h.must(h.desk.Finish(t.Context(), "acme", c.ID, "ann@acme.example", ""))
		h.find(key, "temp", 3, anomaly.Cleared)
		h.wantState(key, outreach.Verified)
	})
	t.Run("silence for a day is no proof", func(t *testing.T) {
		h, key := done(t)
		h.turn(24*time.Hour - time.Second)
		h.must(h.desk.Tend(t.Context()))
		h.wantState(key, outreach.Done)
		h.turn(time.Second)
		h.must(h.desk.Tend(t.Context()))
		c := h.wantState(key, outreach.Reopened)
		h.wantWrote(c, "offer/1 sent", "sorry/1 pending")
		// The proof that comes late is still one.
		h.find(key, "temp", 2, anomaly.Cleared)
		h.wantWrote(h.wantState(key, outreach.Verified), "offer/1 sent", "sorry/1 suppressed", "all_well/1 pending")
	})
	t.Run("cleared while the remedy was under way", func(t *testing.T) {
		h := sqlite(t)
		key := h.device("d1")
		h.find(key, "temp", 1, anomaly.Opened)
		h.must(h.desk.Start(t.Context(), "acme", h.only(key).ID, "ann@acme.example"))
		h.find(key, "temp", 2, anomaly.Cleared)
		h.wantState(key, outreach.InProgress)
		h.ack(`{"ok":true}`)
		h.wantState(key, outreach.Verified)
	})
}

func TestNobodyToWriteTo(t *testing.T) {
	tests := []struct {
		name string
		edit func(*devices.Device, *devices.Contact)
		want string // in the case's attention
		row  string // the suppressed message, if there is one
	}{
		{"no owner", func(d *devices.Device, c *devices.Contact) { d.Owner, c.ID = "", "" }, "no owner", ""},
		{"owner unknown", func(d *devices.Device, c *devices.Contact) { c.ID = "" }, "not among the contacts", ""},
		{"no address", func(d *devices.Device, c *devices.Contact) { c.Addresses = nil }, "no address", ""},
		{"no such channel here", func(d *devices.Device, c *devices.Contact) { c.Addresses[0].Channel = "pigeon" }, "channel that is set up here", ""},
		{"no consent", func(d *devices.Device, c *devices.Contact) { c.Addresses[0].Consent = time.Time{} }, "have not allowed it", "offer/1 suppressed"},
		{"consent withdrawn", func(d *devices.Device, c *devices.Contact) {
			c.Addresses[0].Withdrawn = c.Addresses[0].Consent.Add(time.Minute)
		}, "have not allowed it", "offer/1 suppressed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := sqlite(t)
			key := h.device("d1", tt.edit)
			h.find(key, "temp", 1, anomaly.Opened)
			h.find(key, "temp", 2, anomaly.Updated) // says it once only
			c := h.wantState(key, outreach.Opened)
			if !strings.Contains(c.Attention, tt.want) {
				t.Errorf("attention %q, want %q in it", c.Attention, tt.want)
			}
			if want := "opened message"; h.kinds(c) != want {
				t.Errorf("events %q, want %q", h.kinds(c), want)
			}
			if tt.row == "" {
				h.wantWrote(c)
			} else {
				h.wantWrote(c, tt.row)
			}
		})
	}
}

func TestOfferFollowsOnceThereIsAWay(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1", func(d *devices.Device, c *devices.Contact) { c.Addresses = nil })
	h.find(key, "temp", 1, anomaly.Opened)
	h.must(h.db.AddAddress(t.Context(), "acme", "owner-d1", devices.Address{Channel: "email", Value: "o@example.org", Consent: h.clock()}))
	h.find(key, "temp", 2, anomaly.Updated)
	c := h.wantState(key, outreach.Offered)
	h.wantWrote(c, "offer/1 pending")
	if c.Attention != "" {
		t.Errorf("attention %q", c.Attention)
	}
}

func TestSilenceWaitsADay(t *testing.T) {
	h := sqlite(t)
	h.must(h.db.PutModel(t.Context(), func() devices.Model {
		m := espresso("acme")
		m.Remedies = append(m.Remedies, devices.Remedy{ID: "visit", Duration: time.Hour}) // for anything
		return m
	}()))
	key := h.device("d1")
	h.find(key, "", 1, anomaly.Opened)
	h.wantWrote(h.wantState(key, outreach.Opened))
	h.turn(23 * time.Hour)
	h.must(h.desk.Tend(t.Context()))
	h.wantWrote(h.wantState(key, outreach.Opened))
	h.turn(time.Hour)
	h.must(h.desk.Tend(t.Context()))
	h.wantWrote(h.wantState(key, outreach.Offered), "offer/1 pending")
}

func TestNoRemedyIsForAgents(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "noise", 1, anomaly.Opened)
	c := h.wantState(key, outreach.Opened)
	if h.wantWrote(c); !strings.Contains(c.Attention, "no remedy for noise") {
		t.Errorf("attention %q", c.Attention)
	}
}

// The owner is offered what can be done, although something else came first.
func TestFirstCurableFindingIsTheReason(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "", 1, anomaly.Opened)
	h.find(key, "noise", 1, anomaly.Opened)
	h.wantState(key, outreach.Opened)
	h.find(key, "flow", 1, anomaly.Opened)
	c := h.wantState(key, outreach.Offered)
	if m := h.messages(c)[0]; c.Remedy != "descale" || m.Content.Subject != "offer: flow of your espresso machine, a descaling" || c.Attention != "" {
		t.Fatalf("remedy %s, subject %q, attention %q", c.Remedy, m.Content.Subject, c.Attention)
	}
}

func TestDisabledAndUnknownDevices(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.must(h.db.SetDeviceDisabled(t.Context(), key, true))
	h.find(key, "temp", 1, anomaly.Opened)
	page, err := h.desk.Cases(t.Context(), outreach.CaseFilter{})
	if h.must(err); page.Total != 0 {
		t.Fatal("a disabled device got a case")
	}
	list, err := h.desk.Findings(t.Context(), outreach.FindingFilter{Tenant: "acme", Open: true})
	if h.must(err); len(list) != 1 {
		t.Fatalf("findings %v", list)
	}
	stranger := devices.Key{Tenant: "acme", Device: "gone"}
	h.find(stranger, "temp", 1, anomaly.Opened)
	h.wantState(stranger, outreach.Opened)
}

func TestBudgetIsPerPersonOverAllDevices(t *testing.T) {
	h := sqlite(t)
	first := h.device("d1")
	second := h.device("d2", func(d *devices.Device, c *devices.Contact) { d.Owner, c.ID = "owner-d1", "" })
	h.find(first, "temp", 1, anomaly.Opened)
	h.find(second, "temp", 1, anomaly.Opened)
	c := h.wantState(second, outreach.Opened)
	h.wantWrote(c, "offer/1 suppressed")
	if d := h.messages(c)[0].Decision; d.Rule != outreach.RuleBudget || !d.Until.Equal(noon.Add(30*24*time.Hour)) || d.Policy != "default-1" {
		t.Fatalf("decision %+v", d)
	}
	h.find(second, "temp", 2, anomaly.Updated)
	h.wantWrote(h.only(second), "offer/1 suppressed") // not once an hour
	h.turn(30 * 24 * time.Hour)
	h.must(h.desk.Tend(t.Context()))
	c = h.wantState(second, outreach.Offered)
	h.wantWrote(c, "offer/1 suppressed", "offer/2 pending")
	if !c.Window.From.Equal(h.clock().Add(2 * time.Hour)) {
		t.Fatalf("the window is as old as the case: %v", c.Window)
	}
}

func TestQuietHoursPutTheOfferOff(t *testing.T) {
	h := sqlite(t)
	h.now = time.Date(2026, 11, 25, 21, 30, 0, 0, time.UTC) // half past ten in Berlin
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	c := h.wantState(key, outreach.Offered)
	m := h.messages(c)[0]
	if want := time.Date(2026, 11, 26, 7, 0, 0, 0, time.UTC); m.State != outreach.Pending || !m.Due.Equal(want) || m.Decision.Rule != outreach.RuleQuiet {
		t.Fatalf("message %+v, want due %s", m, want)
	}
}

func TestPreferredAllowedChannelIsTaken(t *testing.T) {
	h := sqlite(t)
	yes := noon.Add(-time.Hour)
	key := h.device("d1", func(d *devices.Device, c *devices.Contact) {
		c.Addresses = []devices.Address{
			{Channel: "email", Value: "o@example.org", Preference: 3, Consent: yes},
			{Channel: "webhook", Value: "https://example.org/a", Preference: 1},               // never allowed
			{Channel: "pigeon", Value: "loft 4", Preference: 0, Consent: yes},                 // not set up here
			{Channel: "webhook", Value: "https://example.org/b", Preference: 2, Consent: yes}, // this one
		}
	})
	h.find(key, "temp", 1, anomaly.Opened)
	if m := h.messages(h.only(key))[0]; m.Channel != "webhook" || m.Address != "https://example.org/b" {
		t.Fatalf("message by %s to %s", m.Channel, m.Address)
	}
}

// An offer that nobody answers is handed to an agent when its window is over.
func TestOfferWithoutAnswer(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	h.deliver()
	c := h.only(key)
	h.set(c.Window.Until)
	h.must(h.desk.Tend(t.Context()))
	c = h.wantState(key, outreach.Offered)
	if !strings.Contains(c.Attention, "has not answered") || !c.Next.IsZero() {
		t.Fatalf("attention %q, next %s", c.Attention, c.Next)
	}
	if first := h.slots(c)[0]; first.Start.Before(h.clock().Add(2 * time.Hour)) {
		t.Fatalf("%s is offered at %s", first.Start, h.clock())
	}
	h.book(c, 0) // it is never too late
	if c = h.wantState(key, outreach.Scheduled); c.Attention != "" {
		t.Fatalf("attention %q", c.Attention)
	}
}
