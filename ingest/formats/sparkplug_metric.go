package formats

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// time is that of a metric, else that of the payload, else zero, which means
// the moment of receipt.
func (m *spMessage) time(p *spMetric) time.Time {
	switch {
	case p != nil && p.hasTime:
		return millisTime(p.timestamp)
	case m.payload.hasTime:
		return millisTime(m.payload.timestamp)
	}
	return time.Time{}
}

// birth learns the metrics and takes their values.
func (m *spMessage) birth(h Hint) {
	for i := range m.payload.metrics {
		p := &m.payload.metrics[i]
		name := validText(p.name)
		if len(name) > m.c.limits.Name {
			m.c.refuse("", TooLarge, "The name of a metric is longer than %d bytes.", m.c.limits.Name)
			continue
		}
		if name == "" {
			m.c.refuse("", BadPayload, "Metric %d of the birth has no name.", i+1)
			continue
		}
		info := &spMetricInfo{
			spName: spName{m.device, name}, datatype: p.datatype, unit: parseSparkplugProperties(p.properties).unit,
			alias: p.alias, aliased: p.hasAlias,
		}
		if refusal := m.node.learn(m.st, info); refusal != nil {
			m.c.refuse(name, refusal.Reason, "%s", refusal.Detail)
			continue
		}
		switch folder, _, _ := strings.Cut(name, "/"); {
		case name == "bdSeq" || folder == "Node Control" || folder == "Device Control":
		case folder == "Properties":
			h.property(strings.TrimPrefix(name, "Properties/"), p)
		case p.datatype.readable():
			h.Channels = append(h.Channels, ChannelHint{Channel: name, Type: p.datatype.String(), Unit: info.unit})
		}
		m.metric(p)
		if !m.c.going() {
			return
		}
	}
	m.c.hint(h, true)
}

// property takes one of the facts that a node tells about itself.
func (h *Hint) property(name string, p *spMetric) {
	v, refusal := p.value(p.datatype)
	if refusal != nil || v.Kind == Data {
		return
	}
	text := v.String()
	if v.Kind == Text {
		text = v.Text
	}
	if len(text) > 256 || len(name) > 64 {
		return
	}
	switch strings.ToLower(name) {
	case "fw", "firmware", "firmware version":
		h.Firmware = text
	case "hardware make":
		h.Maker = text
	case "hardware model":
		h.Model = text
	case "serial number", "serial":
		h.Serial = text
	default:
		h.attribute(name, text)
	}
}

func (t spType) readable() bool {
	return t != spTypeDataSet && t < spTypeTemplate || t.array()
}

// metric takes one value of a birth or of data. [FM-6.4]
func (m *spMessage) metric(p *spMetric) {
	info, refusal := m.info(p)
	if refusal != nil {
		at := quote(p.name)
		if len(p.name) == 0 {
			at = fmt.Sprintf("alias %d", p.alias)
		}
		m.c.refuse(at, refusal.Reason, "%s", refusal.Detail)
		return
	}
	properties := parseSparkplugProperties(p.properties)
	if reason := skipReason(info.name, p, properties); reason != "" {
		m.c.skip(info.name, NotMeasurement, "%s", reason)
		return
	}
	datatype := p.datatype
	if datatype == spTypeUnknown {
		datatype = info.datatype
	}
	if datatype == spTypeUnknown {
		datatype = p.guess()
	}
	like := Sample{Device: m.id, Channel: info.name, Unit: properties.unit, Time: m.time(p), Clock: DeviceClock, Historical: p.historical}
	if like.Unit == "" {
		like.Unit = info.unit
	}
	switch {
	case p.null:
		like.Value = Value{Kind: Null}
		m.c.sample(like, nil)
	case datatype.array():
		m.list(p, datatype, like)
	default:
		if like.Value, refusal = p.value(datatype); refusal != nil {
			m.c.refuse(info.name, refusal.Reason, "%s", refusal.Detail)
			return
		}
		m.c.sample(like, nil)
	}
}

func (m *spMessage) list(p *spMetric, t spType, like Sample) {
	values, refusal := p.elements(t, m.c.limits.Values)
	if refusal != nil {
		m.c.refuse(like.Channel, refusal.Reason, "%s", refusal.Detail)
		return
	}
	name := like.Channel
	for i, v := range values {
		like.Channel, like.Value = fmt.Sprintf("%s[%d]", name, i), v
		m.c.sample(like, nil)
		if !m.c.going() {
			return
		}
	}
}

// info is what the births say of a metric; a metric with its name in the data
// needs none.
func (m *spMessage) info(p *spMetric) (spMetricInfo, *Refusal) {
	if len(p.name) > m.c.limits.Name {
		return spMetricInfo{}, refusef(TooLarge, "The name is longer than %d bytes.", m.c.limits.Name)
	}
	if len(p.name) > 0 {
		name := spName{m.device, validText(p.name)}
		if known := m.node.byName[name]; known != nil {
			return *known, nil
		}
		return spMetricInfo{spName: name}, nil
	}
	if !p.hasAlias {
		return spMetricInfo{}, refusef(BadPayload, "The metric has neither a name nor an alias.")
	}
	known := m.node.byAlias[p.alias]
	switch {
	case known == nil:
		m.rebirth("the alias of a metric is unknown")
		return spMetricInfo{}, refusef(UnknownMetric, "No birth has said what the alias %d means. The edge node has been asked for a rebirth.", p.alias)
	case known.device != m.device:
		return spMetricInfo{}, refusef(BadPayload, "The alias %d means %s of another part of the edge node.", p.alias, quote(known.name))
	}
	return *known, nil
}

// skipReason says why a metric is no measurement, "" if it is one.
func skipReason(name string, p *spMetric, props spProperties) string {
	const good, stale = 192, 500
	folder, _, _ := strings.Cut(name, "/")
	switch {
	case name == "bdSeq" || folder == "Node Control" || folder == "Device Control":
		return "It is for control."
	case folder == "Properties":
		return "It is a fact about the device."
	case p.transient:
		return "The device marks it transient, not to be stored."
	case props.hasQuality && props.quality == stale:
		return "The device marks it stale."
	case props.hasQuality && props.quality != good:
		return fmt.Sprintf("The device marks its quality as %d, where %d is good.", props.quality, good)
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
