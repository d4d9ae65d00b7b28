package devices

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"
	"sync/atomic"
)

// Snapshot is all that the Registry knows, as of one moment. Credentials holds
// the HashToken of every token that a device may use.
type Snapshot struct {
	Devices     []Device
	Models      []Model
	Credentials map[Key][]string
	// Revision counts the changes of the registry in its store; a higher one
	// is newer.
	Revision int64
}

// Registry answers who a device is, from memory. The zero value is not usable;
// see NewRegistry. All methods may be called concurrently, also with Replace;
// what they return is shared and must not be changed.
type Registry struct {
	state atomic.Pointer[registryState]
}

// registryState is never changed once it is visible.
type registryState struct {
	devices  map[Key]*registered
	models   map[modelKey]*Model
	tenants  map[string][]*Device
	revision int64
}

type registered struct {
	device *Device
	model  *Model
	hashes [][sha256.Size]byte
}

type modelKey struct{ tenant, id string }

// NewRegistry returns a Registry that knows nobody.
func NewRegistry() *Registry {
	r := &Registry{}
	r.state.Store(&registryState{})
	return r
}

// Replace makes the registry know exactly what s says. Readers see either the
// old or the new state as a whole. The caller must not change s afterwards. A
// credential that is no HashToken fits no token.
func (r *Registry) Replace(s Snapshot) {
	state := &registryState{
		devices:  make(map[Key]*registered, len(s.Devices)),
		models:   make(map[modelKey]*Model, len(s.Models)),
		tenants:  make(map[string][]*Device),
		revision: s.Revision,
	}
	for i := range s.Models {
		m := &s.Models[i]
		state.models[modelKey{m.Tenant, m.ID}] = m
	}
	all := make([]registered, len(s.Devices))
	for i := range s.Devices {
		d := &s.Devices[i]
		all[i] = registered{device: d, model: state.models[modelKey{d.Tenant, d.Model}], hashes: decodeHashes(s.Credentials[d.Key])}
		state.devices[d.Key] = &all[i]
		state.tenants[d.Tenant] = append(state.tenants[d.Tenant], d)
	}
	for _, ds := range state.tenants {
		slices.SortFunc(ds, func(a, b *Device) int { return strings.Compare(a.Device, b.Device) })
	}
	r.state.Store(state)
}

func decodeHashes(in []string) [][sha256.Size]byte {
	out := make([][sha256.Size]byte, 0, len(in))
	for _, s := range in {
		var h [sha256.Size]byte
		if len(s) != hex.EncodedLen(len(h)) {
			continue
		}
		if _, err := hex.Decode(h[:], []byte(s)); err == nil {
			out = append(out, h)
		}
	}
	return out
}

// Lookup returns the device and its model. The model is nil while it is not
// imported; ok is false if the device is not registered. A disabled device is
// found, with Disabled set. Lookup does not allocate.
func (r *Registry) Lookup(k Key) (d *Device, m *Model, ok bool) {
	e, ok := r.state.Load().devices[k]
	if !ok {
		return nil, nil, false
	}
	return e.device, e.model, true
}

// LookupBytes is Lookup for identifiers that are still part of a message. It
// does not allocate and does not keep its arguments.
func (r *Registry) LookupBytes(tenant, device []byte) (d *Device, m *Model, ok bool) {
	// The compiler looks up a key made of converted bytes without copying them.
	e, ok := r.state.Load().devices[Key{Tenant: string(tenant), Device: string(device)}]
	if !ok {
		return nil, nil, false
	}
	return e.device, e.model, true
}

// Authenticate reports whether the token is one of the device's. It is false
// for a device that is disabled or not registered, and takes the same time for
// every token.
func (r *Registry) Authenticate(k Key, token string) bool {
	sum := sha256.Sum256([]byte(token))
	e, ok := r.state.Load().devices[k]
	if !ok {
		return false
	}
	match := 0
	for i := range e.hashes {
		match |= subtle.ConstantTimeCompare(sum[:], e.hashes[i][:])
	}
	return match == 1 && !e.device.Disabled
}

// MayPublish reports whether publisher may speak for device: for itself, or
// for a device of the same tenant whose Gateway it is. Whether device itself is
// registered and enabled is for Lookup to say; a disabled gateway may not speak
// for anyone else. [TP-2.3]
func (r *Registry) MayPublish(publisher, device Key) bool {
	if publisher == device {
		return true
	}
	if publisher.Tenant != device.Tenant {
		return false
	}
	state := r.state.Load()
	behind, ok := state.devices[device]
	if !ok || behind.device.Gateway != publisher.Device {
		return false
	}
	gateway, ok := state.devices[publisher]
	return ok && !gateway.device.Disabled
}

// Devices returns the tenant's devices, sorted by id.
func (r *Registry) Devices(tenant string) []*Device {
	return r.state.Load().tenants[tenant]
}

// Tenants returns the tenants that have devices, sorted.
func (r *Registry) Tenants() []string {
	state := r.state.Load()
	out := make([]string, 0, len(state.tenants))
	for t := range state.tenants {
		out = append(out, t)
	}
	slices.Sort(out)
	return out
}

// Model returns the model, nil if the tenant has none of that id.
func (r *Registry) Model(tenant, id string) *Model {
	return r.state.Load().models[modelKey{tenant, id}]
}

// Revision returns the Revision of the Snapshot that is in use.
func (r *Registry) Revision() int64 { return r.state.Load().revision }
