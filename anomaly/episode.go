package anomaly

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
)

// episode is an open finding: what must be remembered between its revisions.
type episode struct {
	id       string
	revision uint32
	kind     Kind
	onset    int64
	detected int64
	told     int64 // event time of the newest revision
	size     float64
	fromDays bool // the onset lies before the blocks that are kept

	// How the series comes back.
	inBand uint32 // consecutive readings within the band
	sum    float64
	out    float64 // noise: share of the newest readings that are far from the one before
	last   float64 // noise: newest residual
	calm   uint32  // consecutive blocks
}

// identity derives a finding's id, the same in every replay.
func identity(key devices.Key, metric string, kind Kind, onset int64) string {
	sum := sha256.Sum256([]byte(strings.Join(
		[]string{key.Tenant, key.Device, metric, string(kind), strconv.FormatInt(onset, 10)}, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// revisionEvery is how often, in event time, an open finding is told again.
// Care relies on it: trouble that persists after a remedy shows within an hour
// of readings.
const revisionEvery = int64(time.Hour)

// begin opens a finding.
func (c *cohort) begin(u *unit, s *track, g *gauge, kind Kind, onset, at int64, size float64, fromDays bool) {
	onset = min(max(onset, s.cleared+1), at)
	s.episode = &episode{
		id:   identity(c.key(u), g.name, kind, onset),
		kind: kind, onset: onset, detected: at, size: size, fromDays: fromDays, out: 1,
	}
	c.tell(u, s, g, Opened, at, size)
}

// tell emits a revision of the track's open finding.
func (c *cohort) tell(u *unit, s *track, g *gauge, status Status, at int64, size float64) {
	c.tellWhy(u, s, g, status, at, size, "")
}

// tellWhy is tell with a reason of its own, where the figures give none.
func (c *cohort) tellWhy(u *unit, s *track, g *gauge, status Status, at int64, size float64, why string) {
	e := s.episode
	at = max(at, e.told)
	e.revision++
	e.told = at
	e.size = size
	f := Finding{
		ID: e.id, Revision: int(e.revision), Status: status,
		Key: c.key(u), Model: c.model, Metric: g.name, Unit: g.unit, Kind: e.kind,
		Onset: instant(e.onset), Detected: instant(e.detected), At: instant(at),
		Size: size, Sigmas: size / c.sigma(s, g), Noticeable: g.noticeable,
	}
	b := c.grid.bucket(at - 1)
	centre, peers := c.centreBefore(g, b)
	f.Expected = centre + s.healthy(c.grid, c.grid.block(b), centre)
	f.Level = f.Expected + size
	f.Peers = peers
	switch e.kind {
	case Noise:
		f.Level = s.value
		f.Sigmas = size / max(float64(s.noise.was), g.floor(&c.settings, float64(s.quantum)))
	case Stuck:
		f.Level = s.value
	}
	if status != Cleared {
		f.PeersMoved = c.moved(u, c.index(g), c.grid.block(b), size)
		if e.kind == Drift || e.kind == Step {
			f.Forecast = c.forecast(s, g, at, size)
		}
	}
	f.Evidence = c.evidence(s, g, at-1)
	f.Reason = why
	if why == "" {
		f.Reason = c.reason(&f, s, g)
	}
	c.emit(f)
}

// end clears the track's open finding and starts the series anew.
func (c *cohort) end(u *unit, s *track, g *gauge, at int64, size float64) {
	at = max(at, s.episode.told)
	c.tell(u, s, g, Cleared, at, size)
	s.restart(c.grid, max(at, s.last))
}

// abandon clears the track's open finding because its reference is gone.
func (c *cohort) abandon(u *unit, s *track, g *gauge, why string) {
	c.tellWhy(u, s, g, Cleared, s.episode.told, s.episode.size, why)
	s.restart(c.grid, s.last)
}
