package mqtt

import (
	"log/slog"
	"net"
	"sync"
	"time"
)

// Why connections are refused.
const (
	refusedAnonymous = "no_credentials"
	refusedUserName  = "bad_user_name"
	refusedUnknown   = "unknown_device"
	refusedDisabled  = "device_disabled"
	refusedToken     = "wrong_token"
	refusedSessions  = "too_many_sessions"
	refusedBusy      = "too_many_connections"
	refusedTimeout   = "no_connect_in_time"
	refusedMalformed = "malformed_connect"
	refusedVersion   = "mqtt_version"
	refusedClientID  = "bad_client_id"
	refusedMethod    = "authentication_method"
	refusedThrottled = "too_many_failed_logins"
	refusedTakeover  = "still_connected"
)

// hints say what a device's maker can do about it.
var hints = map[string]string{
	refusedAnonymous: "send the user name tenant/device and the device's token as password",
	refusedUserName:  "the user name must be tenant/device, both identifiers as registered",
	refusedUnknown:   "register the device, or correct tenant and device in its user name",
	refusedDisabled:  "the device is disabled in the registry",
	refusedToken:     "the password is not the device's token; it was perhaps rotated",
	refusedSessions:  "the device has too many connections open at once",
	refusedBusy:      "the server's limit of connections is reached",
	refusedTimeout:   "nothing that is a CONNECT came in time",
	refusedMalformed: "what came is no CONNECT of MQTT 3.1.1 or 5; is it TLS, or another protocol?",
	refusedVersion:   "the device speaks another version of MQTT than 3.1.1 and 5",
	refusedClientID:  "choose a client identifier of 1 to 256 bytes, or a clean session",
	refusedMethod:    "send user name and password and no authentication method",
	refusedThrottled: "many logins from this address have failed; correct them, it is let in again within seconds",
	refusedTakeover:  "an older connection of the device has not ended yet; connect again in a moment",
}

// refusal is one connection that was not let in. user is empty unless it has
// the form of a device's name.
type refusal struct {
	reason string
	user   string
	remote net.Addr
}

// refusals counts them and logs them, but not a thousand times a minute: a
// device that is refused tries again.
type refusals struct {
	log     *slog.Logger
	metrics *metrics

	mu   sync.Mutex
	seen map[seenKey]*seen
}

type seenKey struct{ reason, who string }

type seen struct {
	last    time.Time
	further int // since last
}

const (
	sayAgainAfter = time.Minute
	maxSeen       = 1024
)

func newRefusals(log *slog.Logger, m *metrics) *refusals {
	return &refusals{log: log, metrics: m, seen: map[seenKey]*seen{}}
}

func (r *refusals) add(f refusal) {
	r.metrics.refused.WithLabelValues(f.reason).Inc()
	who := f.user
	if who == "" {
		who = host(f.remote)
	}
	if further, say := r.due(seenKey{f.reason, who}, time.Now()); say {
		r.log.Warn("connection refused", "reason", f.reason, "who", who, "remote", f.remote.String(), "hint", hints[f.reason], "further", further)
	}
}

// due reports whether to say it, and how many were not said since.
func (r *refusals) due(k seenKey, now time.Time) (further int, say bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.seen[k]
	if ok && now.Sub(s.last) < sayAgainAfter {
		s.further++
		return 0, false
	}
	if !ok {
		if len(r.seen) >= maxSeen {
			clear(r.seen)
		}
		s = &seen{}
		r.seen[k] = s
	}
	further = s.further
	*s = seen{last: now}
	return further, true
}

func host(a net.Addr) string {
	h, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return h
}
