package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/forecare/forecare/internal/loadgen"
	"github.com/forecare/forecare/internal/proving"
)

// result is what one round showed.
type result struct {
	acknowledged int64
	stored       int64
	acking       time.Duration // to the last PUBACK
	storing      time.Duration // until the last point could be counted in InfluxDB
	judging      time.Duration // until detection had seen the last value
	p50, p99     time.Duration // of a PUBACK
	forecare     loadgen.Usage // CPU of the round, memory's peak since the start
	influxd      loadgen.Usage
	generator    time.Duration // CPU of this program
	perAppend    float64       // messages that one append to the log held
	perWrite     float64       // lines that one write to InfluxDB held
	load         string        // load average before
}

func (r result) missing() int64 { return r.acknowledged - r.stored }

func (r result) ackRate() float64   { return float64(r.acknowledged) / r.acking.Seconds() }
func (r result) storeRate() float64 { return float64(r.stored) / r.storing.Seconds() }
func (r result) judgeRate() float64 { return float64(r.stored) / r.judging.Seconds() }

// perMillion is CPU seconds for a million messages.
func (r result) perMillion(cpu time.Duration) float64 {
	return cpu.Seconds() * 1e6 / float64(r.acknowledged)
}

func (r result) String() string {
	return fmt.Sprintf("%.0f acknowledged/s (p50 %s, p99 %s), %.0f stored/s, %.0f judged/s, CPU s/M %.1f + %.1f influxd (%.1f generator), peak MiB %d + %d, %.0f messages an append, %.0f lines a write, missing %d, load average before %s",
		r.ackRate(), r.p50.Round(100*time.Microsecond), r.p99.Round(100*time.Microsecond), r.storeRate(), r.judgeRate(), r.perMillion(r.forecare.CPU), r.perMillion(r.influxd.CPU), r.perMillion(r.generator),
		r.forecare.Peak>>20, r.influxd.Peak>>20, r.perAppend, r.perWrite, r.missing(), r.load)
}

// measure runs one round on a process of its own.
func measure(ctx context.Context, o options) (r result, err error) {
	ctx, cancel := context.WithTimeout(ctx, roundWithin)
	defer cancel()
	dir, err := os.MkdirTemp("", "mqttload")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	registered, err := proving.Register(ctx, dir, fleet(o.connections))
	if err != nil {
		return r, err
	}
	var env []string
	if o.influxd != "" {
		path, err := filepath.Abs(o.influxd)
		if err != nil {
			return r, err
		}
		env = append(env, "FORECARE_INFLUXD="+path)
	}
	r.load = loadAverage()
	p, err := proving.Start(ctx, o.forecare, dir, env...)
	if err != nil {
		return r, err
	}
	defer p.Kill()
	if err := p.Ready(ctx); err != nil {
		return r, err
	}
	w, err := connect(ctx, p.MQTT, o, registered.Tokens)
	if err != nil {
		return r, err
	}
	defer w.close()
	before, err := usageOf(p)
	if err != nil {
		return r, err
	}
	began := time.Now()
	if err := w.publish(ctx); err != nil {
		return r, errors.Join(err, fmt.Errorf("forecare said:\n%s", p.Output()))
	}
	r.acking = time.Since(began)
	r.acknowledged = w.acknowledged.Load()
	if err := r.await(ctx, p, began); err != nil {
		return r, err
	}
	r.p50, r.p99 = w.latency.Quantile(0.5), w.latency.Quantile(0.99)
	after, err := usageOf(p)
	if err != nil {
		return r, err
	}
	r.forecare, r.influxd = after.forecare, after.influxd
	r.forecare.CPU -= before.forecare.CPU
	r.influxd.CPU -= before.influxd.CPU
	r.generator = after.generator - before.generator
	if r.stored, err = p.Count(ctx, "condenser_pressure"); err != nil {
		return r, err
	}
	return r, p.Stop()
}

// await waits until everything is stored and judged. The process counts the
// lines that InfluxDB has taken; counting them there again and again would cost
// what is measured, so that is done once, when it should be complete.
func (r *result) await(ctx context.Context, p *proving.Process, began time.Time) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for r.storing == 0 || r.judging == 0 {
		m, err := metrics(ctx, p)
		if err != nil {
			return err
		}
		if r.storing == 0 && int64(m["forecare_ingest_stored_lines_total"]) >= r.acknowledged {
			r.storing = time.Since(began)
		}
		seen := m["forecare_anomaly_values_total"] + m["forecare_anomaly_repeated_values_total"]
		if r.judging == 0 && int64(seen) >= 4*r.acknowledged {
			r.judging = time.Since(began)
		}
		r.perAppend = m["forecare_ingest_group_messages_sum"] / m["forecare_ingest_group_messages_count"]
		r.perWrite = m["forecare_ingest_write_lines_sum"] / m["forecare_ingest_write_lines_count"]
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("of %d acknowledged readings %.0f were stored and %.0f judged when the time was over: %w",
				r.acknowledged, m["forecare_ingest_stored_lines_total"], seen/4, ctx.Err())
		}
	}
	return nil
}

// usage is what the three processes have used.
type usage struct {
	forecare, influxd loadgen.Usage
	generator         time.Duration
}

func usageOf(p *proving.Process) (u usage, err error) {
	if u.forecare, err = loadgen.ProcessUsage(p.PID); err != nil {
		return u, err
	}
	pid, err := p.Influxd()
	if err != nil {
		return u, err
	}
	if u.influxd, err = loadgen.ProcessUsage(pid); err != nil {
		return u, err
	}
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return u, err
	}
	u.generator = time.Duration(own.Utime.Nano() + own.Stime.Nano())
	return u, nil
}

// metrics reads the counters without labels.
func metrics(ctx context.Context, p *proving.Process) (map[string]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Web+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("/metrics answers %s", resp.Status)
	}
	out := map[string]float64{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			out[name] = v
		}
	}
	return out, lines.Err()
}

// loadAverage is what the machine was doing in the last minute.
func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(b), " ")
	return one
}
