package sqlstore_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
)

func at(second int) time.Time {
	return time.Date(2026, 11, 22, 8, 0, second, 0, time.UTC)
}

func contact(tenant, id string) devices.Contact {
	return devices.Contact{
		Tenant: tenant, ID: id, Name: "Ada Lovelace", Locale: "ar-AE", Zone: "Asia/Dubai",
		Addresses: []devices.Address{
			{Channel: "email", Value: "ada@example.com", Preference: 1, Consent: at(10)},
			{Channel: "webhook", Value: "https://example.com/hook", Preference: 2, Withdrawn: at(5)},
		},
	}
}

func mustPut(t *testing.T, db *sqlstore.DB, c devices.Contact) {
	t.Helper()
	if err := db.PutContact(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func mustContact(t *testing.T, db *sqlstore.DB, tenant, id string) devices.Contact {
	t.Helper()
	c, err := db.Contact(t.Context(), tenant, id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestContacts(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		ctx := t.Context()
		ada, bob, foreign := contact("acme", "ada"), contact("acme", "bob"), contact("other", "ada")
		bob.Addresses = nil
		for _, c := range []devices.Contact{bob, ada, foreign} {
			mustPut(t, db, c)
		}
		times := cmpopts.IgnoreFields(devices.Contact{}, "Created", "Updated")
		if diff := cmp.Diff(ada, mustContact(t, db, "acme", "ada"), times); diff != "" {
			t.Error(diff)
		}
		list, err := db.ListContacts(ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]devices.Contact{ada, bob}, list, times); diff != "" {
			t.Error(diff)
		}
		created := mustContact(t, db, "acme", "ada").Created
		ada.Name, ada.Addresses = "Ada King", []devices.Address{{Channel: "email", Value: "king@example.com"}}
		mustPut(t, db, ada)
		got := mustContact(t, db, "acme", "ada")
		if diff := cmp.Diff(ada, got, times); diff != "" {
			t.Error(diff)
		}
		if !got.Created.Equal(created) {
			t.Errorf("created changed from %v to %v", created, got.Created)
		}
		if diff := cmp.Diff(foreign, mustContact(t, db, "other", "ada"), times); diff != "" {
			t.Errorf("another tenant's contact changed: %s", diff)
		}

		_, err = db.Contact(ctx, "acme", "nobody")
		wantCode(t, err, devices.NotFound)
		ada.Zone = "Mars/Olympus"
		wantCode(t, db.PutContact(ctx, ada), devices.Invalid)
	})
}

func TestAddAddress(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		ctx := t.Context()
		mustPut(t, db, contact("acme", "ada"))
		push := devices.Address{Channel: "webpush", Value: `{"endpoint":"https://push.example"}`, Consent: at(20)}
		for range 2 { // the second time changes nothing
			if err := db.AddAddress(ctx, "acme", "ada", push); err != nil {
				t.Fatal(err)
			}
		}
		want := append([]devices.Address{push}, contact("acme", "ada").Addresses...) // by preference
		if diff := cmp.Diff(want, mustContact(t, db, "acme", "ada").Addresses); diff != "" {
			t.Error(diff)
		}
		wantCode(t, db.AddAddress(ctx, "acme", "nobody", push), devices.NotFound)
		wantCode(t, db.AddAddress(ctx, "acme", "ada", devices.Address{Channel: "email", Value: "not an address"}), devices.Invalid)
	})
}

