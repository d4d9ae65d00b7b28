package mqtt

import "github.com/forecare/forecare/devices"

// MayRead is what subscriptions of devices are judged by.
func (s *Server) MayRead(key devices.Key, filter string) bool {
	return s.mayRead(identity{key: key}, filter)
}

// MayReadAs is what subscriptions of applications are judged by.
func (s *Server) MayReadAs(tenant, user, filter string) bool {
	return s.mayRead(identity{key: devices.Key{Tenant: tenant}, user: user}, filter)
}
