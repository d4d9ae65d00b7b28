package formats

import "time"

// spNode is what a host remembers of an edge node. [FM-6.3]
type spNode struct {
	online  bool
	birth   uint64 // the bdSeq of its birth
	hasBD   bool
	next    uint8 // the sequence number that is due
	counted bool  // next is known
	asked   time.Time
	devices map[string]string // identifiers of those online, by the device level of the topic
	byAlias map[uint64]*spMetricInfo
	byName  map[spName]*spMetricInfo
}

// spName is a metric's name; device is "" for the node's own.
type spName struct{ device, name string }

// spMetricInfo is what a birth says about a metric.
type spMetricInfo struct {
	spName
	datatype spType
	unit     string
	alias    uint64
	aliased  bool
}

// sparkplugNode returns what is remembered of a node. It makes room for a new
// one by forgetting one that is offline; without any it is nil.
func (st *State) sparkplugNode(key string) *spNode {
	if n := st.sparkplug[key]; n != nil {
		return n
	}
	if len(st.sparkplug) >= st.limits.Devices {
		if !st.forgetOffline() {
			return nil
		}
	}
	if st.sparkplug == nil {
		st.sparkplug = map[string]*spNode{}
	}
	n := &spNode{}
	st.sparkplug[key] = n
	return n
}

func (st *State) forgetOffline() bool {
	oldest := ""
	for key, n := range st.sparkplug {
		if !n.online && (oldest == "" || key < oldest) { // the same one in every run
			oldest = key
		}
	}
	if oldest == "" {
		return false
	}
	st.sparkplug[oldest].forget(st)
	delete(st.sparkplug, oldest)
	return true
}

// forget empties the node's tables.
func (n *spNode) forget(st *State) {
	st.used -= len(n.byName)
	n.devices, n.byAlias, n.byName = nil, nil, nil
}

// forgetDevice takes a device's metrics out of the tables.
func (n *spNode) forgetDevice(st *State, device string) {
	for name, m := range n.byName {
		if name.device != device {
			continue
		}
		if m.aliased {
			delete(n.byAlias, m.alias)
		}
		delete(n.byName, name)
		st.used--
	}
}

// learn adds a metric of a birth. It is refused if its alias means another one
// already, or if there is no room.
func (n *spNode) learn(st *State, info *spMetricInfo) *Refusal {
	if info.aliased {
		if other := n.byAlias[info.alias]; other != nil && other.spName != info.spName {
			return refusef(BadPayload, "The alias %d already means %s of this edge node. Each metric of a node and its devices needs its own.", info.alias, quote(other.name))
		}
	}
	if n.byName[info.spName] == nil {
		if st.used >= st.limits.Channels {
			return refusef(TooLarge, "There are more than %d metrics of edge nodes to remember.", st.limits.Channels)
		}
		st.used++
	}
	if n.byName == nil {
		n.byName = map[spName]*spMetricInfo{}
		n.byAlias = map[uint64]*spMetricInfo{}
	}
	n.byName[info.spName] = info
	if info.aliased {
		n.byAlias[info.alias] = info
	}
	return nil
}

// count takes a sequence number and returns how many messages are missing
// before it. A message that comes late changes nothing. [FM-6.6]
func (n *spNode) count(seq uint8) (missing int) {
	if !n.counted {
		n.next, n.counted = seq+1, true
		return 0
	}
	ahead := seq - n.next
	if ahead >= 128 {
		return 0
	}
	n.next = seq + 1
	return int(ahead)
}
