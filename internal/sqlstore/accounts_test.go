package sqlstore_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
	"github.com/forecare/forecare/web/account"
)

var morning = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func putUser(t *testing.T, a *sqlstore.Accounts, tenant, email string, role account.Role) {
	t.Helper()
	if err := a.PutUser(t.Context(), account.User{Tenant: tenant, Email: email, Role: role, Created: morning}); err != nil {
		t.Fatal(err)
	}
}

func TestUserBelongsToOneTenant(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		a := db.Accounts()
		putUser(t, a, "acme", "ada@example.com", account.Agent)
		putUser(t, a, "acme", "ada@example.com", account.Planner)

		err := a.PutUser(t.Context(), account.User{Tenant: "other", Email: "ada@example.com", Role: account.Admin, Created: morning})
		if devices.CodeOf(err) != devices.Conflict {
			t.Errorf("another tenant took the address: %v", err)
		}
		got, err := a.User(t.Context(), "ada@example.com")
		if err != nil {
			t.Fatal(err)
		}
		want := account.User{Tenant: "acme", Email: "ada@example.com", Role: account.Planner, Created: morning}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if users, err := a.ListUsers(t.Context(), "other"); err != nil || len(users) != 0 {
			t.Errorf("the other tenant sees %v, %v", users, err)
		}
		if err := a.DisableUser(t.Context(), "other", "ada@example.com"); devices.CodeOf(err) != devices.NotFound {
			t.Errorf("the other tenant could disable her: %v", err)
		}
	})
}

func TestLinkWorksOnceAndInTime(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		a, ctx := db.Accounts(), t.Context()
		putUser(t, a, "acme", "ada@example.com", account.Admin)
		for _, hash := range []string{"good", "late"} {
			if err := a.AddLink(ctx, hash, "ada@example.com", morning.Add(15*time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			if u, err := a.LinkUser(ctx, "good", morning); err != nil || u.Email != "ada@example.com" {
				t.Fatalf("looking at a link: %v, %v", u, err)
			}
		}
		if _, err := a.UseLink(ctx, "late", morning.Add(15*time.Minute), "s0"); devices.CodeOf(err) != devices.NotFound {
			t.Errorf("an expired link: %v", err)
		}
		if _, err := a.UseLink(ctx, "good", morning.Add(time.Minute), "s1"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.UseLink(ctx, "good", morning.Add(time.Minute), "s2"); devices.CodeOf(err) != devices.NotFound {
			t.Errorf("a second use: %v", err)
		}
		s, id, err := a.Session(ctx, "s1")
		if err != nil {
			t.Fatal(err)
		}
		at := morning.Add(time.Minute)
		if diff := cmp.Diff(account.Session{Hash: "s1", Email: "ada@example.com", Created: at, Seen: at}, s); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(account.Identity{Tenant: "acme", Email: "ada@example.com", Role: account.Admin}, id); diff != "" {
			t.Error(diff)
		}
		if _, _, err := a.Session(ctx, "s2"); devices.CodeOf(err) != devices.NotFound {
			t.Errorf("the refused use left a session: %v", err)
		}
	})
}

func TestOneOfManyUsesALinkAtOnce(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		a := db.Accounts()
		putUser(t, a, "acme", "ada@example.com", account.Admin)
		if err := a.AddLink(t.Context(), "link", "ada@example.com", morning.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		results := make(chan error, 8)
		for i := range 8 {
			wg.Go(func() {
				_, err := a.UseLink(context.WithoutCancel(t.Context()), "link", morning, string(rune('a'+i)))
				results <- err
			})
		}
		wg.Wait()
		close(results)
		signedIn := 0
		for err := range results {
			if err == nil {
				signedIn++
			} else if devices.CodeOf(err) != devices.NotFound {
				t.Errorf("unexpected refusal: %v", err)
			}
		}
		if signedIn != 1 {
			t.Errorf("%d of 8 signed in with one link", signedIn)
		}
	})
}

func TestDisablingEndsSessionsAndLinks(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		a, ctx := db.Accounts(), t.Context()
		putUser(t, a, "acme", "ada@example.com", account.Agent)
		for _, hash := range []string{"used", "open"} {
			if err := a.AddLink(ctx, hash, "ada@example.com", morning.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := a.UseLink(ctx, "used", morning, "session"); err != nil {
			t.Fatal(err)
		}
		if err := a.DisableUser(ctx, "acme", "ada@example.com"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := a.Session(ctx, "session"); devices.CodeOf(err) != devices.NotFound {
			t.Errorf("the session survived: %v", err)
		}
		if _, err := a.UseLink(ctx, "open", morning, "again"); devices.CodeOf(err) != devices.NotFound {
			t.Errorf("the link survived: %v", err)
		}
		putUser(t, a, "acme", "ada@example.com", account.Agent)
		if u, err := a.User(ctx, "ada@example.com"); err != nil || u.Disabled {
			t.Errorf("inviting again did not let her in: %v, %v", u, err)
		}
	})
}

func TestTokenLifeOfAnAPI(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		a, ctx := db.Accounts(), t.Context()
		token := account.Token{ID: "tok_1", Tenant: "acme", Name: "technician", Role: account.Planner, Created: morning, Creator: "ada@example.com"}
		if err := a.AddToken(ctx, token, "hash"); err != nil {
			t.Fatal(err)
		}
		if err := a.AddSession(ctx, account.Session{Hash: "s", Token: "tok_1", Created: morning, Seen: morning}); err != nil {
			t.Fatal(err)
		}
		if err := a.TouchToken(ctx, "tok_1", morning.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		token.LastUsed = morning.Add(time.Hour)
		if got, err := a.TokenByHash(ctx, "hash"); err != nil || !cmp.Equal(got, token) {
			t.Errorf("got %v, %v", cmp.Diff(token, got), err)
		}
		if err := a.RevokeToken(ctx, "other", "tok_1", morning); devices.CodeOf(err) != devices.NotFound {
			t.Errorf("another tenant revoked it: %v", err)
		}
		if err := a.RevokeToken(ctx, "acme", "tok_1", morning.Add(2*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, err := a.TokenByHash(ctx, "hash"); devices.CodeOf(err) != devices.NotFound {
			t.Errorf("a revoked token is found: %v", err)
		}
		if _, _, err := a.Session(ctx, "s"); devices.CodeOf(err) != devices.NotFound {
			t.Errorf("its session survived: %v", err)
		}
		tokens, err := a.ListTokens(ctx, "acme")
		if err != nil || len(tokens) != 1 || !tokens[0].Revoked.Equal(morning.Add(2*time.Hour)) {
			t.Errorf("the list has %v, %v", tokens, err)
		}
		if tokens, err := a.ListTokens(ctx, "other"); err != nil || len(tokens) != 0 {
			t.Errorf("the other tenant sees %v, %v", tokens, err)
		}
	})
}

func TestSweepForgetsWhatCannotBeUsed(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		a, ctx := db.Accounts(), t.Context()
		putUser(t, a, "acme", "ada@example.com", account.Agent)
		for hash, seen := range map[string]time.Time{"old": morning, "new": morning.Add(20 * time.Hour)} {
			if err := a.AddSession(ctx, account.Session{Hash: hash, Email: "ada@example.com", Created: morning, Seen: seen}); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Sweep(ctx, morning, morning.Add(12*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := a.Session(ctx, "old"); devices.CodeOf(err) != devices.NotFound {
			t.Errorf("the idle session is there: %v", err)
		}
		if _, _, err := a.Session(ctx, "new"); err != nil {
			t.Errorf("the live session is gone: %v", err)
		}
	})
}
