package formats

import (
	"strings"

	"github.com/forecare/forecare/devices"
)

// Format is one way in which devices speak.
type Format struct {
	Name   string   // for rules and the command line
	Title  string   // for people
	Topics []string // filters with named parts as its devices usually use them
	takes  []string // options beside fields and others
	names  nameKind
	recall bool // its messages are understood only with what earlier ones said
	open   func(Options) (reader, error)
}

// nameKind says whether the names of a format's quantities are paths into JSON.
type nameKind bool

const (
	paths   nameKind = false
	literal nameKind = true
)

// All returns the formats in the order of the documentation.
func All() []Format {
	return []Format{
		{
			Name: "json", Title: "JSON of any shape, by paths", Topics: []string{"{device}/telemetry"},
			takes: []string{"each", "time", "time_unit", "name", "value", "device", "zone"}, open: openMapping,
		},
		{
			Name: "senml", Title: "SenML in JSON or CBOR (RFC 8428)", Topics: []string{"senml/{device}"},
			takes: []string{"device"}, names: literal, open: openSenML,
		},
		{
			Name: "sparkplug", Title: "Sparkplug B", Topics: []string{"spBv1.0/#"},
			takes: []string{"device"}, names: literal, recall: true, open: openSparkplug,
		},
		{
			Name: "thingsboard", Title: "ThingsBoard's device and gateway API", Topics: []string{"v1/devices/me/#", "v1/gateway/#", "v2/#"},
			open: openThingsBoard,
		},
		{
			Name: "tasmota", Title: "Tasmota", Topics: []string{"tele/{device}/+", "stat/{device}/+", "tasmota/discovery/#"},
			takes: []string{"zone"}, open: openTasmota,
		},
		{
			Name: "zigbee2mqtt", Title: "Zigbee2MQTT", Topics: []string{"zigbee2mqtt/#"},
			takes: []string{"base"}, recall: true, open: openZigbee2MQTT,
		},
		{
			Name: "homeassistant", Title: "Home Assistant discovery", Topics: []string{"homeassistant/#"},
			takes: []string{"base"}, names: literal, recall: true, open: openHomeAssistant,
		},
	}
}

// Lookup returns the format of that name.
func Lookup(name string) (Format, bool) {
	for _, f := range All() {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}

// Names returns the names of all formats.
func Names() []string {
	var out []string
	for _, f := range All() {
		out = append(out, f.Name)
	}
	return out
}

// NewDecoder returns a decoder of the named format. The error is Invalid and
// says which option is wrong. [FM-1.8]
func NewDecoder(name string, o Options, l Limits) (*Decoder, error) {
	f, known := Lookup(name)
	if !known {
		return nil, devices.Errorf(devices.Invalid, "there is no format %s; use one of %s", quote(name), strings.Join(Names(), ", "))
	}
	if err := o.only(name, f.takes); err != nil {
		return nil, err
	}
	d := &Decoder{format: f, limits: l.withDefaults()}
	var err error
	if d.fields, err = o.checkFields(bool(f.names)); err != nil {
		return nil, err
	}
	if d.others, err = o.keepOthers(); err != nil {
		return nil, err
	}
	if d.reader, err = f.open(o); err != nil {
		return nil, err
	}
	return d, nil
}
