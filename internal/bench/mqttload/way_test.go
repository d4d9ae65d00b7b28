package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/internal/app"
	"github.com/forecare/forecare/internal/config"
	"github.com/forecare/forecare/internal/proving"
)

func TestPayloadIsWhatItIsSaidToBe(t *testing.T) {
	p := newPump(3, 10)
	for n := range 10 {
		b := p.payload(n)
		var r map[string]float64
		if err := json.Unmarshal(b, &r); err != nil || len(r) != 5 {
			t.Fatalf("%s: %v", b, err)
		}
		if len(b) < 110 || len(b) > 130 {
			t.Errorf("%d bytes, not about 120: %s", len(b), b)
		}
		if at := time.UnixMilli(int64(r["ts"])); time.Since(at) < time.Hour-time.Minute {
			t.Errorf("reading %d is of %s, too near to the present", n, at)
		}
	}
	f := fleet(2)
	if err := f.Model.Validate(); err != nil {
		t.Error(err)
	}
}

func TestLoads(t *testing.T) {
	o := options{messages: 1000}
	tests := []struct {
		connections string
		rate        int
		report      bool
		want        string // "" for an error
	}{
		{"50", 0, false, "50 connections, as fast as acknowledged"},
		{"50, 100", 0, true, "50 connections, as fast as acknowledged; 100 connections, as fast as acknowledged; 100 connections, 10000 a second"},
		{"50", 200, true, "50 connections, 200 a second"},
		{"0", 0, false, ""},
		{"1001", 0, false, ""},
		{"many", 0, false, ""},
		{"", 0, false, ""},
	}
	for _, tt := range tests {
		o.rate = tt.rate
		loads, err := loadsOf(o, tt.connections, tt.report)
		var got []string
		for _, l := range loads {
			got = append(got, l.String())
		}
		if strings.Join(got, "; ") != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("-connections %q: %v, %v", tt.connections, got, err)
		}
	}
}

func TestTableTellsMediansAndLosses(t *testing.T) {
	load := options{connections: 5}
	r := func(ack time.Duration, stored int64) result {
		return result{acknowledged: 100, stored: stored, acking: ack, storing: 2 * ack, judging: ack, load: "1.50"}
	}
	var out strings.Builder
	printTable(&out, []options{load}, [][]result{{r(time.Second, 100), r(4*time.Second, 97), r(2*time.Second, 100)}})
	row := out.String()[strings.LastIndex(strings.TrimSpace(out.String()), "\n"):]
	for _, want := range []string{"| 50 [25-100] |", "| 25 [12-50] |", "| 3 | 1.50-1.50 |"} {
		if !strings.Contains(row, want) {
			t.Errorf("the row lacks %q: %s", want, row)
		}
	}
}

// BenchmarkWay is the whole way in one process, so that its profile names what
// a reading costs: go test -run '^$' -bench Way -benchtime 400000x -cpuprofile cpu.out
// ./internal/bench/mqttload. The load generator is in the profile too (package
// loadgen and this one), InfluxDB is not.
func BenchmarkWay(b *testing.B) {
	influxd, err := filepath.Abs("../../../bin/influxd")
	if err == nil {
		_, err = os.Stat(influxd)
	}
	if err != nil {
		b.Skip("needs bin/influxd: ", err)
	}
	for _, o := range []options{
		{connections: 50, window: 20},
		{connections: 1000, window: 20},
		{connections: 1000, window: 20, rate: paced},
	} {
		b.Run(o.String(), func(b *testing.B) { benchmarkWay(b, influxd, o) })
	}
}

func benchmarkWay(b *testing.B, influxd string, o options) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	o.connections, o.messages = min(o.connections, b.N), b.N
	dir := b.TempDir()
	registered, err := proving.Register(ctx, dir, fleet(o.connections))
	if err != nil {
		b.Fatal(err)
	}
	c := config.Default()
	c.Data, c.MQTT, c.Web.Listen, c.Influxd = dir, "embedded://127.0.0.1:0", "127.0.0.1:0", influxd
	registry := prometheus.NewRegistry()
	a, err := app.New(ctx, app.Options{Config: c, Logger: slog.New(slog.DiscardHandler), Registry: registry})
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}()
	if err := a.WaitReady(ctx); err != nil {
		b.Fatal(err)
	}
	w, err := connect(ctx, a.Addr("mqtt"), o, registered.Tokens)
	if err != nil {
		b.Fatal(err)
	}
	defer w.close()
	b.ReportAllocs()
	b.ResetTimer()
	if err := w.publish(ctx); err != nil {
		b.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for stored(b, registry) < b.N {
		<-tick.C
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "readings/s")
}

// stored is how many lines InfluxDB has taken.
func stored(b *testing.B, r *prometheus.Registry) int {
	families, err := r.Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "forecare_ingest_stored_lines_total" {
			return int(f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	b.Fatal("the lines stored are not counted")
	return 0
}
