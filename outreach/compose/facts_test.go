package compose_test

import (
	"testing"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/outreach/compose"
)

// noon is a Monday in Berlin.
var noon = time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)

type wording struct{ name, device, site, metric, remedy, brand string }

var wordings = map[string]wording{
	"en": {"Hannah Cole", "espresso machine", "Café Aroma", "brewing temperature", "a short calibration", "Brew & Co"},
	"ar": {"سلمى منصور", "آلة الإسبريسو", "مقهى الياسمين", "درجة حرارة التحضير", "معايرة قصيرة", "Brew & Co"},
}

// facts are those of an espresso machine in Berlin that runs 1.83 degrees too
// cool and would be noticed on Thursday.
func facts(lang string, purpose outreach.Purpose) outreach.Facts {
	w := wordings[lang]
	f := outreach.Facts{
		Purpose: purpose, Lang: lang, Zone: "Europe/Berlin", Brand: w.brand, Name: w.name,
		Device: w.device, Site: w.site, Metric: w.metric, Remedy: w.remedy, Duration: 18 * time.Minute,
		Finding: anomaly.Finding{
			ID: "fSERIALsecret", Kind: anomaly.Drift, Metric: "brew_temp", Unit: "°C",
			Onset: noon.Add(-80 * time.Hour), Detected: noon, At: noon,
			Size: -1.83, Sigmas: -6.4, Level: 91.1, Expected: 92.93, Noticeable: 3.5, Peers: 19,
			Forecast: &anomaly.Forecast{P10: noon.Add(80 * time.Hour), P50: noon.Add(120 * time.Hour), P90: noon.Add(200 * time.Hour), Slope: -0.5},
			Evidence: anomaly.Evidence{Time: []time.Time{noon.Add(-time.Hour), noon}},
			Reason:   "brew_temp is 1.83 °C (6.4 sigma) below what its 19 peers lead us to expect.",
		},
		Window:      outreach.Window{From: noon.Add(2 * time.Hour), Until: noon.Add(79 * time.Hour)},
		OwnerURL:    "https://care.brew.example/o/eyJ0IjoiYnJldyJ9.kX9_2f",
		Unsubscribe: "https://care.brew.example/u/eyJ0IjoiYnJldyJ9.pQ3_7a",
	}
	f.Finding.Key.Tenant, f.Finding.Key.Device = "brew", "SN-4711-0815"
	if purpose == outreach.Confirmation || purpose == outreach.Cancellation {
		f.Appointment = &outreach.Appointment{Slot: outreach.Slot{
			ID: "tech-1@x", Technician: "tech-1", Start: noon.Add(50 * time.Hour), End: noon.Add(50*time.Hour + 30*time.Minute), Zone: "Europe/Berlin",
		}}
	}
	return f
}

// change is what makes a case out of the facts above.
type change func(*outreach.Facts)

// situations are all the messages that there are, by name.
func situations() map[string]func(lang string) outreach.Facts {
	made := map[string]func(string) outreach.Facts{}
	add := func(name string, p outreach.Purpose, changes ...change) {
		made[name] = func(lang string) outreach.Facts {
			f := facts(lang, p)
			for _, c := range changes {
				c(&f)
			}
			return f
		}
	}
	kind := func(k anomaly.Kind) change {
		return func(f *outreach.Facts) {
			f.Finding.Kind = k
			if k != anomaly.Drift && k != anomaly.Step {
				f.Finding.Forecast, f.Finding.Size = nil, 0
			}
			if k == anomaly.Silence {
				f.Finding.Metric, f.Finding.Unit, f.Metric = "", "", ""
				f.Finding.Evidence = anomaly.Evidence{}
			}
		}
	}
	remote := func(f *outreach.Facts) { f.Remote = true }
	self := func(f *outreach.Facts) { f.ByItself = true }
	bare := func(f *outreach.Facts) {
		// What is left when a maker has told us nothing: names for machines.
		f.Name, f.Brand, f.Device, f.Site, f.Remedy, f.Duration = "", "", "", "", "pump-service", 0
		f.Metric, f.Window, f.Zone = f.Finding.Metric, outreach.Window{}, "Mars/Olympus"
		f.Finding.Forecast, f.Finding.Onset, f.Finding.Unit = nil, time.Time{}, ""
	}

	add("offer", outreach.Offer)
	add("offer-remote", outreach.Offer, remote)
	add("offer-step", outreach.Offer, kind(anomaly.Step), func(f *outreach.Facts) { f.Finding.Size = 12.4; f.Finding.Noticeable = 0 })
	add("offer-stuck", outreach.Offer, kind(anomaly.Stuck))
	add("offer-noise", outreach.Offer, kind(anomaly.Noise))
	add("offer-silence", outreach.Offer, kind(anomaly.Silence))
	add("offer-noticeable", outreach.Offer, func(f *outreach.Facts) { f.Finding.Size = -3.7 })
	add("offer-soon", outreach.Offer, func(f *outreach.Facts) { f.Finding.Forecast.P10 = noon })
	add("offer-later", outreach.Offer, func(f *outreach.Facts) { f.Finding.Forecast.P10 = noon.AddDate(0, 0, 40) })
	add("offer-much-later", outreach.Offer, func(f *outreach.Facts) { f.Finding.Forecast.P10 = noon.AddDate(1, 0, 0) })
	add("offer-no-forecast", outreach.Offer, func(f *outreach.Facts) { f.Finding.Forecast = nil })
	add("offer-bare", outreach.Offer, bare)
	add("confirmation", outreach.Confirmation)
	add("confirmation-changed", outreach.Confirmation, func(f *outreach.Facts) { f.Appointment.Sequence = 1 })
	add("confirmation-remote", outreach.Confirmation, remote, func(f *outreach.Facts) { f.Appointment.End = time.Time{} })
	add("confirmation-bare", outreach.Confirmation, bare)
	add("cancellation", outreach.Cancellation)
	add("cancellation-by-itself", outreach.Cancellation, self)
	add("cancellation-bare", outreach.Cancellation, bare, func(f *outreach.Facts) { f.Appointment = nil })
	add("all-well", outreach.AllWell)
	add("all-well-by-itself", outreach.AllWell, self)
	add("all-well-stuck", outreach.AllWell, kind(anomaly.Stuck))
	add("all-well-noise", outreach.AllWell, kind(anomaly.Noise))
	add("all-well-silence", outreach.AllWell, kind(anomaly.Silence))
	add("all-well-bare", outreach.AllWell, bare)
	add("sorry", outreach.Sorry)
	add("sorry-remote", outreach.Sorry, remote)
	add("sorry-bare", outreach.Sorry, bare)
	return made
}

func composer(t testing.TB) *compose.Composer {
	t.Helper()
	c, err := compose.New(compose.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