func TestSetConsent(t *testing.T) {
	type step struct {
		channel string
		granted bool
		at      time.Time
	}
	tests := []struct {
		name  string
		steps []step
		want  string // the channels that are allowed
	}{
		{"nothing said", nil, "email "},
		{"no to all", []step{{"", false, at(11)}}, ""},
		{"yes to all", []step{{"", true, at(11)}}, "email webhook "},
		{"no to one", []step{{"email", false, at(11)}}, ""},
		{"yes to one", []step{{"webhook", true, at(11)}}, "email webhook "},
		{"no and yes again", []step{{"email", false, at(11)}, {"email", true, at(12)}}, "email "},
		{"an older no comes late", []step{{"email", false, at(9)}}, "email "},
		{"an older yes comes late", []step{{"email", false, at(12)}, {"email", true, at(11)}}, ""},
		{"no at the moment of the yes", []step{{"email", false, at(10)}}, ""},
		{"no, yes at one moment", []step{{"email", false, at(11)}, {"email", true, at(11)}}, ""},
		{"no at the moment of the yes, yes a moment later", []step{{"email", false, at(10)}, {"email", true, at(10).Add(time.Millisecond)}}, "email "},
		{"no to a channel without address", []step{{"webpush", false, at(11)}}, "email "},
	}
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				c := contact("acme", string(rune('a'+i)))
				mustPut(t, db, c)
				for _, s := range tt.steps {
					if err := db.SetConsent(t.Context(), "acme", c.ID, s.channel, s.granted, s.at); err != nil {
						t.Fatal(err)
					}
				}
				if got := allowed(mustContact(t, db, "acme", c.ID)); got != tt.want {
					t.Errorf("allowed are %q, want %q", got, tt.want)
				}
			})
		}
		wantCode(t, db.SetConsent(t.Context(), "acme", "nobody", "", true, at(1)), devices.NotFound)
		wantCode(t, db.SetConsent(t.Context(), "acme", "a", "webpush", true, at(1)), devices.NotFound)
		wantCode(t, db.SetConsent(t.Context(), "other", "a", "", false, at(1)), devices.NotFound)
	})
}

func allowed(c devices.Contact) (channels string) {
	for _, a := range c.Addresses {
		if a.Allowed() {
			channels += a.Channel + " "
		}
	}
	return channels
}

// A list that the maker imports again must not take back what the person has
// decided since.
func TestImportDoesNotUndoADecision(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		c := contact("acme", "ada")
		mustPut(t, db, c)
		if err := db.SetConsent(t.Context(), "acme", "ada", "email", false, at(30)); err != nil {
			t.Fatal(err)
		}
		mustPut(t, db, c)
		if got := allowed(mustContact(t, db, "acme", "ada")); got != "" {
			t.Errorf("after the same list again, allowed are %q", got)
		}
		c.Addresses[0].Value = "new@example.com"
		mustPut(t, db, c)
		if got := allowed(mustContact(t, db, "acme", "ada")); got != "" {
			t.Errorf("after a list with a new address, allowed are %q", got)
		}
		c.Addresses[0].Consent = at(31)
		mustPut(t, db, c)
		if got := allowed(mustContact(t, db, "acme", "ada")); got != "email " {
			t.Errorf("after a newer consent, allowed are %q, want email", got)
		}
	})
}

// Whatever the order in which decisions arrive, the latest holds, and no wins
// over yes at the same instant.
func TestTheLatestDecisionHolds(t *testing.T) {
	db := sqlstoretest.Open(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		c := contact("acme", "c"+string(rune('0'+n%10)))
		c.ID += time.Duration(n).String()
		c.Addresses = []devices.Address{{Channel: "email", Value: "ada@example.com"}}
		if err := db.PutContact(t.Context(), c); err != nil {
			rt.Fatal(err)
		}
		last, want := -1, false
		for range rapid.IntRange(0, 6).Draw(rt, "decisions") {
			moment, granted := 2*rapid.IntRange(0, 4).Draw(rt, "moment"), rapid.Bool().Draw(rt, "granted")
			if err := db.SetConsent(t.Context(), "acme", c.ID, "email", granted, time.UnixMilli(int64(1000+moment))); err != nil {
				rt.Fatal(err)
			}
			switch {
			case moment > last:
				last, want = moment, granted
			case moment == last:
				want = want && granted
			}
		}
		got, err := db.Contact(t.Context(), "acme", c.ID)
		if err != nil {
			rt.Fatal(err)
		}
		if got.Addresses[0].Allowed() != want {
			rt.Errorf("allowed is %v, want %v: %+v", !want, want, got.Addresses[0])
		}
	})
}
