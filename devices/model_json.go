package devices

import (
	"encoding/json"
	"strings"
	"time"
)

// modelJSON is a Model as JSON has it: durations are strings such as "10m".
type modelJSON struct {
	Tenant   string       `json:"tenant,omitempty"`
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	Words    Words        `json:"words,omitempty"`
	Interval duration     `json:"interval"`
	Metrics  []Metric     `json:"metrics"`
	Remedies []remedyJSON `json:"remedies,omitempty"`
}

// remedyJSON is a Remedy as JSON has it.
type remedyJSON struct {
	ID       string   `json:"id"`
	Words    Words    `json:"words,omitempty"`
	Metrics  []string `json:"metrics,omitempty"`
	Duration duration `json:"duration"`
	Skill    string   `json:"skill,omitempty"`
	Command  string   `json:"command,omitempty"`
	Remote   bool     `json:"remote,omitempty"`
}

// ParseModel reads the JSON of one model, as a maker writes it by hand. It is
// strict: a key that it does not know or that comes twice is an error that
// names the key and where it is. Durations are strings ("10m", "1h30m"). It
// does not call Validate, since the tenant is often the caller's to set.
func ParseModel(b []byte) (Model, error) {
	var in modelJSON
	if err := parseStrict(b, &in); err != nil {
		return Model{}, err
	}
	return in.model(), nil
}

func (in *modelJSON) model() Model {
	m := Model{Tenant: in.Tenant, ID: in.ID, Name: in.Name, Words: in.Words, Interval: time.Duration(in.Interval), Metrics: in.Metrics}
	for i := range in.Remedies {
		m.Remedies = append(m.Remedies, in.Remedies[i].remedy())
	}
	return m
}

func (in *remedyJSON) remedy() Remedy {
	return Remedy{ID: in.ID, Words: in.Words, Metrics: in.Metrics, Duration: time.Duration(in.Duration), Skill: in.Skill, Command: in.Command, Remote: in.Remote}
}

func (r *Remedy) json() remedyJSON {
	return remedyJSON{ID: r.ID, Words: r.Words, Metrics: r.Metrics, Duration: duration(r.Duration), Skill: r.Skill, Command: r.Command, Remote: r.Remote}
}

// MarshalJSON writes what ParseModel reads.
func (m Model) MarshalJSON() ([]byte, error) {
	out := modelJSON{Tenant: m.Tenant, ID: m.ID, Name: m.Name, Words: m.Words, Interval: duration(m.Interval), Metrics: m.Metrics}
	for i := range m.Remedies {
		out.Remedies = append(out.Remedies, m.Remedies[i].json())
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes. Other than ParseModel it skips
// keys that it does not know.
func (m *Model) UnmarshalJSON(b []byte) error {
	var in modelJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*m = in.model()
	return nil
}

// MarshalJSON writes the duration as a string.
func (r Remedy) MarshalJSON() ([]byte, error) { return json.Marshal(r.json()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (r *Remedy) UnmarshalJSON(b []byte) error {
	var in remedyJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*r = in.remedy()
	return nil
}

// duration is a time.Duration that is a string in JSON.
type duration time.Duration

// MarshalJSON writes "1h30m".
func (d duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(FormatDuration(time.Duration(d)))
}

// UnmarshalJSON reads what time.ParseDuration reads.
func (d *duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return Errorf(Invalid, `%.80s is no duration; write a string such as "10m" or "1h30m"`, b)
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return Errorf(Invalid, `%s is no duration; write it such as "30s", "10m" or "1h30m"`, quoteShort(s))
	}
	*d = duration(v)
	return nil
}

// FormatDuration writes a duration as JSON has it: Duration.String without the
// zeros behind, "10m" rather than "10m0s".
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
