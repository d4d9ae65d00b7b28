package account_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
	"github.com/forecare/forecare/web/account"
)

type fixture struct {
	*account.Accounts
	now  time.Time
	sent []string
}

func open(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}
	base, _ := url.Parse("https://care.example.com/app")
	f.Accounts = account.New(account.Options{
		Store:     sqlstoretest.Open(t).Accounts(),
		PublicURL: base,
		Now:       func() time.Time { return f.now },
		Send: func(_ context.Context, to account.User, link string) error {
			f.sent = append(f.sent, to.Email+" "+link)
			return nil
		},
	})
	return f
}

func (f *fixture) link(t *testing.T, email string, role account.Role) string {
	t.Helper()
	link, err := f.NewLink(t.Context(), "acme", email, role)
	if err != nil {
		t.Fatal(err)
	}
	secret, found := strings.CutPrefix(link, "https://care.example.com/app/signin/")
	if !found || len(secret) != 43 {
		t.Fatalf("the link is %q", link)
	}
	return secret
}

func wantCode(t *testing.T, err error, want devices.Code) {
	t.Helper()
	if got := devices.CodeOf(err); got != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}

func TestLinkSignsInOnce(t *testing.T) {
	f := open(t)
	link := f.link(t, " Ada@Example.com ", account.Agent)
	for range 5 { // a mail scanner looks
		u, err := f.Peek(t.Context(), link)
		if err != nil || u.Email != "ada@example.com" {
			t.Fatalf("got %v, %v", u, err)
		}
	}
	session, err := f.SignIn(t.Context(), link)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Resume(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(account.Identity{Tenant: "acme", Email: "ada@example.com", Role: account.Agent}, got); diff != "" {
		t.Error(diff)
	}
	_, err = f.SignIn(t.Context(), link)
	wantCode(t, err, devices.Unauthorized)
	_, err = f.Peek(t.Context(), link)
	wantCode(t, err, devices.Unauthorized)

	if err := f.SignOut(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	_, err = f.Resume(t.Context(), session)
	wantCode(t, err, devices.Unauthorized)
}

func TestLinkExpires(t *testing.T) {
	f := open(t)
	link := f.link(t, "ada@example.com", account.Agent)
	f.now = f.now.Add(account.LinkLife)
	_, err := f.SignIn(t.Context(), link)
	wantCode(t, err, devices.Unauthorized)
}

func TestSessionEnds(t *testing.T) {
	tests := map[string]struct {
		step  time.Duration // between two requests
		total time.Duration // after which it must be over
		alive time.Duration // and before which it must live
	}{
		"idle":   {step: account.IdleLife + time.Minute, total: account.IdleLife + time.Minute},
		"in use": {step: 6 * time.Hour, alive: account.SessionLife, total: account.SessionLife + 6*time.Hour},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := open(t)
			session, err := f.SignIn(t.Context(), f.link(t, "ada@example.com", account.Agent))
			if err != nil {
				t.Fatal(err)
			}
			var spent time.Duration
			for spent < test.total {
				f.now, spent = f.now.Add(test.step), spent+test.step
				_, err = f.Resume(t.Context(), session)
				if spent <= test.alive && err != nil {
					t.Fatalf("ended after %s: %v", spent, err)
				}
			}
			wantCode(t, err, devices.Unauthorized)
		})
	}
}

func TestChangesOfAUserHoldAtOnce(t *testing.T) {
	f := open(t)
	session, err := f.SignIn(t.Context(), f.link(t, "ada@example.com", account.Admin))
	if err != nil {
		t.Fatal(err)
	}
	f.link(t, "ada@example.com", account.Planner)
	if id, err := f.Resume(t.Context(), session); err != nil || id.Role != account.Planner {
		t.Errorf("still %v, %v", id, err)
	}
	if err := f.Disable(t.Context(), "acme", "ada@example.com"); err != nil {
		t.Fatal(err)
	}
	_, err = f.Resume(t.Context(), session)
	wantCode(t, err, devices.Unauthorized)
}

func TestTokens(t *testing.T) {
	f := open(t)
	secret, token, err := f.NewToken(t.Context(), "acme", "  technician ", account.Planner, "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	want := account.Identity{Tenant: "acme", Token: token.ID, Name: "technician", Role: account.Planner}
	got, err := f.Bearer(t.Context(), secret)
	if err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v %s", err, cmp.Diff(want, got))
	}
	if got.Actor() != "token:technician" {
		t.Errorf("actor is %q", got.Actor())
	}
	session, err := f.SignInWithToken(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.Resume(t.Context(), session); err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v %s", err, cmp.Diff(want, got))
	}
	wantCode(t, f.Revoke(t.Context(), "other", token.ID), devices.NotFound)
	if err := f.Revoke(t.Context(), "acme", token.ID); err != nil {
		t.Fatal(err)
	}
	_, err = f.Bearer(t.Context(), secret)
	wantCode(t, err, devices.Unauthorized)
	_, err = f.Resume(t.Context(), session)
	wantCode(t, err, devices.Unauthorized)
	_, err = f.Bearer(t.Context(), "")
	wantCode(t, err, devices.Unauthorized)
}

