package outreach

import (
	"time"

	"github.com/forecare/forecare/devices"
)

// describeVisit puts an appointment into the owner's words.
func describeVisit(c *Case, s surroundings, r *devices.Remedy, a *Appointment, canceled bool, lang, url string, now time.Time) visit {
	summary := s.deviceWords(lang)
	if r != nil {
		summary = r.Words.In(lang, r.ID) + ": " + summary
	}
	v := visit{
		uid: c.ID + "@forecare", appointment: *a, canceled: canceled,
		summary: summary, description: url, url: url, stamp: now,
	}
	if r == nil || !r.Remote {
		v.place = s.device.Site.Name // nobody comes for a remote remedy
	}
	return v
}
