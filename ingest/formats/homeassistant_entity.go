package formats

import (
	"slices"
	"strings"
	"time"
)

// haEntity is one quantity that a discovery message has announced. [FM-10.2]
type haEntity struct {
	device       string
	channel      string
	component    string
	topic        string
	template     *haTemplate
	unit, class  string
	on, off      string
	every        time.Duration
	availability []haAvailability
}

// haAvailability is a topic that says whether the entity can be reached.
type haAvailability struct {
	topic, on, off string
	template       *haTemplate
}

// haDiscovery is what discovery has announced. [FM-10.2]
type haDiscovery struct {
	byConfig map[string][]*haEntity // by the topic of the message that announced them
	byTopic  map[string][]*haEntity // by every topic that says something about them
}

func (d *haDiscovery) forget(st *State, config string) (gone []*haEntity) {
	gone = d.byConfig[config]
	delete(d.byConfig, config)
	st.used -= len(gone)
	for _, e := range gone {
		for _, topic := range e.topics() {
			left := slices.DeleteFunc(d.byTopic[topic], func(o *haEntity) bool { return o == e })
			if d.byTopic[topic] = left; len(left) == 0 {
				delete(d.byTopic, topic)
			}
		}
	}
	return gone
}

func (d *haDiscovery) learn(st *State, config string, e *haEntity) bool {
	if st.used >= st.limits.Channels {
		return false
	}
	if d.byConfig == nil {
		d.byConfig, d.byTopic = map[string][]*haEntity{}, map[string][]*haEntity{}
	}
	st.used++
	d.byConfig[config] = append(d.byConfig[config], e)
	for _, topic := range e.topics() {
		d.byTopic[topic] = append(d.byTopic[topic], e)
	}
	return true
}

// has reports whether a device still has an entity.
func (d *haDiscovery) has(device string) bool {
	for _, entities := range d.byConfig {
		for _, e := range entities {
			if e.device == device {
				return true
			}
		}
	}
	return false
}

func (e *haEntity) topics() []string {
	var out []string
	if e.topic != "" {
		out = append(out, e.topic)
	}
	for _, a := range e.availability {
		if !slices.Contains(out, a.topic) {
			out = append(out, a.topic)
		}
	}
	return out
}

// haShort are the abbreviations of the keys that matter here.
var haShort = map[string]string{
	"availability": "avty", "availability_mode": "avty_mode", "availability_template": "avty_tpl", "availability_topic": "avty_t",
	"components": "cmps", "connections": "cns", "device": "dev", "device_class": "dev_cla", "expire_after": "exp_aft",
	"hw_version": "hw", "identifiers": "ids", "manufacturer": "mf", "model": "mdl", "model_id": "mdl_id", "origin": "o",
	"payload_available": "pl_avail", "payload_not_available": "pl_not_avail", "payload_off": "pl_off", "payload_on": "pl_on",
	"platform": "p", "serial_number": "sn", "state_class": "stat_cla", "state_off": "stat_off", "state_on": "stat_on",
	"state_topic": "stat_t", "suggested_area": "sa", "sw_version": "sw", "topic": "t", "unique_id": "uniq_id",
	"unit_of_measurement": "unit_of_meas", "value_template": "val_tpl",
}

// haMember returns the member of that name or of its abbreviation. [FM-10.3]
func haMember(v jsonValue, name string) jsonValue {
	if m := v.member(name); m.kind() != jsonAbsent {
		return m
	}
	return v.member(haShort[name])
}

// haTopic reads a topic, in which ~ at either end is the base. [FM-10.3]
func haTopic(v jsonValue, base string) string {
	s := short(v)
	if rest, is := strings.CutPrefix(s, "~"); is {
		s = base + rest
	}
	if rest, is := strings.CutSuffix(s, "~"); is {
		s = rest + base
	}
	return s
}

// haFirst is a text, or the first one of a list, or of a list of lists its
// second: identifiers and connections come in these forms.
func haFirst(v jsonValue) string {
	switch first := v.element(0); first.kind() {
	case jsonAbsent:
		return short(v)
	case jsonArray:
		return short(first.element(1))
	default:
		return short(first)
	}
}