func TestRequestGivesNobodyAway(t *testing.T) {
	f := open(t)
	f.link(t, "ada@example.com", account.Agent)
	f.link(t, "off@example.com", account.Agent)
	if err := f.Disable(t.Context(), "acme", "off@example.com"); err != nil {
		t.Fatal(err)
	}
	for _, email := range []string{"ada@example.com", "nobody@example.com", "off@example.com"} {
		if err := f.Request(t.Context(), email); err != nil {
			t.Errorf("%s: %v", email, err)
		}
	}
	if len(f.sent) != 1 || !strings.HasPrefix(f.sent[0], "ada@example.com https://care.example.com/app/signin/") {
		t.Errorf("sent %q", f.sent)
	}
}

func TestWrongInputIsExplained(t *testing.T) {
	f := open(t)
	for _, in := range []struct{ tenant, email, role string }{
		{"acme", "no address", "agent"},
		{"acme", "Ada <ada@example.com>", "agent"},
		{"acme", "", "agent"},
		{"a tenant", "ada@example.com", "agent"},
		{"acme", "ada@example.com", "owner"},
	} {
		_, err := f.NewLink(t.Context(), in.tenant, in.email, account.Role(in.role))
		wantCode(t, err, devices.Invalid)
	}
	_, _, err := f.NewToken(t.Context(), "acme", " ", account.Agent, "ada@example.com")
	wantCode(t, err, devices.Invalid)
}

func TestFormTokens(t *testing.T) {
	one, two := account.FormToken("session"), account.FormToken("session")
	if one == two {
		t.Error("two pages carry the same token")
	}
	if !account.CheckForm("session", one) || !account.CheckForm("session", two) {
		t.Error("a good token is refused")
	}
	for _, bad := range []string{"", "x", one[:40], one[1:] + "A"} {
		if account.CheckForm("session", bad) {
			t.Errorf("%q is accepted", bad)
		}
	}
	if account.CheckForm("another", one) || account.CheckForm("", account.FormToken("")) {
		t.Error("a token of another session is accepted")
	}
}

func TestLimiter(t *testing.T) {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	l := account.NewLimiter(3, 10*time.Second, func() time.Time { return now })
	for i := range 3 {
		if ok, _ := l.Allow("a"); !ok {
			t.Fatalf("attempt %d refused", i)
		}
	}
	ok, wait := l.Allow("a")
	if ok || wait != 10*time.Second {
		t.Errorf("got %v, %s", ok, wait)
	}
	if ok, _ := l.Allow("b"); !ok {
		t.Error("b pays for a")
	}
	now = now.Add(10 * time.Second)
	if ok, _ := l.Allow("a"); !ok {
		t.Error("refused after waiting")
	}
}

func TestLimiterIsBounded(t *testing.T) {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	l := account.NewLimiter(1, time.Minute, func() time.Time { return now })
	for i := range 10_000 {
		l.Allow(string(rune('a'+i%26)) + string(rune(0x4e00+i)))
	}
	l.Allow("one more")
	if ok, _ := l.Allow("yet another"); ok {
		t.Error("a flood of keys gets an allowance each")
	}
	now = now.Add(time.Minute)
	if ok, _ := l.Allow("later"); !ok {
		t.Error("rested keys are not forgotten")
	}
}

func TestRolesMay(t *testing.T) {
	for role, want := range map[account.Role]map[account.Permission]bool{
		account.Admin:   {account.ManageAccess: true, account.ChangeFleet: true, account.SeeContacts: true},
		account.Agent:   {account.WorkCases: true, account.SeeContacts: true, account.ChangeFleet: false, account.ManageAccess: false, account.SeeRefused: false},
		account.Planner: {account.DoRemedies: true, account.SeeCases: true, account.WorkCases: false, account.SeeContacts: false, account.ManageAccess: false},
		"nobody":        {account.SeeSelf: false},
	} {
		for p, may := range want {
			if role.May(p) != may {
				t.Errorf("%s may %s: %v", role, p, !may)
			}
		}
	}
}
