package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/forecare/forecare/web"
	"github.com/forecare/forecare/web/account"
)

// needs is the whole authorisation table, written out once more by hand: who
// may use which route. A route that is missing here fails the test.
var needs = map[string]string{
	"GET /healthz": "open", "GET /readyz": "open", "GET /metrics": "open", "GET /static/*": "open",
	"GET /signin": "open", "POST /signin": "open", "POST /signin/request": "open", "GET /signin/{link}": "open", "POST /signin/{link}": "open",
	"GET /api/v1/docs": "open", "GET /api/v1/openapi.json": "open", "GET /api/v1/openapi.yaml": "open",
	"GET /api/v1/openapi-3.0.json": "open", "GET /api/v1/openapi-3.0.yaml": "open",

	"POST /signout": "all", "GET /": "all", "GET /events": "all", "GET /api/v1/events": "all", "GET /api/v1/me": "all",
	"GET /fleet": "all", "GET /devices/{device}": "all", "GET /cases": "all", "GET /cases/{case}": "all",
	"POST /cases/{case}/start": "all", "POST /cases/{case}/finish": "all",
	"GET /api/v1/fleet": "all", "GET /api/v1/devices": "all", "GET /api/v1/devices/{device}": "all", "GET /api/v1/devices/{device}/series": "all",
	"GET /api/v1/models": "all", "GET /api/v1/models/{model}": "all", "GET /api/v1/findings": "all",
	"GET /api/v1/cases": "all", "GET /api/v1/cases/{case}": "all", "GET /api/v1/cases/{case}/timeline": "all", "GET /api/v1/cases/{case}/messages": "all",
	"POST /api/v1/cases/{case}/start": "all", "POST /api/v1/cases/{case}/finish": "all",

	"POST /cases/{case}/note": "admin agent", "POST /cases/{case}/dismiss": "admin agent", "GET /status": "admin agent",
	"POST /api/v1/cases/{case}/note": "admin agent", "POST /api/v1/cases/{case}/dismiss": "admin agent",
	"GET /api/v1/contacts": "admin agent", "GET /api/v1/contacts/{contact}": "admin agent",

	"POST /fleet": "admin", "GET /fleet/new": "admin", "POST /devices/{device}/disable": "admin", "POST /devices/{device}/enable": "admin", "POST /devices/{device}/rotate": "admin",
	"GET /refused": "admin", "GET /access": "admin", "POST /access/users": "admin", "POST /access/users/disable": "admin", "POST /access/tokens": "admin", "POST /access/tokens/revoke": "admin",
	"POST /api/v1/devices": "admin", "POST /api/v1/devices/{device}/disable": "admin", "POST /api/v1/devices/{device}/enable": "admin", "POST /api/v1/devices/{device}/rotate": "admin",
	"PUT /api/v1/models/{model}": "admin", "GET /api/v1/dead-letters": "admin",
	"GET /api/v1/tokens": "admin", "POST /api/v1/tokens": "admin", "DELETE /api/v1/tokens/{token}": "admin",
}

// ownersRoute says whether a route is one of the device owners' pages, which
// have no account and tests of their own.
func ownersRoute(pattern string) bool {
	return strings.HasPrefix(pattern, "/o/") || strings.HasPrefix(pattern, "/u/")
}

