package outreach

import (
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
)

// Policy is what may be written to whom and when, and how care keeps time. It
// is data: read it from configuration over DefaultPolicy. Version is stored
// with every decision.
type Policy struct {
	Version  string                    `yaml:"version"`
	Quiet    Quiet                     `yaml:"quiet"`
	Budget   Budget                    `yaml:"budget"`
	Purposes map[Purpose]PurposeRule   `yaml:"purposes"`
	Kinds    map[anomaly.Kind]KindRule `yaml:"kinds"`
	Window   WindowRule                `yaml:"window"`
	Proof    ProofRule                 `yaml:"proof"`
	Commands CommandRule               `yaml:"commands"`
	Retry    RetryRule                 `yaml:"retry"`
	Links    time.Duration             `yaml:"links"` // how long an owner's link is good
}

// Quiet is the time of day in which a person is left alone, in their own zone.
// From may be later than Until; equal means never.
type Quiet struct {
	From  Clock `yaml:"from"`
	Until Clock `yaml:"until"`
}

// long returns how much of an ordinary day is quiet.
func (q Quiet) long() time.Duration {
	d := time.Duration(q.Until-q.From) * time.Minute
	if d < 0 {
		d += 24 * time.Hour
	}
	return d
}

// Budget bounds how often a contact is written to without having asked:
// Messages within Per, over all their devices.
type Budget struct {
	Messages int           `yaml:"messages"`
	Per      time.Duration `yaml:"per"`
}

// PurposeRule says which limits a purpose obeys. All obey consent.
type PurposeRule struct {
	Quiet  bool `yaml:"quiet"`
	Budget bool `yaml:"budget"`
}

// KindRule says whether a kind of finding is a reason to write to the owner,
// and for how long it has to have been a case before it is.
type KindRule struct {
	Offer bool          `yaml:"offer"`
	After time.Duration `yaml:"after"`
}

// WindowRule bounds the times that are offered: not before Lead from now, not
// after Longest nor after the forecast says the owner would notice, but at
// least Shortest wide.
type WindowRule struct {
	Lead     time.Duration `yaml:"lead"`
	Longest  time.Duration `yaml:"longest"`
	Shortest time.Duration `yaml:"shortest"`
}

// ProofRule says when telemetry has refuted a remedy: a reading that is later
// than the remedy by Settle, in event time, and still deviates; or no proof
// within Deadline of wall clock.
type ProofRule struct {
	Settle   time.Duration `yaml:"settle"`
	Deadline time.Duration `yaml:"deadline"`
}

// CommandRule says how often a command is repeated and when it expires.
type CommandRule struct {
	Repeat time.Duration `yaml:"repeat"`
	Expire time.Duration `yaml:"expire"`
}

// RetryRule says how a message that could not be sent for a passing reason is
// tried again: after First, then twice as long each time up to Longest, for
// GiveUp since the first try.
type RetryRule struct {
	First   time.Duration `yaml:"first"`
	Longest time.Duration `yaml:"longest"`
	GiveUp  time.Duration `yaml:"give_up"`
}

// DefaultPolicy returns the policy of a maker who has not written one.
func DefaultPolicy() Policy {
	const day = 24 * time.Hour
	return Policy{
		Version: "default-1",
		Quiet:   Quiet{From: 21 * 60, Until: 8 * 60},
		Budget:  Budget{Messages: 1, Per: 30 * day},
		Purposes: map[Purpose]PurposeRule{
			Offer:        {Quiet: true, Budget: true},
			Sorry:        {Quiet: true},
			AllWell:      {Quiet: true},
			Cancellation: {Quiet: true},
			Confirmation: {}, // it answers what the owner did a second ago
		},
		Kinds: map[anomaly.Kind]KindRule{
			anomaly.Drift: {Offer: true},
			anomaly.Step:  {Offer: true},
			anomaly.Noise: {Offer: true},
			anomaly.Stuck: {Offer: true},
			// A device that is offline for hours is no reason to write yet.
			anomaly.Silence: {Offer: true, After: day},
		},
		Window:   WindowRule{Lead: 2 * time.Hour, Longest: 3 * day, Shortest: day},
		Proof:    ProofRule{Settle: 30 * time.Minute, Deadline: day},
		Commands: CommandRule{Repeat: 15 * time.Second, Expire: day},
		Retry:    RetryRule{First: 30 * time.Second, Longest: 2 * time.Hour, GiveUp: day},
		Links:    30 * day,
	}
}

// Validate says what is wrong with a policy that somebody wrote.
func (p *Policy) Validate() error {
	positive := []struct {
		name string
		d    time.Duration
	}{
		{"window.longest", p.Window.Longest},
		{"window.shortest", p.Window.Shortest},
		{"proof.deadline", p.Proof.Deadline},
		{"commands.repeat", p.Commands.Repeat},
		{"commands.expire", p.Commands.Expire},
		{"retry.first", p.Retry.First},
		{"retry.longest", p.Retry.Longest},
		{"retry.give_up", p.Retry.GiveUp},
		{"links", p.Links},
	}
	for _, v := range positive {
		if v.d <= 0 {
			return devices.Errorf(devices.Invalid, "policy: %s must be a positive duration such as 24h", v.name)
		}
	}
	switch {
	case p.Version == "":
		return devices.Errorf(devices.Invalid, "policy: version must be set, because it is stored with every decision")
	case p.Window.Lead < 0 || p.Proof.Settle < 0:
		return devices.Errorf(devices.Invalid, "policy: window.lead and proof.settle must not be negative")
	case p.Quiet.long() > 24*time.Hour-awake:
		return devices.Errorf(devices.Invalid, "policy: quiet from %s until %s leaves no time to send anything; leave %s of the day at least", p.Quiet.From, p.Quiet.Until, awake)
	case p.Budget.Messages < 0 || p.Budget.Per < 0:
		return devices.Errorf(devices.Invalid, "policy: budget.messages and budget.per must not be negative")
	}
	for purpose := range p.Purposes {
		switch purpose {
		case Offer, Confirmation, Cancellation, AllWell, Sorry:
		default:
			return devices.Errorf(devices.Invalid, "policy: purposes: there is no purpose %q", purpose)
		}
	}
	for kind := range p.Kinds {
		switch kind {
		case anomaly.Drift, anomaly.Step, anomaly.Noise, anomaly.Stuck, anomaly.Silence:
		default:
			return devices.Errorf(devices.Invalid, "policy: kinds: there is no kind of finding %q", kind)
		}
	}
	return nil
}
