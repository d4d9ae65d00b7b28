package anomaly

import "time"

// Settings are the few numbers that decide when a deviation is a finding. A
// zero field takes its default, so the zero Settings are the defaults. The
// reasoning behind each is in DESIGN.md.
type Settings struct {
	// Lateness is how long a bucket of event time stays open after half of
	// the cohort has passed its end.
	Lateness time.Duration
	// MinPeers is the smallest cohort that is a control group. Below it a
	// device is judged by its own history, with wider limits.
	MinPeers int
	// Limit and DayLimit are the CUSUM limits h for blocks of three hours and
	// for days, Slack is the reference value k of both, all in long-run
	// standard deviations.
	Limit, DayLimit, Slack float64
	// EffectShare is the share of the tolerance (else of the noticeable
	// limit) below which a deviation is of no practical importance.
	EffectShare float64
	// EffectSigmas stands in where a model states neither.
	EffectSigmas float64
	// CommonShare is the share of peers that, deviating in the same way in
	// the same hours, make it a matter of the cohort and not of the device.
	CommonShare float64
	// ClearAfter is the number of consecutive readings within the band that
	// end a finding.
	ClearAfter int
	// SilenceAfter is the shortest silence that is a finding.
	SilenceAfter time.Duration
}

// The defaults.
const (
	// Device clocks and buffers differ by minutes; a wrong early bucket costs
	// a little precision of the centre, a late one only delay.
	defaultLateness = 15 * time.Minute
	// A median of five stands two bad ones.
	defaultMinPeers = 5
	// k=.5, h=12: one false candidate in 518,000 blocks, that is 177 years
	// per series. k=.5, h=8 with one decision a day: 9,480 days. Both before
	// the effect gate, which stops most of those that remain.
	defaultLimit    = 12
	defaultDayLimit = 8
	defaultSlack    = 0.5
	// Half of what is still good service: early enough to act calmly, far
	// enough from zero that nobody is visited for a hair's breadth.
	defaultEffectShare  = 0.5
	defaultEffectSigmas = 3
	// A third of a median's members may move before the median is a poor
	// witness, and no device should be visited for what many peers do.
	defaultCommonShare = 0.3
	// Twelve readings in a row by chance while the device still deviates by
	// the gate or more: see DESIGN.md, "Clearing".
	defaultClearAfter   = 12
	defaultSilenceAfter = 2 * time.Hour
)

func (s Settings) withDefaults() Settings {
	set := func(p *float64, v float64) {
		if *p <= 0 {
			*p = v
		}
	}
	if s.Lateness <= 0 {
		s.Lateness = defaultLateness
	}
	if s.MinPeers <= 0 {
		s.MinPeers = defaultMinPeers
	}
	// Below three a median has no majority to follow.
	s.MinPeers = max(s.MinPeers, leastWitnesses)
	set(&s.Limit, defaultLimit)
	set(&s.DayLimit, defaultDayLimit)
	set(&s.Slack, defaultSlack)
	set(&s.EffectShare, defaultEffectShare)
	set(&s.EffectSigmas, defaultEffectSigmas)
	set(&s.CommonShare, defaultCommonShare)
	if s.ClearAfter <= 0 {
		s.ClearAfter = defaultClearAfter
	}
	if s.SilenceAfter <= 0 {
		s.SilenceAfter = defaultSilenceAfter
	}
	return s
}
