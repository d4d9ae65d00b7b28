package web_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/web"
	"github.com/forecare/forecare/web/account"
)

// scene is one page in one state, as the storybook shows it.
type scene struct {
	name string
	path string
	role account.Role // "" is nobody
	want int
	says []string
	not  []string
}

// scenes are the pages in the states that are designed.
func scenes() map[string][]scene {
	return map[string][]scene{
		"sixty": {
			{name: "fleet", path: "/fleet", role: account.Admin, says: []string{"54 of 59 devices well", "1 noticeable by now; 3 drifting, the first would be noticed in 4 days; 1 silent.", "(5) Fleet", "Berlin Mitte", "brewing temperature drifted by +1.72 °C", "and 1 more", "noticeable now"}},
			{name: "fleet-search", path: "/fleet?q=berlin&model=hp-9", role: account.Planner, says: []string{"site", "Heat pump"}, not: []string{"Add a device", "secret"}},
			{name: "fleet-nothing", path: "/fleet?q=zzz", role: account.Admin, says: []string{"No device fits"}},
			{name: "device", path: "/devices/" + drifter, role: account.Admin, says: []string{"brewing temperature drifted by +1.72 °C", "An owner may notice", "Asia/Tokyo", "New credential", "chart-fan", "chart-limit", "pump current", "case-" + drifter, "19, none moved"}},
			{name: "device-planner", path: "/devices/" + drifter + "?range=24h", role: account.Planner, says: []string{"brewing temperature"}, not: []string{"New credential", "Disable", "owner0@example.com"}},
			{name: "device-never", path: "/devices/" + neverSent, role: account.Admin, says: []string{"Nothing has arrived from this device yet", "mosquitto_pub -h 127.0.0.1 -p 1883", "-t 'fleet/acme/" + neverSent + "/telemetry'", "'{\"brew_temperature\": 75}'"}},
			{name: "device-stale", path: "/devices/" + longSilent, role: account.Agent, says: []string{"The newest reading is from", "31 h ago", "sends nothing although its peers do"}},
			{name: "cases", path: "/cases", role: account.Agent, says: []string{"(5) Cases", "5 open cases", "Amira Haddad", "Rosa comes", "Please call.", "noticeable now"}, not: []string{"secret-case"}},
			{name: "cases-closed", path: "/cases?show=closed", role: account.Agent, says: []string{"verified", "dismissed"}},
			{name: "cases-nothing", path: "/cases?q=zzz", role: account.Agent, says: []string{"Nothing fits “zzz”"}},
			{name: "case", path: "/cases/case-" + drifter, role: account.Agent, says: []string{"you probably haven't noticed anything", "[the owner's own link]", `dir="rtl"`, "Called about another matter", "owner0@example.com", "of 19 peers none moved", "Dismiss", "recalibrate", "Time booked", "Amira Haddad is told by email, in the language en."}, not: []string{"c2VjcmV0", "YWJj.ZGVm"}},
			{name: "case-planner", path: "/cases/case-hp-0007", role: account.Planner, says: []string{"Mark visit done", "As planner you see the name only"}, not: []string{"Add note", "Dismiss", "owner1@example.com"}},
			{name: "refused", path: "/refused", role: account.Admin, says: []string{"metric the model does not have 2", "temprature", `21.4x\x00\xff`, "Correct the metric", "time too far in the past"}, not: []string{"hidden payload"}},
			{name: "refused-reason", path: "/refused?reason=bad_payload", role: account.Admin, says: []string{"payload not understood"}, not: []string{"temprature"}},
			{name: "status", path: "/status", role: account.Agent, says: []string{"Everything works.", "TELEMETRY", "1,204,331", "up to date"}},
			{name: "access", path: "/access", role: account.Admin, says: []string{"admin@acme.example.com", "API tokens"}},
			{name: "newdevice", path: "/fleet/new", role: account.Admin, says: []string{"Barista 2", "Amira Haddad"}},
			{name: "docs", path: "/api/v1/docs", role: account.Admin, says: []string{"/api/v1/devices/{device}/series", "curl -H \"Authorization: Bearer $TOKEN\" http://care.example.com/api/v1/me"}},
			{name: "forbidden", path: "/access", role: account.Agent, want: http.StatusForbidden, says: []string{"Not allowed", "As an agent you may not decide who may sign in"}},
			{name: "missing", path: "/devices/nowhere", role: account.Agent, want: http.StatusNotFound, says: []string{"There is no device"}},
			{name: "signin", path: "/signin", want: http.StatusOK, says: []string{"There is no password", "forecare sign-in-link"}},
			{name: "signin-old-link", path: "/signin/used", want: http.StatusUnauthorized, says: []string{"has been used or is older than 15 minutes"}},
		},
		"empty": {
			{name: "fleet-empty", path: "/fleet", role: account.Admin, says: []string{"No device is connected yet.", "Connect your first device", "forecare model import model.json --tenant acme"}},
			{name: "cases-empty", path: "/cases", role: account.Agent, says: []string{"Nobody needs you right now"}},
			{name: "refused-empty", path: "/refused", role: account.Admin, says: []string{"Nothing was refused", "Every message so far could be taken"}},
			{name: "newdevice-empty", path: "/fleet/new", role: account.Admin, says: []string{"First say what your devices measure"}},
		},
		"thousand": {
			{name: "fleet-thousand", path: "/fleet", role: account.Admin, says: []string{"of 999 devices well", "1–50 of 1,000", "page=2"}},
			{name: "fleet-thousand-page", path: "/fleet?page=20", role: account.Admin, says: []string{"951–1,000 of 1,000", "page=19"}, not: []string{"page=21"}},
		},
		"broken": {
			{name: "fleet-error", path: "/fleet", role: account.Admin, want: http.StatusServiceUnavailable, says: []string{"Not available right now", "The database cannot be reached", "Id of this event"}},
			{name: "device-no-readings", path: "/devices/esp-0006", role: account.Admin, want: http.StatusServiceUnavailable},
			{name: "status-broken", path: "/status", role: account.Admin, says: []string{"Not everything works.", "does not", "InfluxDB is opening"}, not: []string{"secret host"}},
		},
		"noreadings": {
			{name: "device-noreadings", path: "/devices/" + drifter, role: account.Admin, says: []string{"Readings cannot be shown right now.", "InfluxDB is opening", "Drawn from the finding's own record", "chart-own"}},
		},
	}
}

