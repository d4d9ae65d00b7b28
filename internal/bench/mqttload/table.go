package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"
)

// printTable prints the medians, with the least and the most of what varies.
func printTable(out io.Writer, loads []options, measured [][]result) {
	fmt.Fprintf(out, "%s, %s/%s, %d CPUs; medians of %d rounds [least-most].\n\n",
		time.Now().UTC().Format("2006-01-02 15:04 MST"), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), len(measured[0]))
	fmt.Fprintln(out, "| load | PUBACKed/s | PUBACK p50 | p99 | stored/s | judged/s | CPU s/M forecare | influxd | sum | peak MiB | messages an append | lines a write | not stored | load average |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for i, rs := range measured {
		of := func(f func(result) float64) []float64 {
			var out []float64
			for _, r := range rs {
				out = append(out, f(r))
			}
			slices.Sort(out)
			return out
		}
		middle := func(f func(result) float64) float64 { x := of(f); return x[len(x)/2] }
		span := func(f func(result) float64) string {
			x := of(f)
			return fmt.Sprintf("%s [%s-%s]", short(x[len(x)/2]), short(x[0]), short(x[len(x)-1]))
		}
		ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
		var missing int64
		for _, r := range rs {
			missing += r.missing()
		}
		fmt.Fprintf(out, "| %s | %s | %s ms | %s ms | %s | %s | %.1f | %.1f | %.1f | %.0f + %.0f | %.0f | %.0f | %d | %s-%s |\n",
			loads[i], span(result.ackRate),
			short(middle(func(r result) float64 { return ms(r.p50) })), short(middle(func(r result) float64 { return ms(r.p99) })),
			span(result.storeRate), span(result.judgeRate),
			middle(func(r result) float64 { return r.perMillion(r.forecare.CPU) }),
			middle(func(r result) float64 { return r.perMillion(r.influxd.CPU) }),
			middle(func(r result) float64 { return r.perMillion(r.forecare.CPU + r.influxd.CPU) }),
			middle(func(r result) float64 { return float64(r.forecare.Peak >> 20) }),
			middle(func(r result) float64 { return float64(r.influxd.Peak >> 20) }),
			middle(func(r result) float64 { return r.perAppend }), middle(func(r result) float64 { return r.perWrite }),
			missing, least(rs), most(rs))
	}
}

func short(x float64) string {
	switch {
	case x >= 10_000:
		return fmt.Sprintf("%.1fk", x/1000)
	case x < 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

func least(rs []result) string {
	return slices.MinFunc(rs, byLoad).load
}

func most(rs []result) string {
	return slices.MaxFunc(rs, byLoad).load
}

func byLoad(a, b result) int {
	var x, y float64
	_, _ = fmt.Sscan(a.load, &x) // "unknown" is 0
	_, _ = fmt.Sscan(b.load, &y)
	return int(100 * (x - y))
}
