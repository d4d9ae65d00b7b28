package account

import (
	"slices"

	"github.com/forecare/forecare/devices"
)

// Role is what somebody is here to do.
type Role string

// The roles.
const (
	Admin   Role = "admin"   // a maker: connects and watches the fleet, decides who may sign in
	Agent   Role = "agent"   // works cases with the full context
	Planner Role = "planner" // sees to it that remedies are done; field-service programs have this role too
)

// Roles returns every role.
func Roles() []Role { return []Role{Admin, Agent, Planner} }

// ParseRole reads a role's name.
func ParseRole(s string) (Role, error) {
	if r := Role(s); slices.Contains(Roles(), r) {
		return r, nil
	}
	return "", devices.Errorf(devices.Invalid, "There is no role %q; choose admin, agent or planner.", s)
}

// Permission is one thing that a role may do.
type Permission string

// The permissions. Every route of the web server names one.
const (
	SeeSelf      Permission = "see_self"      // anybody who is signed in
	SeeFleet     Permission = "see_fleet"     // devices, models, readings, findings
	ChangeFleet  Permission = "change_fleet"  // add, disable, rotate devices; import models
	SeeCases     Permission = "see_cases"     // cases, their timelines and messages
	WorkCases    Permission = "work_cases"    // notes, dismissals
	DoRemedies   Permission = "do_remedies"   // start and finish a remedy
	SeeContacts  Permission = "see_contacts"  // owners with their addresses
	SeeRefused   Permission = "see_refused"   // dead letters with payload
	SeeStatus    Permission = "see_status"    // health of the parts, metrics
	ManageAccess Permission = "manage_access" // users, sign-in links, API tokens
)

// May reports whether the role has the permission. It is the one place that
// decides.
func (r Role) May(p Permission) bool {
	switch r {
	case Admin:
		return true
	case Agent:
		switch p {
		case SeeSelf, SeeFleet, SeeCases, WorkCases, DoRemedies, SeeContacts, SeeStatus:
			return true
		}
	case Planner:
		switch p {
		case SeeSelf, SeeFleet, SeeCases, DoRemedies:
			return true
		}
	}
	return false
}
