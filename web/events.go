package web

import (
	"context"
	"encoding/json"
	"net/http"
)

// eventName keeps line ends out of the stream, whatever a notice says.
func eventName(kind string) string {
	for _, c := range kind {
		if (c < 'a' || c > 'z') && c != '_' {
			return "other"
		}
	}
	if kind == "" {
		return "other"
	}
	return kind
}

// eventData is what a reader learns: which thing changed. The text of a notice
// is for the console and may hold more than every role should see.
func eventData(n Notice) []byte {
	b, err := json.Marshal(struct {
		ID string `json:"id,omitempty"`
	}{n.ID})
	if err != nil {
		return []byte("{}")
	}
	return b
}

// events is the live stream, for pages and for programs.
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	id, _ := identityOf(r.Context())
	return s.hub.serve(w, r, id.Tenant, func(ctx context.Context) bool {
		now, err := s.whois(r.WithContext(ctx))
		return err == nil && now.Tenant == id.Tenant
	})
}
