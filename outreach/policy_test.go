package outreach_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
)

var allowed = devices.Address{Channel: "email", Value: "o@example.org", Consent: noon.Add(-time.Hour)}

// zones returns all IANA zones, one of each of those whose clocks agree in the
// years that changes returns.
func zones(t *testing.T) []*time.Location {
	t.Helper()
	raw, err := os.ReadFile("testdata/zones.txt")
	if err != nil {
		t.Fatal(err)
	}
	var list []*time.Location
	all, seen := 0, map[string]bool{}
	for name := range strings.FieldsSeq(string(raw)) {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		all++
		clocks := ""
		for _, day := range changes(loc) {
			_, before := day.Add(-time.Second).In(loc).Zone()
			_, after := day.In(loc).Zone()
			clocks += fmt.Sprintln(day.Unix(), before, after)
		}
		if !seen[clocks] {
			seen[clocks] = true
			list = append(list, loc)
		}
	}
	if all < 500 || len(list) < 50 {
		t.Fatalf("only %d zones, %d that differ", all, len(list))
	}
	return list
}

// changes returns the days on which the clocks of loc change in 2026 and 2027,
// and an ordinary one.
func changes(loc *time.Location) []time.Time {
	days := []time.Time{noon}
	for at := time.Date(2026, 1, 1, 0, 0, 0, 0, loc); ; {
		_, end := at.ZoneBounds()
		if end.IsZero() || end.Year() > 2027 {
			return days
		}
		days = append(days, end)
		at = end.In(loc)
	}
}

// Nothing is ever sent in somebody's night, whatever their clocks do, and
// nothing waits a minute longer than the night does.
func TestQuietHoursInEveryZone(t *testing.T) {
	quiets := []outreach.Quiet{outreach.DefaultPolicy().Quiet, {From: 23 * 60, Until: 2*60 + 30}, {From: 60, Until: 3 * 60}, {}}
	checked := 0
	for _, loc := range zones(t) {
		for _, quiet := range quiets {
			p := outreach.DefaultPolicy()
			p.Quiet = quiet
			asleep := func(at time.Time) bool {
				local := at.In(loc)
				c := outreach.Clock(local.Hour()*60 + local.Minute())
				if quiet.From > quiet.Until {
					return c >= quiet.From || c < quiet.Until
				}
				return c >= quiet.From && c < quiet.Until
			}
			for _, change := range changes(loc) {
				for now := change.Add(-15 * time.Hour); now.Before(change.Add(15 * time.Hour)); now = now.Add(23 * time.Minute) {
					d := p.Decide(outreach.Question{Purpose: outreach.Offer, Address: allowed, Zone: loc.String(), Now: now})
					checked++
					switch {
					case d.Verdict == outreach.Allow && !asleep(now):
					case d.Verdict == outreach.Defer && asleep(now) && d.Until.After(now) && !asleep(d.Until) && asleep(d.Until.Add(-time.Minute)) && d.Until.Sub(now) < 13*time.Hour:
					default:
						t.Fatalf("%s, quiet %v, at %s: %+v, until %s", loc, quiet, now.In(loc), d, d.Until.In(loc))
					}
				}
			}
		}
	}
	t.Logf("%d moments", checked)
}

