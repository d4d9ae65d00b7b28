package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/web"
	"github.com/forecare/forecare/web/account"
)

func TestDevicesThroughTheAPI(t *testing.T) {
	w := newWorld(t, 60)
	token := w.token(t, "acme", account.Admin)

	var page struct {
		Items []web.Device
		Total int
	}
	w.api(t, token, "GET", "/devices?limit=3", "").json(t, &page)
	if page.Total != 60 || len(page.Items) != 3 || page.Items[0].ID != "hp-0007" || page.Items[0].Condition != "noticeable" || page.Items[1].ID != drifter || page.Items[1].NoticedAt == nil {
		t.Errorf("worst first: %+v", page)
	}
	w.api(t, token, "GET", "/devices?condition=attention&offset=4", "").json(t, &page)
	if page.Total != 5 || len(page.Items) != 1 {
		t.Errorf("the last in trouble: %+v", page)
	}

	body := `{"id":"esp-new","model":"barista-2","firmware":"3.0","site":{"id":"berlin","name":"Berlin","zone":"Europe/Berlin"},"owner":"owner-1"}`
	var made struct {
		Device     web.Device
		Credential web.Credential
	}
	got := w.api(t, token, "POST", "/devices", body)
	got.json(t, &made)
	if got.status != http.StatusCreated || made.Credential.Username != "acme/esp-new" || len(made.Credential.Token) < 40 || made.Device.Condition != "well" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if !w.registry.Authenticate(devices.Key{Tenant: "acme", Device: "esp-new"}, made.Credential.Token) {
		t.Error("the credential does not let the device in")
	}
	if got := w.api(t, token, "GET", "/devices/esp-new", ""); got.status != http.StatusOK || strings.Contains(got.body, made.Credential.Token) {
		t.Errorf("reading it back: %d %s", got.status, got.body)
	}
	if got := w.api(t, token, "POST", "/devices", body); got.status != http.StatusConflict {
		t.Errorf("adding it twice: %d", got.status)
	}
	w.api(t, token, "POST", "/devices/esp-new/disable", "").json(t, &made.Device)
	if !made.Device.Disabled || made.Device.Condition != "disabled" {
		t.Errorf("after disabling: %+v", made.Device)
	}
	w.api(t, token, "POST", "/devices/esp-new/enable", "").json(t, &made.Device)
	if made.Device.Disabled {
		t.Error("still disabled")
	}
	var fresh web.Credential
	if got := w.api(t, token, "POST", "/devices/esp-new/rotate", `{"keep_old":true}`); got.status != http.StatusOK {
		t.Errorf("rotating: %d %s", got.status, got.body)
	} else if got.json(t, &fresh); fresh.Token == made.Credential.Token || fresh.Token == "" {
		t.Error("the new credential is the old one")
	}
	if keep := w.fleet.rotated[devices.Key{Tenant: "acme", Device: "esp-new"}]; !keep {
		t.Error("keep_old was not passed on")
	}
	if got := w.api(t, token, "POST", "/devices/esp-new/rotate", ""); got.status != http.StatusOK || w.fleet.rotated[devices.Key{Tenant: "acme", Device: "esp-new"}] {
		t.Errorf("rotating without a body: %d %s", got.status, got.body)
	}
	if strings.Contains(w.logs.String(), made.Credential.Token) {
		t.Error("the credential is in the log")
	}
}

