package ingest_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

// fourFields is the message of docs/benchmarks.md: four fields.
var fourFields = []byte(`{"ts": 1772366399123, "temp": 21.437, "flow": 3.0625, "on": true, "count": 184467}`)

// BenchmarkDecode is one message from bytes to line protocol, with all checks.
func BenchmarkDecode(b *testing.B) {
	device, model, _ := fleet().Lookup(key("d1"))
	for _, test := range []struct {
		name    string
		payload []byte
	}{
		{"json", fourFields},
		{"json in another order", []byte(`{"count":184467,"on":true,"flow":3.0625,"temp":21.437,"ts":"2026-03-01T09:30:00.123Z"}`)},
		{"lines", []byte("telemetry temp=21.437,flow=3.0625,on=t,count=184467i 1772366399123000000\n")},
		{"list of 100", []byte("[" + strings.Repeat(string(fourFields)+",", 99) + string(fourFields) + "]")},
	} {
		b.Run(test.name, func(b *testing.B) {
			var decoder ingest.DecodeForTest
			b.ReportAllocs()
			b.SetBytes(int64(len(test.payload)))
			for b.Loop() {
				if _, stored, _, whole := decoder.Decode(device, model, received, test.payload); whole != nil || stored == 0 {
					b.Fatal(whole)
				}
			}
		})
	}
}

// BenchmarkAccept is the way from a door to the acknowledgement, without the
// log itself.
func BenchmarkAccept(b *testing.B) {
	log := discardLog{}
	commit := ingest.NewCommitter(log, ingest.CommitterOptions{})
	a := ingest.NewAcceptor(ingest.AcceptorOptions{Registry: fleet(), Commit: commit, Log: log})
	ctx, cancel := contextWithCancel(b)
	var running sync.WaitGroup
	running.Go(func() { _ = commit.Run(ctx) })
	message := ingest.Message{Publisher: key("d1"), Topic: "fleet/acme/d1/telemetry", Payload: fourFields, Received: received}
	var answers sync.WaitGroup
	answered := func(o ingest.Outcome) {
		if o.Stored != 1 {
			b.Error(o)
		}
		answers.Done()
	}
	b.ReportAllocs()
	for b.Loop() {
		answers.Add(1)
		a.Accept(message, answered)
	}
	answers.Wait()
	cancel()
	running.Wait()
}

// discardLog keeps nothing.
type discardLog struct{}

func (discardLog) AppendTelemetry(context.Context, int, []byte) error        { return nil }
func (discardLog) AppendDeadLetter(context.Context, ingest.DeadLetter) error { return nil }
func (discardLog) AppendEvent(context.Context, devices.Event) error          { return nil }