func TestDecide(t *testing.T) {
	p := outreach.DefaultPolicy()
	night := time.Date(2026, 11, 25, 23, 0, 0, 0, time.UTC)
	days := func(n int) time.Time { return noon.Add(-time.Duration(n) * 24 * time.Hour) }
	withdrawn := allowed
	withdrawn.Withdrawn = allowed.Consent.Add(time.Second)
	tests := []struct {
		name string
		q    outreach.Question
		want outreach.Verdict
		rule string
	}{
		{"fine", outreach.Question{Purpose: outreach.Offer, Address: allowed, Now: noon}, outreach.Allow, outreach.RuleNone},
		{"no consent", outreach.Question{Purpose: outreach.Offer, Now: noon}, outreach.Deny, outreach.RuleConsent},
		{"consent binds confirmations too", outreach.Question{Purpose: outreach.Confirmation, Address: withdrawn, Now: noon}, outreach.Deny, outreach.RuleConsent},
		{"dead", outreach.Question{Purpose: outreach.Offer, Address: allowed, Dead: true, Now: noon}, outreach.Deny, outreach.RuleAddress},
		{"written to 29 days ago", outreach.Question{Purpose: outreach.Offer, Address: allowed, Now: noon, Touches: []outreach.Touch{{Purpose: outreach.Offer, At: days(29)}}}, outreach.Deny, outreach.RuleBudget},
		{"written to 30 days ago", outreach.Question{Purpose: outreach.Offer, Address: allowed, Now: noon, Touches: []outreach.Touch{{Purpose: outreach.Offer, At: days(30)}}}, outreach.Allow, outreach.RuleNone},
		{"other purposes do not count", outreach.Question{Purpose: outreach.Offer, Address: allowed, Now: noon, Touches: []outreach.Touch{{Purpose: outreach.AllWell, At: days(1)}}}, outreach.Allow, outreach.RuleNone},
		{"a confirmation is outside the budget", outreach.Question{Purpose: outreach.Confirmation, Address: allowed, Now: noon, Touches: []outreach.Touch{{Purpose: outreach.Offer, At: days(1)}}}, outreach.Allow, outreach.RuleNone},
		{"night", outreach.Question{Purpose: outreach.Offer, Address: allowed, Zone: "Europe/Berlin", Now: night}, outreach.Defer, outreach.RuleQuiet},
		{"a confirmation answers at night", outreach.Question{Purpose: outreach.Confirmation, Address: allowed, Zone: "Europe/Berlin", Now: night}, outreach.Allow, outreach.RuleNone},
		{"unknown zone is the device's", outreach.Question{Purpose: outreach.Offer, Address: allowed, Zone: "Mars/Olympus", Site: "Asia/Tokyo", Now: noon.Add(2 * time.Hour)}, outreach.Defer, outreach.RuleQuiet},
		{"budget before night", outreach.Question{Purpose: outreach.Offer, Address: allowed, Zone: "Europe/Berlin", Now: night, Touches: []outreach.Touch{{Purpose: outreach.Offer, At: days(1)}}}, outreach.Deny, outreach.RuleBudget},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := p.Decide(tt.q)
			if d.Verdict != tt.want || d.Rule != tt.rule || d.Policy != p.Version || !d.At.Equal(tt.q.Now) {
				t.Errorf("%+v, want %s by %s", d, tt.want, tt.rule)
			}
		})
	}
}

// The policy is data: what a maker writes replaces the default, and nothing else.
func TestPolicyFromYAML(t *testing.T) {
	p := outreach.DefaultPolicy()
	err := yaml.Unmarshal([]byte(`
version: acme-7
quiet: {from: "20:00", until: "09:30"}
budget: {messages: 2, per: 240h}
kinds: {noise: {offer: false}}
`), &p)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	if p.Quiet.Until != 9*60+30 || p.Budget.Messages != 2 || p.Budget.Per != 240*time.Hour || p.Kinds[anomaly.Noise].Offer || !p.Kinds[anomaly.Drift].Offer ||
		p.Proof != outreach.DefaultPolicy().Proof {
		t.Fatalf("policy %+v", p)
	}
	for _, bad := range []string{`version: ""`, `links: 0s`, `quiet: {from: "00:00", until: "24:00"}`, `quiet: {from: "08:30", until: "08:00"}`, `purposes: {hello: {}}`, `kinds: {odd: {}}`, `budget: {messages: -1}`} {
		p := outreach.DefaultPolicy()
		if err := yaml.Unmarshal([]byte(bad), &p); err != nil {
			t.Fatal(err)
		}
		if err := p.Validate(); devices.CodeOf(err) != devices.Invalid {
			t.Errorf("%s: %v, want invalid", bad, err)
		}
	}
}

func TestClock(t *testing.T) {
	for text, want := range map[string]outreach.Clock{"00:00": 0, "08:05": 485, "23:59": 1439, "24:00": 1440} {
		got, err := outreach.ParseClock(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%q is %d (%s), %v", text, got, got, err)
		}
	}
	for _, text := range []string{"", "8:00", "24:01", "12:60", "ab:cd", "12-30", "-1:00", "12:3０"} {
		if got, err := outreach.ParseClock(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}