func TestCaseActionsThroughTheAPI(t *testing.T) {
	w := newWorld(t, 12)
	token := w.token(t, "acme", account.Agent)
	id := "case-" + drifter
	for _, test := range []struct{ path, body, want string }{
		{"note", `{"text":"  she is away  "}`, "note | acme | " + id + " | token:test agent | she is away"},
		{"start", "", "start | acme | " + id + " | token:test agent | "},
		{"finish", `{"note":"calibrated"}`, "finish | acme | " + id + " | token:test agent | calibrated"},
		{"finish", "", "finish | acme | " + id + " | token:test agent | "},
		{"dismiss", `{"reason":"sold"}`, "dismiss | acme | " + id + " | token:test agent | sold"},
	} {
		got := w.api(t, token, "POST", "/cases/"+id+"/"+test.path, test.body)
		if got.status != http.StatusOK || !strings.Contains(got.body, `"id":"`+id+`"`) {
			t.Errorf("%s: %d %s", test.path, got.status, got.body)
		}
		if last := w.care.acts[len(w.care.acts)-1]; last != test.want {
			t.Errorf("%s did %q", test.path, last)
		}
	}
	if got := w.api(t, token, "POST", "/cases/old-verified/start", ""); got.status != http.StatusConflict {
		t.Errorf("starting a closed case: %d", got.status)
	}
	var page struct {
		Items []struct {
			ID    string
			State string
		}
		Total int
	}
	w.api(t, token, "GET", "/cases?state=verified,dismissed", "").json(t, &page)
	if page.Total != 2 {
		t.Errorf("closed cases: %+v", page)
	}
	w.api(t, token, "GET", "/cases?open=true&limit=2", "").json(t, &page)
	if page.Total != len(w.care.cases)-3 || len(page.Items) != 2 {
		t.Errorf("open cases: %+v", page)
	}
	got := w.api(t, token, "GET", "/cases/"+id+"/messages", "")
	if !strings.Contains(got.body, "calibrate it") || strings.Contains(got.body, "c2VjcmV0") || strings.Contains(got.body, "YWJj") {
		t.Errorf("messages hold the owner's link, or nothing: %s", got.body)
	}
	if got := w.api(t, token, "GET", "/cases/"+id+"/timeline", ""); !strings.Contains(got.body, `"kind":"booked"`) {
		t.Errorf("timeline: %s", got.body)
	}
}

func TestProblems(t *testing.T) {
	w := newWorld(t, 12)
	token := w.token(t, "acme", account.Admin)
	for name, test := range map[string]struct {
		token, method, path, body string
		status                    int
		code                      devices.Code
		says                      string
	}{
		"no token":         {"", "GET", "/devices", "", 401, devices.Unauthorized, "sign in"},
		"wrong token":      {"fca_x", "GET", "/devices", "", 401, devices.Unauthorized, "not valid"},
		"no such device":   {token, "GET", "/devices/nowhere", "", 404, devices.NotFound, "nowhere"},
		"no such route":    {token, "GET", "/nowhere", "", 404, devices.NotFound, ""},
		"wrong method":     {token, "DELETE", "/devices", "", 405, devices.Invalid, "DELETE"},
		"unknown query":    {token, "GET", "/devices?colour=red", "", 422, devices.Invalid, "errors says"},
		"bad number":       {token, "GET", "/devices?limit=many", "", 422, devices.Invalid, "errors says"},
		"no JSON":          {token, "POST", "/devices", "{", 400, devices.Invalid, ""},
		"missing fields":   {token, "POST", "/devices", "{}", 422, devices.Invalid, "errors says"},
		"unknown field":    {token, "POST", "/devices", `{"id":"a","model":"barista-2","site":{"zone":"UTC"},"colour":"red"}`, 422, devices.Invalid, "errors says"},
		"unknown model":    {token, "POST", "/devices", `{"id":"a","model":"nope","site":{"zone":"UTC"}}`, 422, devices.Invalid, `no model "nope"`},
		"unknown zone":     {token, "POST", "/devices", `{"id":"a","model":"barista-2","site":{"zone":"Mars"}}`, 422, devices.Invalid, "Mars"},
		"unknown owner":    {token, "POST", "/devices", `{"id":"a","model":"barista-2","owner":"who","site":{"zone":"UTC"}}`, 422, devices.Invalid, `"who"`},
		"empty note":       {token, "POST", "/cases/case-" + drifter + "/note", `{"text":"  "}`, 422, devices.Invalid, "few words"},
		"strict model":     {token, "PUT", "/models/m", `{"id":"m","name":"M","interval":"1m","metrics":[],"colour":"red"}`, 422, devices.Invalid, "colour"},
		"unknown metric":   {token, "GET", "/devices/" + drifter + "/series?metric=psi", "", 404, devices.NotFound, "psi"},
		"from after to":    {token, "GET", "/devices/" + drifter + "/series?metric=pump_pressure&from=2026-03-12T00:00:00Z&to=2026-03-11T00:00:00Z", "", 422, devices.Invalid, "before to"},
		"too many windows": {token, "GET", "/devices/" + drifter + "/series?metric=pump_pressure&every=1s", "", 422, devices.Invalid, "86,400 windows"},
		"bad every":        {token, "GET", "/devices/" + drifter + "/series?metric=pump_pressure&every=1", "", 422, devices.Invalid, "every must be"},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.api(t, test.token, test.method, test.path, test.body)
			var p web.Problem
			got.json(t, &p)
			if got.status != test.status || p.Status != test.status || p.Code != test.code || p.ID == "" || p.Title == "" {
				t.Errorf("got %d %+v, want %d %s", got.status, p, test.status, test.code)
			}
			if kind := got.header.Get("Content-Type"); kind != "application/problem+json" {
				t.Errorf("content type %q", kind)
			}
			if !strings.Contains(p.Detail, test.says) {
				t.Errorf("detail %q does not say %q", p.Detail, test.says)
			}
		})
	}
}

