package outreach

import (
	"time"

	"github.com/forecare/forecare/devices"
)

// Verdict is what policy says to one message.
type Verdict string

// The verdicts.
const (
	Allow Verdict = "allow"
	Defer Verdict = "defer" // not before Until
	Deny  Verdict = "deny"
)

// The rules that decide.
const (
	RuleNone      = "none"        // nothing speaks against it
	RuleConsent   = "consent"     // the person has not said yes, or has taken it back
	RuleAddress   = "address"     // a provider says that the address is dead, or it is gone
	RuleBudget    = "budget"      // the person was written to recently
	RuleQuiet     = "quiet_hours" // it is night where the person is
	RuleOvertaken = "overtaken"   // the case has moved on, there is nothing to say any more
	RuleOwner     = "owner"       // the device belongs to somebody else now
)

// Decision is policy's word on one message, stored with it. Rule names the
// rule that decided; Until is when a Defer ends, or when a Deny may be asked
// again, zero if never. Policy is the version that was asked, At when.
type Decision struct {
	Verdict Verdict   `json:"verdict"`
	Rule    string    `json:"rule"`
	Until   time.Time `json:"until,omitzero"`
	Policy  string    `json:"policy"`
	At      time.Time `json:"at"`
}

// Touch is a message that a contact got, or may yet get.
type Touch struct {
	Message string
	Purpose Purpose
	At      time.Time // when it was written
}

// Question asks policy about one message. Zone is the person's IANA zone, Site
// that of the device, which stands in if Zone is unknown. Touches are the
// contact's other messages.
type Question struct {
	Purpose    Purpose
	Address    devices.Address
	Dead       bool
	Zone, Site string
	Touches    []Touch
	Now        time.Time
}

// Decide answers a Question. It is asked before a message is composed and
// again before it is sent.
func (p *Policy) Decide(q Question) Decision {
	d := Decision{Verdict: Deny, Policy: p.Version, At: q.Now}
	rule := p.Purposes[q.Purpose]
	if !q.Address.Allowed() {
		d.Rule = RuleConsent
		return d
	}
	if q.Dead {
		d.Rule = RuleAddress
		return d
	}
	if rule.Budget {
		if until, spent := p.budget(q); spent {
			d.Rule, d.Until = RuleBudget, until
			return d
		}
	}
	if rule.Quiet {
		if until, quiet := p.Quiet.until(q.Now, location(q.Zone, q.Site)); quiet {
			d.Verdict, d.Rule, d.Until = Defer, RuleQuiet, until
			return d
		}
	}
	d.Verdict, d.Rule = Allow, RuleNone
	return d
}

// budget reports whether the contact has had all that the budget allows, and
// when the first of it is long enough ago.
func (p *Policy) budget(q Question) (time.Time, bool) {
	var counted []time.Time
	for _, t := range q.Touches {
		if p.Purposes[t.Purpose].Budget && t.At.After(q.Now.Add(-p.Budget.Per)) {
			counted = append(counted, t.At)
		}
	}
	if len(counted) < p.Budget.Messages {
		return time.Time{}, false
	}
	if p.Budget.Messages == 0 {
		return time.Time{}, true
	}
	// Touches are oldest first; enough of them must have left the period.
	return counted[len(counted)-p.Budget.Messages].Add(p.Budget.Per), true
}

// awake is how much of a day quiet hours must leave at least.
const awake = time.Hour

// until reports whether it is quiet at now in loc, and when that ends.
func (q Quiet) until(now time.Time, loc *time.Location) (time.Time, bool) {
	if !q.covers(now, loc) {
		return time.Time{}, false
	}
	// Step by step, because where the clocks change the end of the quiet hours
	// may be skipped or come twice.
	end := now.Truncate(time.Minute)
	for q.covers(end.Add(awake/2), loc) {
		end = end.Add(awake / 2)
	}
	for q.covers(end, loc) {
		end = end.Add(time.Minute)
	}
	return end, true
}

func (q Quiet) covers(t time.Time, loc *time.Location) bool {
	c := clockOf(t.In(loc))
	if q.From <= q.Until {
		return q.From <= c && c < q.Until
	}
	return c >= q.From || c < q.Until
}

// location returns the first zone of the names that exists. A person whose
// zone is unknown is taken to live where their device stands; UTC, which is
// nobody's night, is the last resort.
func location(names ...string) *time.Location {
	for _, name := range names {
		if loc, err := devices.LoadZone(name); err == nil {
			return loc
		}
	}
	return time.UTC
}
