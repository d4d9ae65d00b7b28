package formats

import (
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
)

// sparkplug reads Sparkplug B, version 3.0, as a primary host does. [FM-6]
type sparkplug struct {
	device string // pattern of {group}, {edge} and {device}
	node   string // what of it names the edge node
}

// rebirthPause is how long a node has to answer before it is asked again.
const rebirthPause = 10 * time.Second

func openSparkplug(o Options) (reader, error) {
	s := &sparkplug{device: o.Device}
	if s.device == "" {
		s.device = "{edge}.{device}"
	}
	if err := checkPattern("option device", s.device, []string{"group", "edge", "device"}); err != nil {
		return nil, err
	}
	before, _, named := strings.Cut(s.device, "{device}")
	if !named {
		return nil, devices.Errorf(devices.Invalid, `the option device is %s; it must hold {device}, as "{edge}.{device}" does`, quote(o.Device))
	}
	if s.node = strings.TrimRight(before, ".:_-"); !strings.Contains(s.node, "{edge}") {
		s.node = "{edge}"
	}
	return s, nil
}

// spMessage is one message in work.
type spMessage struct {
	kind                string
	group, edge, device string
	id, nodeID          string
	payload             spPayload
	node                *spNode
	st                  *State
	c                   *collector
}

func (s *sparkplug) read(in *Input, st *State, c *collector) {
	m := &spMessage{st: st, c: c}
	if !m.topic(in.Topic) {
		return
	}
	parts := map[string]string{"group": m.group, "edge": m.edge, "device": m.device}
	if m.nodeID = c.device("", expand(s.node, parts)); m.nodeID == "" {
		return
	}
	if m.id = m.nodeID; m.device != "" {
		if m.id = c.device("", expand(s.device, parts)); m.id == "" {
			return
		}
	}
	if !m.parse(in.Payload) {
		return
	}
	if m.node = st.sparkplugNode(m.group + "/" + m.edge); m.node == nil {
		c.reject(refusef(TooLarge, "There are more than %d edge nodes online to remember.", st.limits.Devices))
		return
	}
	switch m.kind {
	case "NBIRTH":
		m.nodeBirth()
	case "NDEATH":
		m.nodeDeath()
	case "DBIRTH":
		m.deviceBirth()
	case "DDEATH":
		m.deviceDeath()
	default:
		m.data()
	}
}

// topic takes the topic apart. It is false if there is nothing to read. [FM-6.1]
func (m *spMessage) topic(topic string) bool {
	levels := strings.Split(topic, "/")
	if levels[0] != "spBv1.0" || len(levels) < 3 {
		m.c.reject(refusef(BadTopic, "The topic is %s. Sparkplug's are spBv1.0/group/type/edge node and, for a device, one level more.", quote(topic)))
		return false
	}
	if levels[1] == "STATE" {
		m.c.skip("", NotMeasurement, "It is the state of a host application.")
		return false
	}
	want := 0
	switch m.kind = levels[2]; m.kind {
	case "NBIRTH", "NDEATH", "NDATA":
		want = 4
	case "DBIRTH", "DDEATH", "DDATA":
		want = 5
	case "NCMD", "DCMD":
		m.c.skip("", NotMeasurement, "It is a command, which goes to the edge node.")
		return false
	default:
		m.c.reject(refusef(BadTopic, "The topic has the type %s, which Sparkplug does not know.", quote(m.kind)))
		return false
	}
	if len(levels) != want {
		m.c.reject(refusef(BadTopic, "A topic of the type %s has %d levels, but this one %d.", m.kind, want, len(levels)))
		return false
	}
	if m.group, m.edge = levels[1], levels[3]; want == 5 {
		m.device = levels[4]
	}
	const longest = 256
	for _, level := range levels[1:] {
		if level == "" || len(level) > longest {
			m.c.reject(refusef(BadTopic, "The topic %s has a level that is empty or longer than %d bytes.", quote(topic), longest))
			return false
		}
	}
	return true
}

// parse reads the payload, and the one in its body if that is compressed.
func (m *spMessage) parse(b []byte) bool {
	p, refusal := parseSparkplug(b, m.c.limits)
	if refusal == nil && p.uuid == "SPBV1.0_COMPRESSED" {
		algorithm := "deflate"
		for _, metric := range p.metrics {
			if string(metric.name) == "algorithm" && metric.field == spString {
				algorithm = validText(metric.bytes)
			}
		}
		var inner []byte
		if inner, refusal = inflate(p.body, algorithm, m.c.limits.Payload); refusal == nil {
			p, refusal = parseSparkplug(inner, m.c.limits)
		}
	}
	if refusal == nil && p.uuid == "SPBV1.0_COMPRESSED" {
		refusal = refusef(BadPayload, "The payload is compressed twice.")
	}
	if refusal == nil && p.hasSeq && p.seq > 255 {
		refusal = refusef(BadPayload, "The sequence number is %d; it counts from 0 to 255.", p.seq)
	}
	m.payload = p
	m.c.reject(refusal)
	return refusal == nil
}