func TestInternalFaultsStayInside(t *testing.T) {
	w := newWorld(t, 12)
	w.care.fail = errWithSecret
	got := w.api(t, w.token(t, "acme", account.Admin), "GET", "/findings", "")
	var p web.Problem
	got.json(t, &p)
	if got.status != http.StatusInternalServerError || strings.Contains(got.body, "hunter2") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if log := w.logs.String(); !strings.Contains(log, "hunter2") || !strings.Contains(log, p.ID) {
		t.Errorf("the log does not tell what happened to %s: %s", p.ID, log)
	}
}

func TestSeries(t *testing.T) {
	w := newWorld(t, 12)
	token := w.token(t, "acme", account.Planner)
	var s struct {
		Unit, Every         string
		Time                []time.Time
		Value, Lower, Upper []*float64
	}
	got := w.api(t, token, "GET", "/devices/"+drifter+"/series?metric=pump_current&every=1h&from=2026-03-10T00:00:00Z&to=2026-03-11T00:00:00Z", "")
	got.json(t, &s)
	if s.Unit != "A" || s.Every != "1h0m0s" || len(s.Time) != 25 || len(s.Value) != 25 || len(s.Lower) != 25 || len(s.Upper) != 25 {
		t.Fatalf("%s", got.body)
	}
	gap := 0
	for i, v := range s.Value {
		if v == nil {
			gap++
		} else if s.Lower[i] == nil || *s.Lower[i] > *s.Upper[i] {
			t.Errorf("no band at %s", s.Time[i])
		}
	}
	if gap == 0 || gap > 8 {
		t.Errorf("%d windows without a reading, want the gap of the fixture", gap)
	}
}

func TestModelsRoundTrip(t *testing.T) {
	w := newWorld(t, 12)
	token := w.token(t, "acme", account.Admin)
	model := `{"id":"kettle-1","name":"Kettle","interval":"5m","metrics":[{"name":"temp","unit":"°C","min":0,"max":120,"noticeable":3}],"remedies":[{"id":"descale","duration":"30m"}]}`
	if got := w.api(t, token, "PUT", "/models/kettle-1", model); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	got := w.api(t, token, "GET", "/models/kettle-1", "")
	if got.status != http.StatusOK || !strings.Contains(got.body, `"interval":"5m"`) || !strings.Contains(got.body, `"tenant":"acme"`) {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestDocumentDescribesWhatIsServed(t *testing.T) {
	w := newWorld(t, 3)
	got := w.get(t, nil, "/api/v1/openapi.json")
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]json.RawMessage
	}
	got.json(t, &doc)
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("OpenAPI %q", doc.OpenAPI)
	}
	served := 0
	for _, rule := range w.server.Rules() {
		if !strings.HasPrefix(rule.Pattern, "/api/v1/") || rule.Need == "" {
			continue
		}
		served++
		if doc.Paths[rule.Pattern][strings.ToLower(rule.Method)] == nil {
			t.Errorf("%s %s is not described", rule.Method, rule.Pattern)
		}
	}
	described := 0
	for _, methods := range doc.Paths {
		described += len(methods)
	}
	if described != served {
		t.Errorf("%d operations are described, %d served", described, served)
	}
	if got := w.get(t, nil, "/api/v1/openapi.yaml"); got.status != http.StatusOK || !strings.HasPrefix(got.body, "components:") {
		t.Errorf("yaml: %d %.60s", got.status, got.body)
	}
}

func TestCodesAndStatusesAreOneTable(t *testing.T) {
	for _, code := range []devices.Code{devices.Invalid, devices.NotFound, devices.Conflict, devices.Unauthorized, devices.Forbidden, devices.Unavailable, devices.Internal} {
		if back := web.CodeOf(web.StatusOf(code)); back != code {
			t.Errorf("%s becomes %d becomes %s", code, web.StatusOf(code), back)
		}
	}
	for status, want := range map[int]devices.Code{200: "", 303: "", 400: devices.Invalid, 413: devices.Invalid, 429: devices.Unavailable, 502: devices.Unavailable, 501: devices.Internal} {
		if got := web.CodeOf(status); got != want {
			t.Errorf("%d is %q, want %q", status, got, want)
		}
	}
}
