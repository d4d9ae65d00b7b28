package sim

import (
	"math"
	"sync"
	"time"

	"github.com/forecare/forecare/devices"
)

// weather is what the sky does over one site, shared by all devices there. It
// is a function of the site and the instant; the memory only saves work.
type weather struct {
	site devices.Site
	zone *time.Location
	temp ar1
	dust ar1

	mu     sync.Mutex
	points map[int64]sky // by hour since 1970
}

// sky is the weather at one instant: temperature outside in °C, relative
// humidity in %, fine dust in µg/m³.
type sky struct{ temp, humidity, dust float64 }

func newWeather(seed uint64, site devices.Site) (*weather, error) {
	zone, err := time.LoadLocation(site.Zone)
	if err != nil || site.Zone == "" {
		return nil, devices.Errorf(devices.Invalid, "site %q has the time zone %q, which is not known; use an IANA name such as Europe/Berlin", site.ID, site.Zone)
	}
	seed = mix(seed, seedOf(site.ID))
	return &weather{
		site: site, zone: zone,
		temp:   newAR1(mix(seed, 1), time.Hour, 0.97), // fronts pass in a day or two
		dust:   newAR1(mix(seed, 2), time.Hour, 0.95),
		points: make(map[int64]sky),
	}, nil
}

// at returns the sky over the site at t.
func (w *weather) at(t time.Time) sky {
	k, part := grid(t, time.Hour)
	a, b := w.hour(k), w.hour(k+1)
	return sky{
		temp:     a.temp + (b.temp-a.temp)*part,
		humidity: a.humidity + (b.humidity-a.humidity)*part,
		dust:     a.dust + (b.dust-a.dust)*part,
	}
}

func (w *weather) hour(k int64) sky {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, ok := w.points[k]
	if !ok {
		if len(w.points) > 10000 {
			clear(w.points)
		}
		s = w.compute(time.Unix(k*3600, 0))
		w.points[k] = s
	}
	return s
}

// compute adds season, hour of the day and a passing front. Constants are
// rough climate: 28 °C at the equator, 0.45 °C colder per degree of latitude,
// seasons that grow with latitude and are reversed in the south.
func (w *weather) compute(t time.Time) sky {
	lat := math.Abs(w.site.Lat)
	peak := 200.0 // mid July
	if w.site.Lat < 0 {
		peak = 17
	}
	local := t.In(w.zone)
	season := math.Cos(2 * math.Pi * (float64(local.YearDay()) - peak) / 365.25)
	mean := 28 - 0.45*math.Max(0, lat-12)
	daily := math.Cos(2 * math.Pi * (hourOf(local) - 15) / 24)
	front := w.temp.at(t)
	temp := mean + 0.2*lat*season + 3*daily + (1.5+0.04*lat)*front
	humidity := math.Min(98, math.Max(15, 65-9*daily-8*front))
	dust := math.Min(60, 9*math.Exp(0.55*w.dust.at(t)-0.15*daily))
	return sky{temp: temp, humidity: humidity, dust: dust}
}

// hourOf returns the local hour with its fraction.
func hourOf(local time.Time) float64 {
	return float64(local.Hour()) + float64(local.Minute())/60 + float64(local.Second())/3600
}