// stage makes the world that a group of scenes plays in.
func stage(t testing.TB, name string) *world {
	switch name {
	case "empty":
		return newWorld(t, 0)
	case "thousand":
		return newWorld(t, 1000)
	case "broken":
		w := newWorld(t, 60, func(o *web.Options) {
			o.Health = func(context.Context) []web.Part {
				return []web.Part{{Name: "state", Err: errors.New("secret host 10.0.0.3 refused")}, {Name: "readings", Err: devices.Errorf(devices.Unavailable, "InfluxDB is opening.")}}
			}
		})
		w.care.fail = devices.Wrap(errors.New("secret host"), devices.Unavailable, "The database cannot be reached just now.")
		return w
	case "noreadings":
		w := newWorld(t, 60)
		w.readings.fail = devices.Errorf(devices.Unavailable, "InfluxDB is opening; this takes a few seconds.")
		return w
	}
	return newWorld(t, 60)
}

var inline = regexp.MustCompile(`(?i)<[^>]+\s(style|on[a-z]+)=|<style|javascript:|<script(?:\s+type="application/json")?>\s*[^{\s]|src="(?:https?:)?//|href="(?:https?:)?//`)

func TestStorybook(t *testing.T) {
	for group, list := range scenes() {
		t.Run(group, func(t *testing.T) {
			w := stage(t, group)
			clients := map[account.Role]*http.Client{"": nil}
			for _, role := range account.Roles() {
				clients[role] = w.as(t, "acme", role)
			}
			for _, sc := range list {
				t.Run(sc.name, func(t *testing.T) {
					got := w.get(t, clients[sc.role], sc.path)
					if want := max(sc.want, http.StatusOK); got.status != want {
						t.Fatalf("status %d, want %d: %s", got.status, want, got.body)
					}
					text := html.UnescapeString(got.body)
					for _, s := range sc.says {
						if !strings.Contains(text, s) {
							t.Errorf("the page does not say %q", s)
						}
					}
					for _, s := range append(sc.not, "<no value>", "%!") {
						if strings.Contains(text, s) {
							t.Errorf("the page says %q", s)
						}
					}
					if m := inline.FindString(got.body); m != "" {
						t.Errorf("the page holds something inline or from elsewhere: %q", m)
					}
					if !strings.Contains(got.body, "</html>") {
						t.Error("the page is not whole")
					}
					if t.Failed() && testing.Verbose() {
						fmt.Println(got.body)
					}
				})
			}
		})
	}
}