func TestEveryRouteHasARule(t *testing.T) {
	w := newWorld(t, 3)
	ruled := map[string]web.Rule{}
	for _, r := range w.server.Rules() {
		ruled[r.Method+" "+r.Pattern] = r
	}
	err := chi.Walk(w.server.Handler().(chi.Routes), func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if _, ok := ruled[method+" "+pattern]; !ok {
			t.Errorf("%s %s is served without a rule", method, pattern)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, rule := range ruled {
		if ownersRoute(rule.Pattern) {
			continue
		}
		want, listed := needs[name]
		if !listed {
			t.Errorf("%s is not in the table of this test", name)
			continue
		}
		for _, role := range account.Roles() {
			may := rule.Need == "" || role.May(rule.Need)
			if wanted := want == "open" || want == "all" || slices.Contains(strings.Fields(want), string(role)); may != wanted {
				t.Errorf("%s: %s may %v, want %v", name, role, may, wanted)
			}
		}
		if (rule.Need == "") != (want == "open") {
			t.Errorf("%s: open to strangers: %v", name, rule.Need == "")
		}
	}
	for name := range needs {
		if _, ok := ruled[name]; !ok {
			t.Errorf("%s is in the table of this test but not served", name)
		}
	}
}

// TestRulesAreObeyed sends a request to every route as nobody and as each
// role: whoever may not is told 401 or 403 and nothing else, whoever may is
// not. What the request asks for need not exist.
func TestRulesAreObeyed(t *testing.T) {
	w := newWorld(t, 3)
	browsers := map[account.Role]*http.Client{}
	tokens := map[account.Role]string{}
	forms := map[account.Role]string{}
	for _, role := range account.Roles() {
		browsers[role] = w.as(t, "acme", role)
		tokens[role] = w.token(t, "acme", role)
		forms[role] = formToken(w.get(t, browsers[role], "/cases").body)
	}
	fill := strings.NewReplacer("{device}", "none", "{case}", "none", "{model}", "none", "{contact}", "none", "{token}", "none", "{link}", "none", "*", "none")
	for _, rule := range w.server.Rules() {
		name := rule.Method + " " + rule.Pattern
		if rule.Need == "" || strings.HasSuffix(rule.Pattern, "/events") || rule.Pattern == "/signout" {
			continue // tested by itself
		}
		path := fill.Replace(rule.Pattern)
		request := func(role account.Role, api bool) *http.Request {
			form := url.Values{"form_token": {forms[role]}}
			r, err := http.NewRequestWithContext(t.Context(), rule.Method, w.http.URL+path, strings.NewReader(form.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if api {
				r.Header.Set("Content-Type", "application/json")
				if role != "" {
					r.Header.Set("Authorization", "Bearer "+tokens[role])
				}
			}
			return r
		}
		api := strings.HasPrefix(path, "/api/")
		got := w.do(t, nil, request("", api))
		if page := !api && rule.Method == http.MethodGet; page {
			if got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "/signin") {
				t.Errorf("%s as nobody: %d to %q, want a way to sign in", name, got.status, got.header.Get("Location"))
			}
		} else if got.status != http.StatusUnauthorized {
			t.Errorf("%s as nobody: %d, want 401", name, got.status)
		}
		for _, role := range account.Roles() {
			got := w.do(t, browsers[role], request(role, api))
			refused := got.status == http.StatusForbidden || got.status == http.StatusUnauthorized
			if refused == role.May(rule.Need) {
				t.Errorf("%s as %s: %d, may %v: %s", name, role, got.status, role.May(rule.Need), got.body)
			}
			if got.status >= 500 {
				t.Errorf("%s as %s: %d: %s", name, role, got.status, got.body)
			}
		}
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	w := newWorld(t, 6)
	c := w.as(t, "acme", account.Agent)
	id := w.care.cases[0].ID
	good := formToken(w.get(t, c, "/cases").body)
	other := formToken(w.get(t, w.as(t, "acme", account.Admin), "/cases").body)
	tests := map[string]struct {
		token  string
		header http.Header
		want   int
	}{
		"a page of ours":                       {good, http.Header{"Sec-Fetch-Site": {"same-origin"}}, http.StatusSeeOther},
		"an old browser":                       {good, nil, http.StatusSeeOther},
		"behind a proxy with another host":     {good, http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {"http://care.example.com"}}, http.StatusSeeOther},
		"no token":                             {"", http.Header{"Sec-Fetch-Site": {"same-origin"}}, http.StatusForbidden},
		"token of another session":             {other, nil, http.StatusForbidden},
		"another site, even with our token":    {good, http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden},
		"another origin, even with our token":  {good, http.Header{"Origin": {"https://evil.example"}}, http.StatusForbidden},
		"a sibling host, even with our token":  {good, http.Header{"Sec-Fetch-Site": {"same-site"}}, http.StatusForbidden},
		"nobody's origin, even with our token": {good, http.Header{"Origin": {"null"}}, http.StatusForbidden},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := len(w.care.acts)
			form := url.Values{"form_token": {test.token}, "text": {"a note"}}
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, w.http.URL+"/cases/"+id+"/note", strings.NewReader(form.Encode()))
			r.Header = test.header.Clone()
			if r.Header == nil {
				r.Header = http.Header{}
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if got := w.do(t, c, r); got.status != test.want {
				t.Errorf("status %d, want %d: %s", got.status, test.want, got.body)
			}
			if noted := len(w.care.acts) > before; noted != (test.want == http.StatusSeeOther) {
				t.Errorf("the note was written: %v", noted)
			}
		})
	}
}

func TestSessionCookieAloneDoesNotWriteToTheAPI(t *testing.T) {
	w := newWorld(t, 6)
	c := w.as(t, "acme", account.Agent)
	send := func(token string) answer {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, w.http.URL+"/api/v1/cases/"+w.care.cases[0].ID+"/note", strings.NewReader(`{"text":"x"}`))
		r.Header.Set("Content-Type", "application/json")
		if token != "" {
			r.Header.Set("X-Form-Token", token)
		}
		return w.do(t, c, r)
	}
	if got := send(""); got.status != http.StatusForbidden {
		t.Errorf("without a token: %d", got.status)
	}
	if got := send(formToken(w.get(t, c, "/cases").body)); got.status != http.StatusOK {
		t.Errorf("with one: %d %s", got.status, got.body)
	}
}
