package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
	"github.com/forecare/forecare/outreach"
)

var careDay = time.Date(2026, 11, 25, 11, 0, 0, 0, time.UTC)

func careFinding(device, id string) anomaly.Finding {
	return anomaly.Finding{
		ID: id, Revision: 1, Status: anomaly.Opened, Key: devices.Key{Tenant: "acme", Device: device}, Metric: "temp", Kind: anomaly.Drift,
		At: careDay, Forecast: &anomaly.Forecast{P10: careDay.Add(time.Hour)}, Evidence: anomaly.Evidence{Time: []time.Time{careDay}, Value: anomaly.Series{1}, Lower: anomaly.Series{0}, Upper: anomaly.Series{2}},
	}
}

// openCase stores a case with one finding and one event.
func openCase(t *testing.T, db *sqlstore.DB, device string, edit func(*outreach.Case, *outreach.Change)) *outreach.Case {
	t.Helper()
	f := careFinding(device, "f-"+device)
	c := &outreach.Case{
		ID: "c-" + device, Key: f.Key, Model: "espresso", Owner: "olga", State: outreach.Opened, Findings: []anomaly.Finding{f},
		Opened: careDay, Updated: careDay, Version: 1,
	}
	change := &outreach.Change{Case: c, Finding: &f, Events: []outreach.Event{{Case: c.ID, Seq: 1, At: careDay, Kind: outreach.EventOpened, Actor: "forecare"}}}
	if edit != nil {
		edit(c, change)
	}
	err := db.ChangeCase(t.Context(), outreach.Ref{Tenant: "acme", Device: device, Finding: f.ID}, func(v outreach.View) (*outreach.Change, error) {
		if v.Case != nil || v.Finding != nil {
			t.Fatalf("view %+v of a new device", v)
		}
		return change, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCaseIsReadAsItWasWritten(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		want := openCase(t, db, "d1", func(c *outreach.Case, ch *outreach.Change) {
			slot := outreach.Slot{ID: "ada-20261126T0900Z", Technician: "ada", Start: careDay.Add(22 * time.Hour), End: careDay.Add(24 * time.Hour), Zone: "Europe/Berlin"}
			c.Appointment = &outreach.Appointment{Slot: slot, Booked: careDay, Sequence: 2}
			c.Window = outreach.Window{From: careDay, Until: careDay.Add(time.Hour)}
			c.State, c.Remedy, c.Attempt, c.Urgency, c.Attention = outreach.Scheduled, "calibrate", 3, 0.25, "look"
			c.Bothering, c.Finished, c.Next = careDay.Add(time.Millisecond), careDay.Add(2*time.Millisecond), careDay.Add(3*time.Millisecond)
		})
		got, err := db.Case(t.Context(), "acme", want.ID)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		for _, key := range []devices.Key{{Tenant: "rival", Device: want.ID}, {Tenant: "acme", Device: "c-none"}} {
			if _, err := db.Case(t.Context(), key.Tenant, key.Device); devices.CodeOf(err) != devices.NotFound {
				t.Errorf("%s: %v, want not found", key, err)
			}
		}
	})
}

func TestCasesMostUrgentFirst(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		for i, urgency := range []float64{0.2, 0.9, 0.5, 0.7} {
			openCase(t, db, fmt.Sprintf("d%d", i), func(c *outreach.Case, _ *outreach.Change) {
				if c.Urgency = urgency; i == 2 {
					c.State, c.Owner = outreach.Dismissed, "50%_off"
				}
			})
		}
		tests := []struct {
			name  string
			f     outreach.CaseFilter
			want  []string
			total int
		}{
			{"all", outreach.CaseFilter{}, []string{"c-d1", "c-d3", "c-d2", "c-d0"}, 4},
			{"a page", outreach.CaseFilter{Tenant: "acme", Limit: 2, Offset: 1}, []string{"c-d3", "c-d2"}, 4},
			{"past the end", outreach.CaseFilter{Offset: 9}, nil, 4},
			{"another tenant", outreach.CaseFilter{Tenant: "rival"}, nil, 0},
			{"device", outreach.CaseFilter{Device: "d3"}, []string{"c-d3"}, 1},
			{"states", outreach.CaseFilter{States: []outreach.State{outreach.Dismissed, outreach.Verified}}, []string{"c-d2"}, 1},
			{"text", outreach.CaseFilter{Text: " OLGA "}, []string{"c-d1", "c-d3", "c-d0"}, 3},
			{"text is no pattern", outreach.CaseFilter{Text: "0%_"}, []string{"c-d2"}, 1},
			{"no pattern matches all", outreach.CaseFilter{Text: "%"}, []string{"c-d2"}, 1},
		}
		for _, tt := range tests {
			page, err := db.Cases(t.Context(), tt.f)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range page.Cases {
				got = append(got, c.ID)
				if len(c.Findings) != 1 || c.Findings[0].ID != "f-"+c.Key.Device {
					t.Errorf("%s: findings of %s: %v", tt.name, c.ID, c.Findings)
				}
			}
			if !slices.Equal(got, tt.want) || page.Total != tt.total {
				t.Errorf("%s: %v of %d, want %v of %d", tt.name, got, page.Total, tt.want, tt.total)
			}
		}
		counts, err := db.CaseCounts(t.Context())
		if want := (map[outreach.State]int{outreach.Opened: 3, outreach.Dismissed: 1}); err != nil || !cmp.Equal(counts, want) {
			t.Errorf("counts %v, %v", counts, err)
		}
	})
}

