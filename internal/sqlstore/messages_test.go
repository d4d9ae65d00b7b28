package sqlstore_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
	"github.com/forecare/forecare/outreach"
)

func careMessage(c *outreach.Case, id string, due time.Duration) outreach.Message {
	return outreach.Message{
		ID: id, Tenant: "acme", Case: c.ID, Purpose: outreach.Offer, Step: 1, Recipient: "olga", Channel: "email", Address: "o@example.org", Lang: "en",
		Content: outreach.Content{Subject: "s", Text: "t"}, State: outreach.Pending, Created: careDay, Due: careDay.Add(due),
		Decision: outreach.Decision{Verdict: outreach.Allow, Rule: outreach.RuleNone, Policy: "p", At: careDay},
	}
}

func lease(owner string, now time.Duration, limit int) outreach.Lease {
	return outreach.Lease{Owner: owner, Channels: []string{"email", "webhook"}, Now: careDay.Add(now), Until: careDay.Add(now + time.Minute), Limit: limit}
}

func TestLeases(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		for i := range 4 {
			openCase(t, db, fmt.Sprintf("d%d", i), func(c *outreach.Case, ch *outreach.Change) {
				m := careMessage(c, fmt.Sprintf("m%d", i), time.Duration(3-i)*time.Second)
				if i == 3 {
					m.Channel = "pigeon"
				}
				ch.Messages = []outreach.Message{m}
			})
		}
		take := func(l outreach.Lease) []string {
			t.Helper()
			list, err := db.LeaseMessages(t.Context(), l)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, m := range list {
				if m.State != outreach.Sending || m.Leased != l.Owner {
					t.Fatalf("message %+v", m)
				}
				ids = append(ids, m.ID)
			}
			slices.Sort(ids)
			return ids
		}
		// m3 goes by a channel that nobody has; the others are due after 1, 2 and 3 s.
		if got := take(lease("a", 0, 9)); got != nil {
			t.Fatalf("took %v, nothing is due", got)
		}
		if got := take(lease("a", 2*time.Second, 1)); !slices.Equal(got, []string{"m2"}) {
			t.Fatalf("took %v, the oldest due is m2", got)
		}
		if got := take(lease("b", 3*time.Second, 9)); !slices.Equal(got, []string{"m0", "m1"}) {
			t.Fatalf("took %v", got)
		}
		if got := take(lease("a", 9*time.Second, 9)); got != nil {
			t.Fatalf("took %v again", got)
		}
		if got := take(outreach.Lease{Owner: "a", Now: careDay.Add(time.Hour), Limit: 9}); got != nil {
			t.Fatalf("took %v without a channel", got)
		}
		depth, err := db.OutboxDepth(t.Context())
		if want := map[string]int{"email": 3, "pigeon": 1}; err != nil || !cmp.Equal(depth, want) {
			t.Fatalf("depth %v, %v", depth, err)
		}
		if late, err := db.ExpiredLeases(t.Context(), careDay.Add(62*time.Second), 9); err != nil || len(late) != 0 {
			t.Fatalf("expired %v, %v", late, err)
		}
		late, err := db.ExpiredLeases(t.Context(), careDay.Add(62*time.Second+time.Millisecond), 9)
		if err != nil || len(late) != 1 || late[0].ID != "m2" || late[0].Leased != "a" {
			t.Fatalf("expired %v, %v", late, err)
		}
	})
}

func TestSettling(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		c := openCase(t, db, "d1", func(c *outreach.Case, ch *outreach.Change) {
			ch.Messages = []outreach.Message{careMessage(c, "m1", 0)}
		})
		list, err := db.LeaseMessages(t.Context(), lease("a", 0, 1))
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		settle := func(edit func(*outreach.Settlement)) bool {
			t.Helper()
			s := outreach.Settlement{Message: list[0], At: careDay, Event: &outreach.Event{Case: c.ID, At: careDay, Kind: outreach.EventMessage, Actor: "forecare", Data: []byte(`{}`)}}
			edit(&s)
			done, err := db.SettleMessages(t.Context(), []outreach.Settlement{s})
			if err != nil {
				t.Fatal(err)
			}
			return len(done) == 1
		}
		if settle(func(s *outreach.Settlement) { s.Message.Leased, s.Message.State = "b", outreach.Sent }) {
			t.Fatal("a stranger settled it")
		}
		// The lease runs out and somebody calls it unknown; then the slow sender
		// comes back and knows better; after that nobody can change it.
		if !settle(func(s *outreach.Settlement) { s.Expired, s.Message.State, s.Attention = true, outreach.Unknown, "look" }) {
			t.Fatal("the expired lease could not be settled")
		}
		if settle(func(s *outreach.Settlement) { s.Expired, s.Message.State = true, outreach.Unknown }) {
			t.Fatal("settled as expired twice")
		}
		next := careMessage(c, "m2", time.Hour)
		next.Step, next.Channel = 2, "webhook"
		if !settle(func(s *outreach.Settlement) {
			s.Message.State, s.Message.SentAt, s.Message.Attempts, s.Message.Provider = outreach.Sent, careDay.Add(time.Minute), 1, "p1"
			s.DeadAddress, s.Next = true, &next
		}) {
			t.Fatal("the sender itself could not settle it")
		}
		if settle(func(s *outreach.Settlement) { s.Message.State = outreach.Failed }) {
			t.Fatal("a sent message failed afterwards")
		}
		messages, err := db.CaseMessages(t.Context(), "acme", c.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := list[0]
		want.State, want.SentAt, want.Attempts, want.Provider = outreach.Sent, careDay.Add(time.Minute), 1, "p1"
		if d := cmp.Diff([]outreach.Message{want, next}, messages); d != "" {
			t.Error(d)
		}
		got, err := db.Case(t.Context(), "acme", c.ID)
		if err != nil || got.Version != 3 || got.Attention != "look" {
			t.Errorf("version %d, attention %q, %v", got.Version, got.Attention, err)
		}
		events, err := db.Timeline(t.Context(), "acme", c.ID)
		if err != nil || len(events) != 3 || events[2].Seq != 3 || string(events[2].Data) != "{}" {
			t.Errorf("events %+v, %v", events, err)
		}
		dead, err := db.DeadAddresses(t.Context(), "acme", "olga")
		if err != nil || !slices.Equal(dead, []string{outreach.Fingerprint("email", "O@example.org")}) {
			t.Errorf("dead %v, %v", dead, err)
		}
		if err := db.ReviveAddress(t.Context(), "acme", "olga", "email"); err != nil {
			t.Fatal(err)
		}
		if dead, err := db.DeadAddresses(t.Context(), "acme", "olga"); err != nil || len(dead) != 0 {
			t.Errorf("dead %v, %v", dead, err)
		}
		touches, err := db.Touches(t.Context(), "acme", "olga", careDay)
		if err != nil || len(touches) != 2 || touches[0] != (outreach.Touch{Message: "m1", Purpose: outreach.Offer, At: careDay}) {
			t.Errorf("touches %+v, %v", touches, err)
		}
		if touches, err := db.Touches(t.Context(), "acme", "olga", careDay.Add(time.Millisecond)); err != nil || len(touches) != 0 {
			t.Errorf("touches %+v, %v", touches, err)
		}
	})
}

