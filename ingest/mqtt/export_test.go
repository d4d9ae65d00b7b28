package mqtt

import "github.com/forecare/forecare/devices"

// MayRead is what subscriptions of devices are judged by.
func (s *Server) MayRead(key devices.Key, filter string) bool {
	return s.mayRead(identity{key: key}, filter)
}
