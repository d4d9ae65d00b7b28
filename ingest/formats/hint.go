package formats

import "time"

// Hint is what a birth or a discovery says about a device: enough to propose
// it for the registry. Device is an identifier, Name what the device calls
// itself. Gone says that it was taken out of the field. Via is the identifier
// of the gateway that it sits behind. [FM-1.6]
type Hint struct {
	Device   string        `json:"device,omitempty"`
	Name     string        `json:"name,omitempty"`
	Maker    string        `json:"maker,omitempty"`
	Model    string        `json:"model,omitempty"`
	Firmware string        `json:"firmware,omitempty"`
	Serial   string        `json:"serial,omitempty"`
	Via      string        `json:"via,omitempty"`
	Gone     bool          `json:"gone,omitempty"`
	Channels []ChannelHint `json:"channels,omitempty"`
	// Attributes are facts that have no field above, by the device's own name.
	Attributes map[string]string `json:"attributes,omitempty"`
}

// ChannelHint is what is known about one quantity of a device beforehand. Type
// and Class are the format's own words for the kind of value and of quantity.
// Every is how often a value is due at the least, 0 if nobody says.
type ChannelHint struct {
	Channel string        `json:"channel"`
	Metric  string        `json:"metric"`
	Unit    string        `json:"unit,omitempty"`
	Type    string        `json:"type,omitempty"`
	Class   string        `json:"class,omitempty"`
	Every   time.Duration `json:"every,omitempty"`
}

// attribute notes a fact. There are at most 64, so that a hint stays small.
func (h *Hint) attribute(name, value string) {
	if h.Attributes == nil {
		h.Attributes = map[string]string{}
	}
	if len(h.Attributes) < 64 && value != "" {
		h.Attributes[name] = value
	}
}

// empty reports whether nothing but the device's identifier is known.
func (h *Hint) empty() bool {
	return h.Name == "" && h.Maker == "" && h.Model == "" && h.Firmware == "" && h.Serial == "" && h.Via == "" &&
		!h.Gone && len(h.Channels) == 0 && len(h.Attributes) == 0
}