// There is one message of a case, purpose, step and recipient, under any id.
func TestOneMessageOfAStep(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		c := openCase(t, db, "d1", func(c *outreach.Case, ch *outreach.Change) {
			ch.Messages = []outreach.Message{careMessage(c, "m1", 0), careMessage(c, "m1", 0), careMessage(c, "m9", 0)}
		})
		if list, err := db.CaseMessages(t.Context(), "acme", c.ID); err != nil || len(list) != 1 {
			t.Fatalf("messages %+v, %v", list, err)
		}
	})
}

func TestCommands(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		want := outreach.SentCommand{Case: "c-d1", Sent: careDay, Command: devices.Command{
			ID: "k1", Key: devices.Key{Tenant: "acme", Device: "d1"}, Name: "calibrate", Args: map[string]any{"metric": "temp"}, Issued: careDay, Expires: careDay.Add(time.Hour),
		}}
		c := openCase(t, db, "d1", func(_ *outreach.Case, ch *outreach.Change) { ch.Command = &want })
		got, err := db.Command(t.Context(), "acme", "k1")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if _, err := db.Command(t.Context(), "rival", "k1"); devices.CodeOf(err) != devices.NotFound {
			t.Errorf("%v, want not found", err)
		}
		due := func(now time.Duration) int {
			t.Helper()
			list, err := db.DueCommands(t.Context(), careDay.Add(now), careDay.Add(now-15*time.Second), 9)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		for _, tt := range []struct {
			now  time.Duration
			want int
		}{{14 * time.Second, 0}, {15 * time.Second, 1}, {16 * time.Second, 0}, {30 * time.Second, 1}, {time.Hour, 0}} {
			if got := due(tt.now); got != tt.want {
				t.Errorf("after %s %d are due, want %d", tt.now, got, tt.want)
			}
		}
		if list, err := db.ExpiredCommands(t.Context(), careDay.Add(time.Hour-1), 9); err != nil || len(list) != 0 {
			t.Errorf("expired %v, %v", list, err)
		}
		if list, err := db.ExpiredCommands(t.Context(), careDay.Add(time.Hour), 9); err != nil || len(list) != 1 {
			t.Errorf("expired %v, %v", list, err)
		}
		want.Answered, want.OK = careDay.Add(time.Minute), true
		err = db.ChangeCase(t.Context(), outreach.Ref{Tenant: "acme", Case: c.ID, Command: "k1"}, func(v outreach.View) (*outreach.Change, error) {
			if v.Command == nil || v.Command.ID != "k1" {
				t.Errorf("command %+v", v.Command)
			}
			return &outreach.Change{Command: &want}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if list, err := db.ExpiredCommands(t.Context(), careDay.Add(time.Hour), 9); err != nil || len(list) != 0 {
			t.Errorf("an answered command expired: %v, %v", list, err)
		}
	})
}

func TestDueCases(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		for i, next := range []time.Time{{}, careDay.Add(time.Hour), careDay} {
			openCase(t, db, fmt.Sprintf("d%d", i), func(c *outreach.Case, _ *outreach.Change) { c.Next = next })
		}
		for _, tt := range []struct {
			now   time.Time
			limit int
			want  []outreach.Ref
		}{
			{careDay.Add(-1), 9, nil},
			{careDay, 9, []outreach.Ref{{Tenant: "acme", Case: "c-d2"}}},
			{careDay.Add(time.Hour), 9, []outreach.Ref{{Tenant: "acme", Case: "c-d2"}, {Tenant: "acme", Case: "c-d1"}}},
			{careDay.Add(time.Hour), 1, []outreach.Ref{{Tenant: "acme", Case: "c-d2"}}},
		} {
			if got, err := db.DueCases(t.Context(), tt.now, tt.limit); err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("at %s: %v, %v, want %v", tt.now, got, err, tt.want)
			}
		}
	})
}
