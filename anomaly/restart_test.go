package anomaly_test

import (
	"bytes"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
)

// copied is a checkpoint as a store would give it back: equal, not the same.
func copied(c anomaly.Checkpoint) anomaly.Checkpoint {
	out := anomaly.Checkpoint{Sequence: c.Sequence, Parts: map[string][]byte{}}
	for name, part := range c.Parts {
		out.Parts[name] = slices.Clone(part)
	}
	return out
}

// TestRestartChangesNothing cuts the log anywhere, goes on from the checkpoint
// with a new engine, and demands the same findings and the same state.
func TestRestartChangesNothing(t *testing.T) {
	f := ailing(4, time.Hour)
	f.devices = 14
	f.arrives = func(device int, day float64) float64 {
		switch {
		case device == 11 && day > 4 && day < 4.8: // offline, then all at once
			return 4.8
		case device == 12: // always late
			return day + 0.4
		case device == 6 && day > 9: // a fault that ends
			return -1
		}
		return day
	}
	f.faults = append(f.faults, fault{device: 13, metric: "temp", kind: anomaly.Step, from: 6, until: 7.5, size: -3})
	log := f.batches()
	e := newEngine(f.every)
	saved := []anomaly.Checkpoint{copied(e.Snapshot())}
	var whole [][]anomaly.Finding
	status := map[anomaly.Status]int{}
	for i, b := range log {
		found, err := e.Step(uint64(i+1), b.body)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range found {
			status[x.Status]++
		}
		whole = append(whole, found)
		saved = append(saved, copied(e.Snapshot()))
	}
	if status[anomaly.Opened] < 8 || status[anomaly.Cleared] < 1 || status[anomaly.Updated] < 100 {
		t.Fatalf("the log is too dull to prove anything: %v", status)
	}
	rapid.Check(t, func(t *rapid.T) {
		cut := rapid.IntRange(0, len(log)).Draw(t, "cut")
		until := min(len(log), cut+rapid.IntRange(0, 40).Draw(t, "messages"))
		e := newEngine(f.every)
		if err := e.Restore(saved[cut]); err != nil {
			t.Fatal(err)
		}
		for i := cut; i < until; i++ {
			found, err := e.Step(uint64(i+1), log[i].body)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(whole[i], found, same) {
				t.Fatalf("cut at %d, message %d: %s", cut, i, cmp.Diff(whole[i], found, approx))
			}
		}
		// The same state has the same future, whatever comes.
		if now := e.Snapshot(); now.Sequence != saved[until].Sequence || !maps.EqualFunc(saved[until].Parts, now.Parts, bytes.Equal) {
			t.Fatalf("cut at %d, the state after message %d differs", cut, until)
		}
	})
}

// same compares findings bit by bit, faster than cmp does.
func same(a, b anomaly.Finding) bool {
	bits := func(x, y anomaly.Series) bool {
		return slices.EqualFunc(x, y, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
	}
	if !bits(a.Evidence.Value, b.Evidence.Value) || !bits(a.Evidence.Lower, b.Evidence.Lower) ||
		!bits(a.Evidence.Upper, b.Evidence.Upper) || !slices.Equal(a.Evidence.Time, b.Evidence.Time) {
		return false
	}
	a.Evidence, b.Evidence = anomaly.Evidence{}, anomaly.Evidence{}
	return reflect.DeepEqual(a, b)
}

func TestRestoredSummaryIsTheSame(t *testing.T) {
	f := ailing(1, time.Hour)
	e := newEngine(f.every)
	run(t, e, f.batches())
	other := newEngine(f.every)
	if err := other.Restore(copied(e.Snapshot())); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e.Cohorts(), other.Cohorts()); diff != "" {
		t.Error(diff)
	}
}

func TestSnapshotKeepsWhatHasNotChanged(t *testing.T) {
	e := newEngine(time.Hour)
	for i, model := range []string{"a", "b"} {
		r := devices.Reading{
			Key: devices.Key{Tenant: "acme", Device: model}, Model: model, Time: monday,
			Fields: []devices.Field{{Name: "temp", Value: 1}},
		}
		if _, err := e.Step(uint64(i+1), r.AppendLine(nil)); err != nil {
			t.Fatal(err)
		}
	}
	first := e.Snapshot()
	if diff := cmp.Diff([]string{"acme/a", "acme/b"}, slices.Sorted(maps.Keys(first.Parts))); diff != "" {
		t.Fatal(diff)
	}
	r := devices.Reading{
		Key: devices.Key{Tenant: "acme", Device: "b"}, Model: "b", Time: monday.Add(time.Hour),
		Fields: []devices.Field{{Name: "temp", Value: 2}},
	}
	if _, err := e.Step(3, r.AppendLine(nil)); err != nil {
		t.Fatal(err)
	}
	second := e.Snapshot()
	if &first.Parts["acme/a"][0] != &second.Parts["acme/a"][0] {
		t.Error("a cohort that nothing happened to was encoded again")
	}
	if cmp.Equal(first.Parts["acme/b"], second.Parts["acme/b"]) {
		t.Error("a cohort that a reading came for is as before")
	}
}

func TestRestoreRefusesWhatItCannotRead(t *testing.T) {
	f := fleet{seed: 1, devices: 6, days: 3, every: time.Hour}
	e := newEngine(f.every)
	run(t, e, f.batches())
	good := copied(e.Snapshot())
	part := good.Parts["acme/boiler"]
	change := func(at int, to byte) []byte {
		out := slices.Clone(part)
		out[at] = to
		return out
	}
	for _, tt := range []struct {
		name, part string
		body       []byte
		says       string
	}{
		{"version", "acme/boiler", change(3, 200), "has version 200, and this program reads version 1"},
		{"magic", "acme/boiler", change(0, 'X'), "is no state of the detector"},
		{"empty", "acme/boiler", nil, "is no state of the detector"},
		{"name", "boiler", part, "is no state of the detector"},
		{"truncated", "acme/boiler", part[:len(part)-1], "is damaged"},
		{"too long", "acme/boiler", append(slices.Clone(part), 0), "is damaged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := e.Restore(anomaly.Checkpoint{Sequence: 9, Parts: map[string][]byte{tt.part: tt.body}})
			if devices.CodeOf(err) != devices.Invalid || !strings.Contains(devices.MessageOf(err), tt.says) {
				t.Errorf("error %v", err)
			}
			if e.Sequence() != 0 || len(e.Cohorts()) != 0 {
				t.Errorf("after the error the engine is at %d with %v", e.Sequence(), e.Cohorts())
			}
		})
	}
	if err := e.Restore(good); err != nil || e.Sequence() != good.Sequence {
		t.Errorf("the good one afterwards: %v", err)
	}
	if err := e.Restore(anomaly.Checkpoint{}); err != nil || e.Sequence() != 0 || len(e.Snapshot().Parts) != 0 {
		t.Errorf("a zero checkpoint makes no new engine: %v", err)
	}
}

func TestRestoreNoticesDamage(t *testing.T) {
	f := fleet{seed: 1, devices: 6, days: 2, every: time.Hour}
	e := newEngine(f.every)
	run(t, e, f.batches())
	part := e.Snapshot().Parts["acme/boiler"]
	rapid.Check(t, func(t *rapid.T) {
		damaged := slices.Clone(part)
		damaged[rapid.IntRange(0, len(part)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		damaged = damaged[:rapid.IntRange(0, len(part)).Draw(t, "length")]
		if err := newEngine(f.every).Restore(anomaly.Checkpoint{Parts: map[string][]byte{"acme/boiler": damaged}}); err == nil {
			t.Fatal("damage went unnoticed")
		}
	})
}
