package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/forecare/forecare/web/account"
)

// TestNothingOfAnotherTenantIsVisible asks every list and every thing, as an
// admin of acme for what is the other tenant's, and as one of the other tenant
// for what is acme's.
func TestNothingOfAnotherTenantIsVisible(t *testing.T) {
	w := newWorld(t, 40)
	ofCase := w.care.cases[0].ID
	tests := []struct {
		path    string
		missing bool // a single thing: it must not be there at all
	}{
		{"/fleet", false},
		{"/fleet?q=secret", false},
		{"/devices/%DEVICE", true},
		{"/cases", false},
		{"/cases?show=all&q=secret", false},
		{"/cases/%CASE", true},
		{"/refused", false},
		{"/refused?before=100", false},
		{"/access", false},
		{"/fleet/new", false},
		{"/api/v1/fleet", false},
		{"/api/v1/devices?limit=500", false},
		{"/api/v1/devices?q=secret", false},
		{"/api/v1/devices/%DEVICE", true},
		{"/api/v1/devices/%DEVICE/series?metric=x", true},
		{"/api/v1/models", false},
		{"/api/v1/models/%MODEL", true},
		{"/api/v1/contacts", false},
		{"/api/v1/contacts/%CONTACT", true},
		{"/api/v1/cases?limit=500", false},
		{"/api/v1/cases?device=%DEVICE", false},
		{"/api/v1/cases/%CASE", true},
		{"/api/v1/cases/%CASE/timeline", true},
		{"/api/v1/cases/%CASE/messages", true},
		{"/api/v1/findings", false},
		{"/api/v1/findings?device=%DEVICE", false},
		{"/api/v1/dead-letters", false},
		{"/api/v1/tokens", false},
	}
	sides := []struct {
		tenant string
		fill   *strings.Replacer
		marks  []string // words that only the other tenant's things have
	}{
		{
			"acme", strings.NewReplacer("%DEVICE", "secret-device", "%CASE", "secret-case", "%MODEL", "secret-model", "%CONTACT", "hidden"),
			[]string{"secret-device", "secret-case", "secret-model", "Hidden Person", "hidden reason", "hidden note", "hidden message", "hidden payload", "other.example.com"},
		},
		{
			"other", strings.NewReplacer("%DEVICE", drifter, "%CASE", ofCase, "%MODEL", "barista-2", "%CONTACT", "owner-0"),
			[]string{"esp-0003", "Barista 2", "Amira Haddad", "temprature", "acme.example.com", "brewing temperature"},
		},
	}
	for _, side := range sides {
		w.as(t, side.tenant, account.Agent) // so that there is a user to be seen
	}
	for _, side := range sides {
		c, token := w.as(t, side.tenant, account.Admin), w.token(t, side.tenant, account.Admin)
		for _, test := range tests {
			path := side.fill.Replace(test.path)
			t.Run(side.tenant+" "+path, func(t *testing.T) {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.http.URL+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(path, "/api/") {
					req.Header.Set("Authorization", "Bearer "+token)
				}
				got := w.do(t, c, req)
				if test.missing != (got.status == http.StatusNotFound) || (!test.missing && got.status != http.StatusOK) {
					t.Errorf("status %d: %s", got.status, got.body)
				}
				for _, mark := range side.marks {
					// What was asked for may be repeated.
					if strings.Contains(got.body, mark) && !strings.Contains(path, mark) {
						t.Errorf("it says %q", mark)
					}
				}
			})
		}
	}
}

func TestNothingOfAnotherTenantCanBeChanged(t *testing.T) {
	w := newWorld(t, 12)
	token := w.token(t, "acme", account.Admin)
	for _, test := range []struct{ method, path, body string }{
		{"POST", "/devices/secret-device/disable", ""},
		{"POST", "/devices/secret-device/enable", ""},
		{"POST", "/devices/secret-device/rotate", "{}"},
		{"POST", "/cases/secret-case/note", `{"text":"x"}`},
		{"POST", "/cases/secret-case/dismiss", `{"reason":"x"}`},
		{"POST", "/cases/secret-case/start", ""},
		{"POST", "/cases/secret-case/finish", `{"note":"x"}`},
	} {
		if got := w.api(t, token, test.method, test.path, test.body); got.status != http.StatusNotFound {
			t.Errorf("%s %s: %d %s", test.method, test.path, got.status, got.body)
		}
	}
	if len(w.care.acts)+len(w.fleet.rotated) > 0 {
		t.Errorf("something was done: %v %v", w.care.acts, w.fleet.rotated)
	}
	other, _, err := w.accounts.NewToken(t.Context(), "other", "theirs", account.Agent, "x")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := w.accounts.Tokens(t.Context(), "other")
	if err != nil || len(tokens) != 1 {
		t.Fatal(tokens, err)
	}
	if got := w.api(t, token, "DELETE", "/tokens/"+tokens[0].ID, ""); got.status != http.StatusNotFound {
		t.Errorf("revoking another tenant's token: %d", got.status)
	}
	if _, err := w.accounts.Bearer(t.Context(), other); err != nil {
		t.Errorf("it was revoked: %v", err)
	}
	model := `{"tenant":"other","id":"m","name":"M","interval":"1m","metrics":[{"name":"x","unit":"m"}]}`
	if got := w.api(t, token, "PUT", "/models/m", model); got.status != http.StatusForbidden {
		t.Errorf("importing a model for another tenant: %d %s", got.status, got.body)
	}
}
