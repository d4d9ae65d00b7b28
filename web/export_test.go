package web

// Noticed does what a notice from the bus does.
func (s *Server) Noticed(n Notice) { s.hub.pass(n) }
