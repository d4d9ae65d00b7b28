package demo

import (
	"fmt"
	"strconv"
	"time"

	sim "github.com/forecare/forecare/firmware-sim"
	"github.com/forecare/forecare/outreach"
)

// count says a number of things.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// days says a span as people do.
func days(d time.Duration) string {
	if d < 48*time.Hour {
		return count(int(d.Hours()), "hour", "hours")
	}
	return strconv.Itoa(int(d.Hours()/24)) + " days"
}

func language(tag string) string {
	switch tag {
	case "ar":
		return "Arabic"
	case "en":
		return "English"
	}
	return tag
}

func purpose(p outreach.Purpose) string {
	switch p {
	case outreach.Offer:
		return "an offer of times"
	case outreach.Confirmation:
		return "the time is confirmed"
	case outreach.Cancellation:
		return "the time is given back"
	case outreach.AllWell:
		return "all is well again"
	case outreach.Sorry:
		return "we would like to come again"
	}
	return string(p)
}

// thousands writes 12345 as 12,345.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// progress decides when there is something to say about the fleet, and what.
type progress struct {
	connected bool
	live      bool
	said      time.Duration // when it last spoke
	stored    int64         // at that time
}

func newProgress() *progress { return &progress{said: -1} }

// next returns a sentence, or "" while there is nothing new.
func (p *progress) next(s sim.Status, stored int64, gone time.Duration) string {
	if !p.connected {
		if s.Connected < s.Devices {
			if p.said >= 0 && gone-p.said < pastPace || s.Connected == 0 && s.Refused == 0 {
				return ""
			}
			p.said = gone
			if s.Refused > 0 {
				return fmt.Sprintf("%d of %d devices are connected; the broker refuses credentials of others.", s.Connected, s.Devices)
			}
			return fmt.Sprintf("%d of %d devices are connected.", s.Connected, s.Devices)
		}
		p.connected, p.said, p.stored = true, gone, stored
		if time.Since(s.Event) > Past/2 {
			return fmt.Sprintf("All %d devices are connected. They upload the past, one day in ten seconds.", s.Devices)
		}
		return fmt.Sprintf("All %d devices are connected.", s.Devices)
	}
	pace := pastPace
	if p.live {
		pace = livePace
	}
	becameLive := s.Live && !p.live
	if gone-p.said < pace && !becameLive {
		return ""
	}
	rate := float64(stored-p.stored) / (gone - p.said).Seconds()
	p.said, p.stored, p.live = gone, stored, s.Live
	inAll := thousands(stored) + " in all"
	if stored == 0 {
		rate, inAll = 0, thousands(s.Delivered)+" wait in the log until the readings store is open"
	}
	switch {
	case becameLive:
		return "The fleet has caught up with the present; from now on it reports live. Readings stored: " + inAll + "."
	case s.Live:
		return fmt.Sprintf("%.1f readings a second stored, %s. %d of %d devices are connected.", rate, inAll, s.Connected, s.Devices)
	}
	return fmt.Sprintf("%s: %s readings a second stored, %s.", s.Event.UTC().Format("2 January, 15:04"), thousands(int64(rate+0.5)), inAll)
}