// The database itself refuses a second open case of a device.
func TestOneOpenCaseForEachDevice(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		first := openCase(t, db, "d1", nil)
		second := *first
		second.ID = "c-other"
		add := func() error {
			return db.ChangeCase(t.Context(), outreach.Ref{Tenant: "acme", Case: second.ID}, func(outreach.View) (*outreach.Change, error) {
				return &outreach.Change{Case: &second}, nil
			})
		}
		if err := add(); err == nil {
			t.Fatal("a second open case was stored")
		}
		first.State = outreach.Verified
		err := db.ChangeCase(t.Context(), outreach.Ref{Tenant: "acme", Case: first.ID}, func(outreach.View) (*outreach.Change, error) {
			return &outreach.Change{Case: first}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := add(); err != nil {
			t.Fatalf("after the first was closed: %v", err)
		}
	})
}

// An error of the decision comes back as it is, and nothing is stored; no
// change is no error.
func TestChangeCaseIsAllOrNothing(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		c := openCase(t, db, "d1", nil)
		mine := errors.New("mine")
		at := outreach.Ref{Tenant: "acme", Case: c.ID, Contact: "olga"}
		for _, ch := range []*outreach.Change{nil, {Case: c}} {
			err := db.ChangeCase(t.Context(), at, func(outreach.View) (*outreach.Change, error) { return ch, mine })
			if !errors.Is(err, mine) {
				t.Errorf("error %v, want the decision's own", err)
			}
		}
		if err := db.ChangeCase(t.Context(), at, func(outreach.View) (*outreach.Change, error) { return nil, nil }); err != nil {
			t.Error(err)
		}
		// The event's number is taken: the case must not change either.
		c.State = outreach.Dismissed
		err := db.ChangeCase(t.Context(), at, func(outreach.View) (*outreach.Change, error) {
			return &outreach.Change{Case: c, Events: []outreach.Event{{Case: c.ID, Seq: 1, At: careDay, Kind: outreach.EventNote}}}, nil
		})
		if err == nil {
			t.Error("an event was overwritten")
		}
		if got, err := db.Case(t.Context(), "acme", c.ID); err != nil || got.State != outreach.Opened {
			t.Errorf("state %s, %v", got.State, err)
		}
	})
}

func TestFindingKeepsItsCase(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		c := openCase(t, db, "d1", func(c *outreach.Case, _ *outreach.Change) { c.State = outreach.Dismissed })
		f := careFinding("d1", "f-d1")
		f.Revision, f.Status, f.At = 2, anomaly.Cleared, careDay.Add(time.Hour)
		err := db.ChangeCase(t.Context(), outreach.Ref{Tenant: "acme", Device: "d1", Finding: f.ID}, func(v outreach.View) (*outreach.Change, error) {
			if v.Case == nil || v.Case.ID != c.ID || v.Finding.Revision != 1 {
				t.Errorf("view %+v", v)
			}
			return &outreach.Change{Finding: &f}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := db.Case(t.Context(), "acme", c.ID)
		if err != nil || len(got.Findings) != 1 || got.Findings[0].Revision != 2 {
			t.Fatalf("findings %+v, %v", got.Findings, err)
		}
		for _, tt := range []struct {
			f    outreach.FindingFilter
			want int
		}{
			{outreach.FindingFilter{}, 1},
			{outreach.FindingFilter{Tenant: "acme", Device: "d1"}, 1},
			{outreach.FindingFilter{Open: true}, 0},
			{outreach.FindingFilter{Tenant: "rival"}, 0},
			{outreach.FindingFilter{Device: "d2"}, 0},
		} {
			if list, err := db.Findings(t.Context(), tt.f); err != nil || len(list) != tt.want {
				t.Errorf("%+v: %v, %v", tt.f, list, err)
			}
		}
	})
}

// Two bookings of one place that overlap by a quarter of an hour: one is refused.
func TestBookingsHoldTheirCells(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		var cases []*outreach.Case
		for i := range 4 {
			cases = append(cases, openCase(t, db, fmt.Sprintf("d%d", i), nil))
		}
		book := func(ctx context.Context, c *outreach.Case, start time.Duration, place int) error {
			c.Version++
			b := outreach.Booking{Tenant: "acme", Case: c.ID, Place: place, Booked: careDay, Slot: outreach.Slot{
				ID: "x", Technician: "ada", Start: careDay.Add(start), End: careDay.Add(start + 2*time.Hour), Zone: "UTC",
			}}
			err := db.ChangeCase(ctx, outreach.Ref{Tenant: "acme", Case: c.ID}, func(outreach.View) (*outreach.Change, error) {
				return &outreach.Change{Case: c, GiveBack: true, Booking: &b, Events: []outreach.Event{{Case: c.ID, Seq: c.Version, At: careDay, Kind: outreach.EventBooked}}}, nil
			})
			if err != nil {
				c.Version--
			}
			return err
		}
		steps := []struct {
			c     int
			start time.Duration
			place int
			taken bool
		}{
			{0, 0, 0, false},
			{1, 105 * time.Minute, 0, true}, // the last quarter
			{1, 105 * time.Minute, 1, false},
			{2, 120 * time.Minute, 0, false}, // right after
			{0, 30 * time.Minute, 0, true},   // would overlap the third
			{0, -30 * time.Minute, 0, false}, // its own old cells are free for it
			{3, 90 * time.Minute, 0, true},
			{3, 90 * time.Minute, 2, false},
		}
		for i, s := range steps {
			err := book(t.Context(), cases[s.c], s.start, s.place)
			if errors.Is(err, outreach.ErrPlaceTaken) != s.taken || !s.taken && err != nil {
				t.Fatalf("step %d: %v, want taken %v", i, err, s.taken)
			}
		}
		list, err := db.Bookings(t.Context(), "acme", careDay.Add(100*time.Minute))
		if err != nil || len(list) != 3 {
			t.Fatalf("bookings %+v, %v: three end after", list, err)
		}
	})
}