func (m *spMessage) nodeBirth() {
	m.node.forget(m.st)
	m.node.online, m.node.hasBD, m.node.counted = true, false, false
	if m.node.birth, m.node.hasBD = m.bdSeq(); !m.node.hasBD {
		m.c.refuse("bdSeq", BadPayload, "The birth has no metric bdSeq, so that a late last will cannot be told from the present one.")
	}
	m.inOrder()
	m.node.asked = time.Time{}
	m.c.event(Event{Device: m.nodeID, Kind: Online})
	m.birth(Hint{Device: m.nodeID, Name: m.edge, Attributes: map[string]string{"group": m.group}})
}

func (m *spMessage) deviceBirth() {
	m.inOrder()
	if !m.node.online {
		m.rebirth("a device is born, but not its edge node")
	}
	if _, known := m.node.devices[m.device]; !known && len(m.node.devices) >= m.st.limits.Devices {
		m.c.reject(refusef(TooLarge, "The edge node has more than %d devices.", m.st.limits.Devices))
		return
	}
	m.node.forgetDevice(m.st, m.device)
	if m.node.devices == nil {
		m.node.devices = map[string]string{}
	}
	m.node.devices[m.device] = m.id
	m.c.event(Event{Device: m.id, Kind: Online})
	m.birth(Hint{Device: m.id, Name: m.device, Via: m.nodeID})
}

// nodeDeath is the last will, whose own time is that of the connection's
// beginning. [FM-6.3]
func (m *spMessage) nodeDeath() {
	if bd, has := m.bdSeq(); m.node.online && has && m.node.hasBD && bd != m.node.birth {
		m.c.skip("", Stale, "It is the last will of session %d, but session %d is alive.", bd, m.node.birth)
		return
	}
	m.c.event(Event{Device: m.nodeID, Kind: Offline})
	for _, device := range sortedKeys(m.node.devices) {
		m.c.event(Event{Device: m.node.devices[device], Kind: Offline})
	}
	m.node.forget(m.st)
	m.node.online, m.node.counted = false, false
}

func (m *spMessage) deviceDeath() {
	m.inOrder()
	m.node.forgetDevice(m.st, m.device)
	delete(m.node.devices, m.device)
	m.c.event(Event{Device: m.id, Kind: Offline, Time: m.time(nil)})
}

func (m *spMessage) data() {
	m.inOrder()
	switch {
	case !m.node.online:
		m.rebirth("data came, but no birth of the edge node is known")
	case m.device != "" && m.node.devices[m.device] == "":
		m.rebirth("data came, but no birth of the device is known")
	}
	for i := range m.payload.metrics {
		m.metric(&m.payload.metrics[i])
		if !m.c.going() {
			return
		}
	}
}

// bdSeq returns the number of the session.
func (m *spMessage) bdSeq() (uint64, bool) {
	for i := range m.payload.metrics {
		if p := &m.payload.metrics[i]; string(p.name) == "bdSeq" && (p.field == spLong || p.field == spInt) {
			return p.bits, true
		}
	}
	return 0, false
}

// inOrder checks the sequence number. What comes out of order is stored all the
// same, since every sample has its time; but a birth may be among what is
// missing. [FM-6.6]
func (m *spMessage) inOrder() {
	if !m.payload.hasSeq && strings.HasSuffix(m.kind, "BIRTH") {
		m.c.refuse("seq", BadPayload, "The birth has no sequence number, so that a gap cannot be seen.")
	}
	if !m.payload.hasSeq {
		return
	}
	if missing := m.node.count(uint8(m.payload.seq)); missing > 0 && m.node.online {
		m.rebirth("messages of the edge node are missing")
	}
}

// rebirth asks the node to tell everything again, unless it has just been
// asked.
func (m *spMessage) rebirth(why string) {
	now := m.c.in.Received
	if since := now.Sub(m.node.asked); !m.node.asked.IsZero() && since >= 0 && since < rebirthPause {
		return
	}
	m.node.asked = now
	m.c.request(Request{
		Topic:   "spBv1.0/" + m.group + "/NCMD/" + m.edge,
		Payload: rebirthCommand(uint64(max(0, now.UnixMilli()))),
		Why:     why,
	})
}
