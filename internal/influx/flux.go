package influx

import (
	"fmt"
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
)

// from begins a query over the telemetry from start until before stop. Each
// where is a tag or _field with the value that it must have.
func (s *server) from(start, stop time.Time, where ...[2]string) string {
	// InfluxDB 1.8, which knows buckets as database/policy, also reads what lies
	// on stop, against Flux's own definition.
	if strings.Contains(s.bucket, "/") {
		stop = stop.Add(-time.Nanosecond)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "from(bucket: %s) |> range(start: %s, stop: %s) |> filter(fn: (r) => r._measurement == \"telemetry\"",
		quote(s.bucket), instant(start), instant(stop))
	for _, w := range where {
		fmt.Fprintf(&b, " and r.%s == %s", w[0], quote(w[1]))
	}
	b.WriteString(")\n")
	return b.String()
}

// quote returns s as a Flux string literal. "${" would begin an interpolation.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + `"`
}

// The instants that InfluxDB can store.
var (
	earliest = time.Date(1677, 9, 22, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2262, 4, 11, 0, 0, 0, 0, time.UTC)
)

// instant returns t as a Flux time literal.
func instant(t time.Time) string {
	if t.Before(earliest) {
		t = earliest
	}
	if t.After(latest) {
		t = latest
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// duration returns d as a Flux duration literal.
func duration(d time.Duration) string {
	if d%time.Millisecond == 0 {
		return fmt.Sprintf("%dms", d.Milliseconds())
	}
	return fmt.Sprintf("%dns", d.Nanoseconds())
}

// maxWindows bounds what one query may return per series.
const maxWindows = 100_000

// checkSpan refuses a span of time that InfluxDB would refuse in its own words.
func checkSpan(from, to time.Time) error {
	if !from.Before(to) {
		return devices.Errorf(devices.Invalid, "The time span from %s to %s is empty.", from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
	}
	return nil
}

func checkWindows(from, to time.Time, every time.Duration) error {
	if err := checkSpan(from, to); err != nil {
		return err
	}
	if every <= 0 {
		return devices.Errorf(devices.Invalid, "A window must be longer than nothing.")
	}
	if to.Sub(from)/every >= maxWindows {
		return devices.Errorf(devices.Invalid, "That would be more than %d windows. Ask for longer ones.", maxWindows)
	}
	return nil
}

// checkIDs refuses what can be no tag value of ours. quote would keep it from
// doing harm; this says so to whoever asked.
func checkIDs(ids ...string) error {
	for _, id := range ids {
		if !devices.ValidID(id) {
			return devices.Errorf(devices.Invalid, "%q is no identifier.", id)
		}
	}
	return nil
}

func checkMetric(name string) error {
	if !devices.ValidMetric(name) {
		return devices.Errorf(devices.Invalid, "%q is no name of a metric.", name)
	}
	return nil
}
