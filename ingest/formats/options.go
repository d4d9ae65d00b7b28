package formats

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
)

// Options are a rule's wishes for its decoder. Each format takes some of them
// and refuses the others; docs/formats.md says which. [FM-1.8]
type Options struct {
	Fields []Field `json:"fields,omitempty" yaml:"fields"` // names for what the format calls otherwise
	Others string  `json:"others,omitempty" yaml:"others"` // keep or drop what no field names; default drop if there are fields

	Each     string `json:"each,omitempty" yaml:"each"`           // json: path of the objects that are readings
	Time     string `json:"time,omitempty" yaml:"time"`           // json: path of the time
	TimeUnit string `json:"time_unit,omitempty" yaml:"time_unit"` // json: s, ms, us, ns; default by magnitude
	Name     string `json:"name,omitempty" yaml:"name"`           // json: path of the quantity's name, where each object is one value
	Value    string `json:"value,omitempty" yaml:"value"`         // json: path of its value
	Device   string `json:"device,omitempty" yaml:"device"`       // json: path of the device's name; senml: name; sparkplug: pattern
	Zone     string `json:"zone,omitempty" yaml:"zone"`           // json, tasmota: IANA name for times without a zone
	Base     string `json:"base,omitempty" yaml:"base"`           // zigbee2mqtt: base topic; homeassistant: discovery prefix
}

// given returns the names of the options that are set, without fields and
// others, which every format takes.
func (o Options) given() []string {
	var out []string
	for _, x := range []struct{ name, value string }{
		{"each", o.Each},
		{"time", o.Time},
		{"time_unit", o.TimeUnit},
		{"name", o.Name},
		{"value", o.Value},
		{"device", o.Device},
		{"zone", o.Zone},
		{"base", o.Base},
	} {
		if x.value != "" {
			out = append(out, x.name)
		}
	}
	return out
}

// only refuses options that a format does not take.
func (o Options) only(format string, takes []string) error {
	for _, name := range o.given() {
		if !slices.Contains(takes, name) {
			all := append([]string{"fields", "others"}, takes...)
			return devices.Errorf(devices.Invalid, "the format %s has no option %s; it takes %s", format, name, strings.Join(all, ", "))
		}
	}
	return nil
}

func (o Options) location() (*time.Location, error) {
	if o.Zone == "" {
		return nil, nil
	}
	zone, err := devices.LoadZone(o.Zone)
	if err != nil {
		return nil, devices.Wrap(err, devices.Invalid, `the option zone is %s, which is no known time zone; give its IANA name, such as "Europe/Berlin"`, quote(o.Zone))
	}
	return zone, nil
}

func (o Options) unit() (timeUnit, error) {
	switch o.TimeUnit {
	case "", "auto":
		return autoUnit, nil
	case "s":
		return seconds, nil
	case "ms":
		return millis, nil
	case "us":
		return micros, nil
	case "ns":
		return nanos, nil
	}
	return 0, devices.Errorf(devices.Invalid, "the option time_unit is %s; use s, ms, us, ns or auto", quote(o.TimeUnit))
}

// plainPath reads an option that is a path to one value.
func plainPath(name, value string) (path, error) {
	p, err := parsePath(value)
	if err != nil {
		return nil, devices.Errorf(devices.Invalid, "the option %s: %s", name, devices.MessageOf(err))
	}
	if p.wildcards() > 0 {
		return nil, devices.Errorf(devices.Invalid, "the option %s is %s, which has wildcards; it must lead to one value", name, quote(value))
	}
	return p, nil
}

// keepOthers says whether values that no field names are kept.
func (o Options) keepOthers() (bool, error) {
	switch o.Others {
	case "":
		return len(o.Fields) == 0, nil
	case "keep":
		return true, nil
	case "drop":
		if len(o.Fields) == 0 {
			return false, devices.Errorf(devices.Invalid, "the option others is drop, but there are no fields: nothing would be left; name fields or leave it out")
		}
		return false, nil
	}
	return false, devices.Errorf(devices.Invalid, "the option others is %s; use keep or drop", quote(o.Others))
}

// checkFields reads the fields. The names are literal for formats that are not
// made of JSON.
func (o Options) checkFields(literal bool) ([]field, error) {
	var out []field
	const most = 1000
	if len(o.Fields) > most {
		return nil, devices.Errorf(devices.Invalid, "there are %d fields; %d are the most", len(o.Fields), most)
	}
	seen := map[string]string{}
	for _, f := range o.Fields {
		c, err := newField(f, literal)
		if err != nil {
			return nil, err
		}
		key := fmt.Sprintf("%s|%s", c.steps, f.OfUnit)
		if literal {
			key = f.Path + "|" + f.OfUnit
		}
		if _, twice := seen[key]; twice {
			return nil, devices.Errorf(devices.Invalid, "the field %s is there twice; leave one out", quote(f.Path))
		}
		seen[key] = f.Metric
		out = append(out, c)
	}
	return out, nil
}
