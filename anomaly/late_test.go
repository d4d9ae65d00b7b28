package anomaly_test

import (
	"math"
	"testing"
	"time"

	"github.com/forecare/forecare/anomaly"
)

const tenMinutes = 10 * time.Minute

// about runs a fleet and returns the stories of one device, and of all others.
func about(t *testing.T, f fleet, device string) (its, others []story) {
	t.Helper()
	for _, s := range stories(t, run(t, newEngine(f.every), f.batches())) {
		if s.device == device {
			its = append(its, s)
		} else {
			others = append(others, s)
		}
	}
	return its, others
}

func none(t *testing.T, ss []story) {
	t.Helper()
	for _, s := range ss {
		t.Errorf("too much: %v", s)
	}
}

func TestLateDeviceIsNotFlagged(t *testing.T) {
	for name, arrives := range map[string]func(int, float64) float64{
		"always five hours late": func(i int, day float64) float64 {
			if i == 3 {
				return day + 5.0/24
			}
			return day
		},
		"uploads twice a day": func(i int, day float64) float64 {
			if i == 3 && day > 4 {
				return math.Ceil(2*day) / 2
			}
			return day
		},
		"three days offline, then at once": func(i int, day float64) float64 {
			if i == 3 && day > 4 && day < 7 {
				return 7
			}
			return day
		},
	} {
		t.Run(name, func(t *testing.T) {
			its, others := about(t, fleet{seed: 5, devices: 15, days: 12, every: tenMinutes, arrives: arrives}, name3)
			none(t, others)
			for _, s := range its {
				if s.kind != anomaly.Silence || s.cleared == 0 {
					t.Errorf("too much: %v", s)
				}
			}
		})
	}
}

const name3 = "d03"

func TestLateDeviceIsJudgedAtItsOwnTime(t *testing.T) {
	f := fleet{seed: 5, devices: 15, days: 10, every: tenMinutes, faults: []fault{
		{device: 3, metric: "temp", kind: anomaly.Drift, from: 4.2, size: 0.9},
	}}
	onTime, _ := about(t, f, name3)
	f.arrives = func(i int, day float64) float64 {
		if i == 3 && day > 4 && day < 7 {
			return 7
		}
		return day
	}
	its, others := about(t, f, name3)
	none(t, others)
	var late *story
	for i := range its {
		if its[i].kind != anomaly.Silence {
			late = &its[i]
		}
	}
	if late == nil || len(onTime) != 1 {
		t.Fatalf("on time: %v; late: %v", onTime, its)
	}
	if math.Abs(late.opened-onTime[0].opened) > 0.5 || late.first.Kind != anomaly.Drift {
		t.Errorf("late, by its own time: %v\non time: %v", late, onTime[0])
	}
}

func TestSilence(t *testing.T) {
	for _, tt := range []struct {
		name           string
		from, until    float64
		opened, closed float64 // 0: not at all
	}{
		{name: "an hour", from: 3, until: 3.05},
		{name: "eight hours", from: 3, until: 3.33, opened: 3.1, closed: 3.34},
		{name: "for ever", from: 3, opened: 3.1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			its, others := about(t, fleet{seed: 2, devices: 12, days: 20, every: tenMinutes, faults: []fault{
				{device: 3, kind: anomaly.Silence, from: tt.from, until: tt.until},
			}}, name3)
			none(t, others)
			if tt.opened == 0 {
				none(t, its)
				return
			}
			if len(its) != 1 {
				t.Fatalf("stories: %v", its)
			}
			s := its[0]
			if s.kind != anomaly.Silence || math.Abs(s.opened-tt.opened) > 0.03 || math.Abs(s.cleared-tt.closed) > 0.03 {
				t.Errorf("story: %v", s)
			}
			if math.Abs(day(s.first.Onset)-tt.from) > 0.01 {
				t.Errorf("onset: day %.3f", day(s.first.Onset))
			}
			// Hourly for a day, then daily: the dead are not forgotten, and not a flood.
			if tt.closed == 0 && (s.last.Revision < 35 || s.last.Revision > 45) {
				t.Errorf("%d revisions in 17 days", s.last.Revision)
			}
		})
	}
}

func TestWholeFleetSilentIsNoFinding(t *testing.T) {
	off := func(day float64) bool { return day > 3 && day < 3.5 }
	for name, arrives := range map[string]func(int, float64) float64{
		"power cut": func(_ int, day float64) float64 {
			if off(day) {
				return -1
			}
			return day
		},
		"power cut, back one by one": func(i int, day float64) float64 {
			if off(day) || day >= 3.5 && day < 3.5+float64(i)/400 {
				return -1
			}
			return day
		},
		"no network, buffers sent together": func(_ int, day float64) float64 {
			if off(day) {
				return 3.5
			}
			return day
		},
		"no network, buffers sent one device after the other": func(i int, day float64) float64 {
			if off(day) {
				return 3.5 + float64(i)*1e-6
			}
			return day
		},
		"no network, buffers sent at different speed": func(i int, day float64) float64 {
			if off(day) {
				return 3.5 + (day-3)*1e-5*float64(1+i)
			}
			return day
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := fleet{seed: 3, devices: 20, days: 6, every: tenMinutes, arrives: arrives}
			none(t, stories(t, run(t, newEngine(f.every), singly(f.batches()))))
		})
	}
}

// singly splits batches into one message per line, which is the hardest case
// for anything that is counted by messages.
func singly(in []batch) []batch {
	var out []batch
	for _, b := range in {
		start := 0
		for i, c := range b.body {
			if c == '\n' {
				out = append(out, batch{b.at, b.body[start : i+1]})
				start = i + 1
			}
		}
	}
	return out
}

func TestFleetThatUploadsItsPastOneByOne(t *testing.T) {
	f := fleet{seed: 3, devices: 20, days: 9, every: tenMinutes, faults: []fault{
		{device: 3, metric: "temp", kind: anomaly.Drift, from: 3, size: 0.9},
	}}
	f.arrives = func(i int, day float64) float64 { return max(day, 6+float64(i)/1000) }
	its, others := about(t, f, name3)
	none(t, others)
	if len(its) != 1 || its[0].kind != anomaly.Drift || its[0].opened > 6.5 {
		t.Errorf("the drift is told as %v", its)
	}
}

func TestWrongClocks(t *testing.T) {
	shift := func(in []batch, e *anomaly.Engine, device int, by time.Duration) []anomaly.Finding {
		var out []anomaly.Finding
		for _, b := range in {
			found, err := e.Step(e.Sequence()+1, shifted(t, b.body, name(device), by))
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, found...)
		}
		return out
	}
	f := fleet{seed: 4, devices: 12, days: 8, every: tenMinutes, faults: []fault{
		{device: 5, metric: "temp", kind: anomaly.Step, from: 4.1, size: 3},
	}}
	for _, by := range []time.Duration{-time.Hour, 40 * time.Minute, 20 * 24 * time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			found := false
			for _, s := range stories(t, shift(f.batches(), newEngine(f.every), 3, by)) {
				switch {
				case s.device == "d05" && s.kind == anomaly.Step && s.opened < 4.9:
					found = true
				case s.device != name3:
					t.Errorf("too much: %v", s)
				}
			}
			if !found {
				t.Error("the step of another device was missed")
			}
		})
	}
}
