package sim

import (
	"container/heap"
	"iter"
	"time"

	"github.com/forecare/forecare/devices"
)

// Device builds one device of the plan, apart from any fleet.
func (p *Plan) Device(id string) (*Device, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	for _, u := range p.Devices {
		if u.Key.Device == id {
			w, err := newWeather(p.Seed, u.Site)
			if err != nil {
				return nil, err
			}
			return newDevice(p.Seed, u, w), nil
		}
	}
	return nil, devices.Errorf(devices.NotFound, "the plan has no device %q", id)
}

// rhythm returns when a device of the plan samples.
func (p *Plan) rhythm(d *Device) rhythm {
	r := rhythm{seed: d.seed, interval: time.Duration(p.Interval), live: time.Duration(p.Live)}
	if r.interval == 0 {
		r.interval = d.Model().Interval
	}
	if r.live == 0 {
		r.live = r.interval
	}
	return r
}

// Readings yields what the whole fleet measures behind from and up to until,
// at the pace of the simulated past and in the order of sampling, as if there
// were no network in between and nobody did a remedy.
func (p *Plan) Readings(from, until time.Time) (iter.Seq[devices.Reading], error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	sky := make(map[string]*weather)
	var queue sampleQueue
	for _, u := range p.Devices {
		if sky[u.Site.ID] == nil {
			w, err := newWeather(p.Seed, u.Site)
			if err != nil {
				return nil, err
			}
			sky[u.Site.ID] = w
		}
		d := newDevice(p.Seed, u, sky[u.Site.ID])
		r := p.rhythm(d)
		queue = append(queue, sample{at: r.next(from, from, false, nil), device: d, rhythm: r})
	}
	return func(yield func(devices.Reading) bool) {
		q := append(sampleQueue(nil), queue...)
		heap.Init(&q)
		for !q[0].at.After(until) {
			s := &q[0]
			if !s.device.Loses(s.at) && !yield(s.device.reading(s.at)) {
				return
			}
			s.at = s.rhythm.next(s.at, s.at, false, nil)
			heap.Fix(&q, 0)
		}
	}, nil
}

// reading is what the device says about the instant t.
func (d *Device) reading(t time.Time) devices.Reading {
	return devices.Reading{Key: d.Key(), Model: d.unit.Model, Time: d.Stamp(t), Fields: d.Sample(t)}
}

// sample is the next reading of one device; sampleQueue orders them by time.
type sample struct {
	at     time.Time
	device *Device
	rhythm rhythm
}

type sampleQueue []sample

func (q sampleQueue) Len() int           { return len(q) }
func (q sampleQueue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q sampleQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *sampleQueue) Push(x any)        { *q = append(*q, x.(sample)) }
func (q *sampleQueue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// Truths lists what will be wrong in the plan.
func (p *Plan) Truths() ([]Truth, error) {
	var out []Truth
	for _, u := range p.Devices {
		if len(u.Faults) == 0 {
			continue
		}
		d, err := p.Device(u.Key.Device)
		if err != nil {
			return nil, err
		}
		out = append(out, d.Truths()...)
	}
	return out, nil
}
