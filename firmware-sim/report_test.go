package sim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
	sim "github.com/forecare/forecare/firmware-sim"
)

// registrar is as much of Forecare's API as registering and reporting need.
type registrar struct {
	mu       sync.Mutex
	models   map[string]devices.Model
	tokens   map[string]string
	findings map[string][]sim.FoundFinding
	asked    int
}

func newRegistrar(t *testing.T) (*registrar, *sim.API) {
	t.Helper()
	r := &registrar{models: map[string]devices.Model{}, tokens: map[string]string{}, findings: map[string][]sim.FoundFinding{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	a, err := sim.NewAPI(server.URL, "secret")
	if err != nil {
		t.Fatal(err)
	}
	return r, a
}

func (s *registrar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := func(status int, code, detail string) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"code": code, "detail": detail})
	}
	answer := func(v any) { _ = json.NewEncoder(w).Encode(v) }
	part := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v1/"), "/")
	switch {
	case r.Header.Get("Authorization") != "Bearer secret":
		refuse(401, "unauthorized", "Please sign in.")
	case r.Method == http.MethodPut && part[0] == "models":
		var m devices.Model
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || m.ID != part[1] || m.Tenant != "" {
			refuse(422, "invalid", "no model")
			return
		}
		s.models[m.ID] = m
	case r.Method == http.MethodPost && len(part) == 1:
		var d struct{ ID, Model string }
		if err := json.NewDecoder(r.Body).Decode(&d); err != nil || s.models[d.Model].ID == "" {
			refuse(422, "invalid", "There is no such model.")
			return
		}
		if s.tokens[d.ID] != "" {
			refuse(409, "conflict", "It is registered already.")
			return
		}
		s.tokens[d.ID] = "t1-" + d.ID
		answer(map[string]any{"credential": map[string]string{"token": s.tokens[d.ID]}})
	case r.Method == http.MethodPost && part[2] == "rotate":
		s.tokens[part[1]] = "t2-" + part[1]
		answer(map[string]string{"token": s.tokens[part[1]]})
	case r.Method == http.MethodGet && part[0] == "findings":
		s.asked++
		answer(map[string]any{"items": s.findings[r.URL.Query().Get("device")]})
	default:
		http.Error(w, "not an API answer", http.StatusBadGateway)
	}
}

func TestRegistrationIsRepeatable(t *testing.T) {
	s, a := newRegistrar(t)
	r, _ := tape(t, 2, 3)
	first, err := r.Registration("demo", "turbofan").Register(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.Registration("demo", "turbofan").Register(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if first["unit-1"] != "t1-unit-1" || again["unit-1"] != "t2-unit-1" || len(again) != 2 || s.models["turbofan"].Interval != time.Hour {
		t.Errorf("first %v, again %v, model %+v", map[string]string(first), map[string]string(again), s.models["turbofan"])
	}
}

func TestAPITellsWhatWasRefused(t *testing.T) {
	_, a := newRegistrar(t)
	_, err := a.Register(t.Context(), devices.Device{Model: "none"})
	if devices.CodeOf(err) != devices.Invalid || devices.MessageOf(err) != "There is no such model." {
		t.Errorf("%v", err)
	}
	if err := a.Call(t.Context(), "GET", "/elsewhere", nil, nil); devices.CodeOf(err) != devices.Unavailable {
		t.Errorf("an answer of somebody in between: %v", err)
	}
	for _, c := range [][2]string{{"127.0.0.1:8080", "x"}, {"ftp://a", "x"}, {"http://a", ""}} {
		if _, err := sim.NewAPI(c[0], c[1]); devices.CodeOf(err) != devices.Invalid {
			t.Errorf("%v: %v", c, err)
		}
	}
	gone, err := sim.NewAPI("http://127.0.0.1:1", "secret-token")
	if err != nil {
		t.Fatal(err)
	}
	err = gone.PutModel(t.Context(), devices.Model{ID: "m"})
	if devices.CodeOf(err) != devices.Unavailable || strings.Contains(err.Error(), "secret-token") {
		t.Errorf("nobody is there: %v", err)
	}
}

func TestDrainWaitsForTheLastFinding(t *testing.T) {
	s, a := newRegistrar(t)
	r, _ := tape(t, 1, 10)
	done := make(chan map[string][]sim.FoundFinding)
	go func() { // waited for below
		found, err := r.Drain(t.Context(), a, 400*time.Millisecond)
		if err != nil {
			t.Error(err)
		}
		done <- found
	}()
	eventually(t, "the first question", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.asked > 0 })
	s.mu.Lock()
	s.findings["unit-1"] = []sim.FoundFinding{{ID: "late", Revision: 1}}
	s.mu.Unlock()
	if found := <-done; len(found["unit-1"]) != 1 {
		t.Errorf("the finding that came late is missing: %v", found)
	}
}

func TestReportTellsWhenUnitsWereFlagged(t *testing.T) {
	r, _ := tape(t, 5, 100)
	row := func(unit, n int) time.Time { return r.Units[unit].Rows[n-1].Time }
	found := map[string][]sim.FoundFinding{
		"unit-1": {
			{ID: "b", Metric: "x", Kind: "drift", Detected: row(0, 80)},
			{ID: "a", Metric: "y", Kind: "step", Detected: row(0, 70).Add(10 * time.Minute)},
		},
		"unit-2": {{ID: "c", Metric: "x", Kind: "drift", Detected: row(1, 20)}},                     // too early
		"unit-3": {{ID: "d", Kind: "silence", Detected: row(2, 100).Add(5 * time.Hour)}},            // its end
		"unit-4": {{ID: "e", Metric: "x", Kind: "drift", Detected: row(3, 100).Add(2 * time.Hour)}}, // after it
		"unit-5": {{ID: "f", Metric: "x", Kind: "stuck", Detected: row(4, 100)}},                    // with its last reading
	}
	verdicts := r.Judge(found)
	want := []sim.Verdict{
		{Unit: "unit-1", Rows: 100, Flagged: 70, Metric: "y", Kind: "step", Found: 2},
		{Unit: "unit-2", Rows: 100, Flagged: 20, Metric: "x", Kind: "drift", Found: 1},
		{Unit: "unit-3", Rows: 100},
		{Unit: "unit-4", Rows: 100},
		{Unit: "unit-5", Rows: 100, Flagged: 100, Metric: "x", Kind: "stuck", Found: 1},
	}
	if d := cmp.Diff(want, verdicts); d != "" {
		t.Fatal(d)
	}
	sum := sim.Summary{Units: 5, Flagged: 2, MedianWarning: 55, EarlyShare: 0.2, Findings: 4}
	if d := cmp.Diff(sum, sim.Sum(verdicts)); d != "" {
		t.Error(d)
	}
	var out strings.Builder
	if err := sim.WriteReport(&out, verdicts, "cycle"); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"unit-1     100           70                     30    y step",
		"unit-3     100  not flagged",
		"flagged before the end: 2 of 5", "median warning: 55 cycles", "flagged in the first third of life: 20 %",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("the report lacks %q:\n%s", line, out.String())
		}
	}
	if err := sim.WriteReport(&out, nil, "cycle"); err != nil {
		t.Error(err)
	}
}
