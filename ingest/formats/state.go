package formats

import "sync"

// State is what a standard makes a host remember between messages: aliases and
// sequence numbers of Sparkplug, names of Zigbee2MQTT's devices, entities that
// Home Assistant discovery has announced. It is bounded by Limits and may be
// used by any number of goroutines; the messages of one sender must be given
// to it in their order. It is not kept over a restart: each standard has its
// way to ask again or to be told again. [FM-1.10]
type State struct {
	mu     sync.Mutex
	limits Limits
	used   int // channels remembered

	sparkplug map[string]*spNode   // by group/edge node
	zigbee    map[string]*zbBridge // by base topic
	discovery *haDiscovery
}

func newState(l Limits) *State { return &State{limits: l} }
