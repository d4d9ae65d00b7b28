package devices

import (
	"maps"
	"slices"
	"time"
)

// Key names a device on the whole platform. Both parts match the identifier
// grammar of ValidID.
type Key struct {
	Tenant string `json:"tenant"`
	Device string `json:"device"`
}

// String returns "tenant/device", which is also the device's MQTT user name.
func (k Key) String() string { return k.Tenant + "/" + k.Device }

// Device is one thing in the field. Model is the id of a Model of the same
// tenant. Owner is the id of a Contact, Gateway the id of the device that may
// publish for this one; both may be empty.
type Device struct {
	Key
	Model    string    `json:"model"`
	Firmware string    `json:"firmware"`
	Site     Site      `json:"site"`
	Owner    string    `json:"owner,omitempty"`
	Gateway  string    `json:"gateway,omitempty"`
	Disabled bool      `json:"disabled,omitempty"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
}

// Site is where a device stands. Zone is an IANA name such as Europe/Berlin;
// Lat and Lon are degrees, WGS 84.
type Site struct {
	ID   string  `json:"id"`
	Name string  `json:"name"`
	Lat  float64 `json:"lat"`
	Lon  float64 `json:"lon"`
	Zone string  `json:"zone"`
}

// Model describes all devices of one make: what they measure and what can be
// done for them. Interval is the usual time between two readings.
type Model struct {
	Tenant   string        `json:"tenant"`
	ID       string        `json:"id"`
	Name     string        `json:"name"`
	Words    Words         `json:"words,omitempty"` // what an owner calls it: "espresso machine"
	Interval time.Duration `json:"interval"`
	Metrics  []Metric      `json:"metrics"`
	Remedies []Remedy      `json:"remedies,omitempty"`
}

// Metric returns the metric of that name.
func (m *Model) Metric(name string) (*Metric, bool) {
	for i := range m.Metrics {
		if m.Metrics[i].Name == name {
			return &m.Metrics[i], true
		}
	}
	return nil, false
}

// Metric is one quantity that a model reports. Min and Max bound what is
// physically possible (a reading outside is no measurement); nil means no
// bound. Noticeable is the deviation from the device's healthy value, in Unit,
// that an owner would feel; 0 means the maker has not said. Tolerance is the
// deviation, in Unit, that is still good service; 0 means unknown.
type Metric struct {
	Name       string   `json:"name"`
	Unit       string   `json:"unit"`
	Words      Words    `json:"words,omitempty"` // what an owner calls it: "brewing temperature"
	Min        *float64 `json:"min,omitempty"`
	Max        *float64 `json:"max,omitempty"`
	Noticeable float64  `json:"noticeable,omitempty"`
	Tolerance  float64  `json:"tolerance,omitempty"`
}

// Remedy cures drift of the named metrics (all, if none is named). Command is
// the name sent to the device on cmd/{id}; a remedy without one is done by
// hand. Remote says that no visit is needed.
type Remedy struct {
	ID       string        `json:"id"`
	Words    Words         `json:"words,omitempty"` // what an owner reads: "a short calibration"
	Metrics  []string      `json:"metrics,omitempty"`
	Duration time.Duration `json:"duration"`
	Skill    string        `json:"skill,omitempty"`
	Command  string        `json:"command,omitempty"`
	Remote   bool          `json:"remote,omitempty"`
}

// RemedyFor returns the first remedy that covers the metric.
func (m *Model) RemedyFor(metric string) (*Remedy, bool) {
	for i := range m.Remedies {
		r := &m.Remedies[i]
		if len(r.Metrics) == 0 {
			return r, true
		}
		for _, name := range r.Metrics {
			if name == metric {
				return r, true
			}
		}
	}
	return nil, false
}

// Words holds one phrase in several languages, by BCP 47 primary language.
type Words map[string]string

// In returns the phrase in lang, else in English, else the fallback.
func (w Words) In(lang, fallback string) string {
	if s, ok := w[lang]; ok && s != "" {
		return s
	}
	if s, ok := w["en"]; ok && s != "" {
		return s
	}
	return fallback
}

// Languages returns the languages that have a phrase, sorted.
func (w Words) Languages() []string {
	return slices.Sorted(maps.Keys(w))
}

// Contact is a person who owns devices. Locale is a BCP 47 tag, Zone an IANA
// name: quiet hours are theirs.
type Contact struct {
	Tenant    string    `json:"tenant"`
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Locale    string    `json:"locale"`
	Zone      string    `json:"zone"`
	Addresses []Address `json:"addresses,omitempty"`
	Created   time.Time `json:"created"`
	Updated   time.Time `json:"updated"`
}

// Address is one way to reach a contact. Channel is a registered channel's
// name (email, webhook, webpush); Value is the mail address, the URL, or the
// push subscription as JSON. Preference orders the channels, lowest first.
// Consent is the instant of the person's yes, zero if there is none;
// Withdrawn the instant of their no, which wins while it is later.
type Address struct {
	Channel    string    `json:"channel"`
	Value      string    `json:"value"`
	Preference int       `json:"preference,omitempty"`
	Consent    time.Time `json:"consent,omitzero"`
	Withdrawn  time.Time `json:"withdrawn,omitzero"`
}

// Allowed reports whether the person has said yes and not taken it back.
func (a Address) Allowed() bool {
	return !a.Consent.IsZero() && !a.Withdrawn.After(a.Consent)
}
