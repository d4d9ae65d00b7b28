package mqtt

import (
	"strings"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest/mqtt/packet"
)

// identity is who a connection belongs to: a device, or the application of that
// user, whose key names the tenant only.
type identity struct {
	key  devices.Key
	user string
}

// String returns what logs call it.
func (i identity) String() string {
	if i.user != "" {
		return i.key.Tenant + " application " + i.user
	}
	return i.key.String()
}

// authenticate returns who a CONNECT is from, or why it is not let in. A device
// is named only if the user name has the form of one: firmware of other
// platforms sends its secret there.
func (s *Server) authenticate(p *packet.Connect) (who identity, reason string) {
	if !p.HasUser || !p.HasPassword {
		return identity{}, refusedAnonymous
	}
	user, password := string(p.User), string(p.Password)
	tenant, device, ok := strings.Cut(user, "/")
	key := devices.Key{Tenant: tenant, Device: device}
	ok = ok && devices.ValidID(tenant) && devices.ValidID(device)
	if ok {
		if s.options.Registry.Authenticate(key, password) {
			return identity{key: key}, ""
		}
		switch d, _, known := s.options.Registry.Lookup(key); {
		case known && d.Disabled:
			return identity{key: key}, refusedDisabled
		case known:
			return identity{key: key}, refusedToken
		}
	}
	if s.options.Applications != nil && user != "" {
		if tenant, ok := s.options.Applications.Authorize(user, password); ok {
			return identity{key: devices.Key{Tenant: tenant}, user: user}, ""
		}
	}
	if ok {
		return identity{key: key}, refusedUnknown
	}
	return identity{}, refusedUserName
}

// mayRead reports whether someone may subscribe to the filter, or be sent a
// message of that topic. For a device the first three levels must name, without
// a wildcard, itself or one behind it; for an application the first two its
// tenant. [TP-2.5]
func (s *Server) mayRead(who identity, filter string) bool {
	rest, ok := strings.CutPrefix(filter, "fleet/")
	if !ok {
		return false
	}
	tenant, rest, below := strings.Cut(rest, "/")
	if who.user != "" {
		return below && rest != "" && tenant == who.key.Tenant
	}
	device, rest, below := strings.Cut(rest, "/")
	if !below || rest == "" || !devices.ValidID(tenant) || !devices.ValidID(device) {
		return false
	}
	return s.options.Registry.MayPublish(who.key, devices.Key{Tenant: tenant, Device: device})
}
