package anomaly_test

import (
	"runtime"
	"testing"

	"github.com/forecare/forecare/anomaly"
)

// BenchmarkStep measures a healthy fleet of 1,000 devices with three metrics.
// One operation is one reading of three values, everything included: line
// scanning, buckets, centres, judgement and evidence.
func BenchmarkStep(b *testing.B) {
	f := fleet{seed: 1, devices: 1000, days: 3, every: tenMinutes}
	log := f.batches()
	b.ReportAllocs()
	b.ResetTimer()
	n := 0
	for n < b.N {
		b.StopTimer()
		e := newEngine(f.every)
		half := len(log) / 2
		for _, x := range log[:half] { // series and their memory are made on the way
			if _, err := e.Step(e.Sequence()+1, x.body); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		for _, x := range log[half:] {
			if _, err := e.Step(e.Sequence()+1, x.body); err != nil {
				b.Fatal(err)
			}
			n += f.devices
		}
	}
}

// BenchmarkReading measures one reading within a bucket: the hot path.
func BenchmarkReading(b *testing.B) {
	e := newEngine(tenMinutes)
	warm := fleet{seed: 1, devices: 50, days: 2, every: tenMinutes}
	for _, x := range warm.batches() {
		if _, err := e.Step(e.Sequence()+1, x.body); err != nil {
			b.Fatal(err)
		}
	}
	next := fleet{seed: 1, devices: 50, days: 2.02, every: tenMinutes}.batches()
	last := singly(next[len(next)-1:])
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		// Time moves by microseconds, so that every reading is new and the
		// bucket stays the same.
		body := last[i%len(last)].body
		body[len(body)-8]++
		if body[len(body)-8] > '9' {
			body[len(body)-8] = '0'
		}
		if _, err := e.Step(e.Sequence()+1, body); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkSnapshot(b *testing.B) {
	f := fleet{seed: 1, devices: 1000, days: 2, every: tenMinutes}
	log := f.batches()
	e := newEngine(f.every)
	for _, x := range log[:len(log)-1] {
		if _, err := e.Step(e.Sequence()+1, x.body); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		b.StopTimer()
		if _, err := e.Step(e.Sequence()+1, log[len(log)-1].body[:0]); err != nil {
			b.Fatal(err)
		}
		if _, err := e.Step(e.Sequence()+1, singly(log[:1])[0].body); err != nil { // touches the cohort
			b.Fatal(err)
		}
		b.StartTimer()
		size = 0
		for _, p := range e.Snapshot().Parts {
			size += len(p)
		}
	}
	b.ReportMetric(float64(size)/3000, "bytes/series")
}

func TestSeriesStaySmall(t *testing.T) {
	series, evidence := anomaly.SeriesBytes()
	t.Logf("%d bytes a series, %d of evidence", series, evidence)
	if series > 1400 || evidence > 960 {
		t.Errorf("a series takes %d bytes, and %d of evidence", series, evidence)
	}
	var before, after runtime.MemStats
	f := fleet{seed: 1, devices: 300, days: 3, every: tenMinutes}
	log := f.batches()
	runtime.GC()
	runtime.ReadMemStats(&before)
	e := newEngine(f.every)
	run(t, e, log)
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := float64(after.HeapAlloc-before.HeapAlloc) / (3 * 300)
	t.Logf("%.0f bytes of heap a series, everything included", each)
	if each > 3500 {
		t.Errorf("a series takes %.0f bytes of heap", each)
	}
	runtime.KeepAlive(e)
	runtime.KeepAlive(log)
}
