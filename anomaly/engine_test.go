package anomaly_test

import (
	"fmt"
	"github.com/forecare/forecare/anomaly"
	"testing"
	"time"
)

func TestHealthyFleetIsLeftAlone(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			f := fleet{seed: seed, devices: 60, days: 30, every: 10 * time.Minute}
			b := f.batches()
			start := time.Now()
			found := run(t, newEngine(f.every), b)
			t.Log(time.Since(start))
			for _, s := range stories(t, found) {
				t.Error(s)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			f := fleet{seed: seed, devices: 20, days: 10, every: 10 * time.Minute, faults: []fault{
				{device: 1, metric: "temp", kind: anomaly.Drift, from: 1.7, size: 0.7},
				{device: 2, metric: "temp", kind: anomaly.Step, from: 3.2, size: 2},
				{device: 3, metric: "temp", kind: anomaly.Stuck, from: 4.1},
				{device: 4, metric: "temp", kind: anomaly.Noise, from: 3.5, size: 1},
				{device: 5, kind: anomaly.Silence, from: 5},
				{device: 6, kind: anomaly.Silence, from: 5, until: 5.4, backlog: true},
				{device: 7, metric: "pressure", kind: anomaly.Drift, from: 2, size: -0.1},
				{device: 8, metric: "effort", kind: anomaly.Drift, from: 2, size: 3},
				{device: 9, metric: "temp", kind: anomaly.Step, from: 0.6, size: 6},
			}}
			for _, s := range stories(t, run(t, newEngine(f.every), f.batches())) {
				t.Log(s)
			}
		})
	}
}
