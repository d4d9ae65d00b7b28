package demo_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/forecare/forecare/devices"
	sim "github.com/forecare/forecare/firmware-sim"
	"github.com/forecare/forecare/internal/demo"
	"github.com/forecare/forecare/outreach"
)

// office is as much of Forecare's API as a technician sees.
type office struct {
	mu    sync.Mutex
	cases map[string]*outreach.Case
	calls []string
	fail  int // so many requests are answered with 503 first
}

func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	problem := func(status int, code string) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"code":"` + code + `","detail":"no"}`))
	}
	if r.Header.Get("Authorization") != "Bearer secret" {
		problem(http.StatusUnauthorized, "unauthorized")
		return
	}
	if o.fail > 0 {
		o.fail--
		problem(http.StatusServiceUnavailable, "unavailable")
		return
	}
	if r.Method == http.MethodGet {
		wanted := strings.Split(r.URL.Query().Get("state"), ",")
		items := []*outreach.Case{}
		for _, c := range o.cases {
			if slices.Contains(wanted, string(c.State)) {
				items = append(items, c)
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"items": items, "total": len(items)})
		return
	}
	part := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v1/cases/"), "/")
	o.calls = append(o.calls, part[1]+" "+part[0])
	c := o.cases[part[0]]
	switch {
	case c == nil:
		problem(http.StatusNotFound, "not_found")
	case part[1] == "start" && c.State == outreach.Scheduled:
		c.State = outreach.InProgress
	case part[1] == "finish" && c.State == outreach.InProgress:
		c.State = outreach.Done
	default:
		problem(http.StatusConflict, "conflict")
	}
}

func (o *office) state(id string) outreach.State {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cases[id].State
}

func scheduled(id, model, remedy string) *outreach.Case {
	return &outreach.Case{
		ID: id, Key: devices.Key{Tenant: "demo", Device: "device-of-" + id}, Model: model, Remedy: remedy, State: outreach.Scheduled,
		Appointment: &outreach.Appointment{Slot: outreach.Slot{ID: "slot-" + id}},
	}
}

// work runs a technician against the office until all wants is true.
func work(t *testing.T, o *office, service func(device, remedy string) error, wants func() bool) {
	t.Helper()
	server := httptest.NewServer(o)
	defer server.Close()
	api, err := sim.NewAPI(server.URL, "secret")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	tech := demo.NewTechnician(demo.TechnicianOptions{
		API: api, Models: sim.Models("demo"), Service: service,
		Delay: 30 * time.Millisecond, Visit: 20 * time.Millisecond, Look: 5 * time.Millisecond,
	})
	go func() { done <- tech.Run(ctx) }() // waited for below
	tick, deadline := time.NewTicker(5*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for !wants() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Errorf("the technician has only done %v", o.calls)
			wants = func() bool { return true }
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestTechnicianStartsWhatIsBooked(t *testing.T) {
	o := &office{fail: 2, cases: map[string]*outreach.Case{
		"a": scheduled("a", "espresso-e1", "calibration"), // has a command: the device finishes it
		"b": scheduled("b", "espresso-e1", "pump-service"),
		"c": {ID: "c", State: outreach.Offered, Model: "espresso-e1", Remedy: "calibration"},
	}}
	var serviced []string
	work(t, o, func(device, remedy string) error {
		serviced = append(serviced, device+" "+remedy)
		return nil
	}, func() bool { return o.state("a") == outreach.InProgress && o.state("b") == outreach.Done })
	if !slices.Equal(serviced, []string{"device-of-b pump-service"}) {
		t.Errorf("by hand was done: %v", serviced)
	}
	slices.Sort(o.calls)
	if !slices.Equal(o.calls, []string{"finish b", "start a", "start b"}) {
		t.Errorf("the API was called with %v", o.calls)
	}
}

func TestTechnicianTriesAgainAndLetsGo(t *testing.T) {
	o := &office{cases: map[string]*outreach.Case{"b": scheduled("b", "espresso-e1", "pump-service")}}
	tries := 0
	work(t, o, func(string, string) error {
		if tries++; tries < 3 {
			return devices.Errorf(devices.Unavailable, "the fleet is not running yet")
		}
		return nil
	}, func() bool { return o.state("b") == outreach.Done })
	if tries != 3 {
		t.Errorf("the service was tried %d times", tries)
	}
}
