package sim

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
)

// Recording is telemetry that somebody recorded, ready to be sent again. Every
// unit has at least one row. Notes say what of the files was left out.
type Recording struct {
	Metrics []string
	Units   []*RecordedUnit
	Indexed bool // rows have an index (a cycle, a sample) and no time until Place
	Notes   []string
}

// RecordedUnit is what one unit measured, in the order of time.
type RecordedUnit struct {
	ID   string
	Rows []RecordedRow
}

// RecordedRow is one reading. A value that is missing is NaN.
type RecordedRow struct {
	Index  float64
	Time   time.Time
	Values []float64 // by Recording.Metrics
}

// Span returns the first and the last instant of the recording.
func (r *Recording) Span() (from, until time.Time) {
	for _, u := range r.Units {
		if t := u.Rows[0].Time; from.IsZero() || t.Before(from) {
			from = t
		}
		if t := u.Rows[len(u.Rows)-1].Time; t.After(until) {
			until = t
		}
	}
	return from, until
}

// Readings returns how many readings there are.
func (r *Recording) Readings() int {
	n := 0
	for _, u := range r.Units {
		n += len(u.Rows)
	}
	return n
}

// Placing says when a recording is to have happened. Step is the time from one
// index to the next, Stagger by how many of them each unit starts after the
// one before, so that units of all ages are there at once, as in a real fleet.
// Both are for indexed recordings only. Until, if set, is the instant that the
// last reading is moved to; an indexed recording needs it.
type Placing struct {
	Step    time.Duration
	Stagger float64
	Until   time.Time
}

// Place gives every row its time.
func (r *Recording) Place(p Placing) error {
	if r.Indexed {
		if p.Step <= 0 {
			return devices.Errorf(devices.Invalid, "the recording counts steps and has no times: say how long a step is")
		}
		if p.Stagger < 0 || p.Until.IsZero() {
			return devices.Errorf(devices.Invalid, "the recording needs an end, and a stagger that is not negative")
		}
		epoch := time.Unix(0, 0).UTC() // moved below
		for i, u := range r.Units {
			for j := range u.Rows {
				steps := u.Rows[j].Index + float64(i)*p.Stagger
				u.Rows[j].Time = epoch.Add(time.Duration(steps * float64(p.Step))).Truncate(time.Millisecond)
			}
		}
	}
	if p.Until.IsZero() {
		return nil
	}
	_, last := r.Span()
	by := p.Until.UTC().Truncate(time.Millisecond).Sub(last)
	for _, u := range r.Units {
		for j := range u.Rows {
			u.Rows[j].Time = u.Rows[j].Time.Add(by)
		}
	}
	return nil
}

// DropConstant leaves out metrics that never change in the whole recording.
func (r *Recording) DropConstant() {
	lo, hi := make([]float64, len(r.Metrics)), make([]float64, len(r.Metrics))
	for i := range lo {
		lo[i], hi[i] = math.Inf(1), math.Inf(-1)
	}
	for _, u := range r.Units {
		for _, row := range u.Rows {
			for i, v := range row.Values {
				if !math.IsNaN(v) {
					lo[i], hi[i] = min(lo[i], v), max(hi[i], v)
				}
			}
		}
	}
	var keep []int
	var names, gone []string
	for i, name := range r.Metrics {
		if lo[i] < hi[i] {
			keep = append(keep, i)
			names = append(names, name)
		} else {
			gone = append(gone, name)
		}
	}
	if len(gone) == 0 || len(keep) == 0 {
		return
	}
	r.Metrics = names
	for _, u := range r.Units {
		for j := range u.Rows {
			values := make([]float64, len(keep))
			for k, i := range keep {
				values[k] = u.Rows[j].Values[i]
			}
			u.Rows[j].Values = values
		}
	}
	r.Notes = append(r.Notes, "left out because it never changes: "+strings.Join(gone, ", "))
}

// Model describes the recording's units as one model of a tenant. Nobody has
// said which deviation matters, so it states neither tolerance nor limit.
func (r *Recording) Model(tenant, id string) devices.Model {
	m := devices.Model{Tenant: tenant, ID: id, Name: id, Interval: r.interval()}
	for _, name := range r.Metrics {
		m.Metrics = append(m.Metrics, devices.Metric{Name: name, Unit: "1"})
	}
	return m
}

// interval is the usual time between two rows.
func (r *Recording) interval() time.Duration {
	var gaps []time.Duration
	for _, u := range r.Units {
		for j := 1; j < len(u.Rows) && j < 1000; j++ {
			gaps = append(gaps, u.Rows[j].Time.Sub(u.Rows[j-1].Time))
		}
	}
	if len(gaps) == 0 {
		return time.Hour
	}
	slices.Sort(gaps)
	return max(time.Second, gaps[len(gaps)/2])
}

// sortRows brings every unit's rows and the units into order.
func (r *Recording) sortRows() {
	for _, u := range r.Units {
		slices.SortStableFunc(u.Rows, func(a, b RecordedRow) int {
			return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Index, b.Index))
		})
	}
}

// openRecorded opens a file, through gzip if its name ends in .gz. name is
// what its units are called if it does not say.
func openRecorded(path string) (r io.Reader, name string, closeAll func(), err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, "", nil, devices.Wrap(err, devices.NotFound, "%s cannot be opened", path)
	}
	name = filepath.Base(path)
	if !strings.HasSuffix(name, ".gz") {
		return bufio.NewReader(f), strings.TrimSuffix(name, filepath.Ext(name)), func() { _ = f.Close() }, nil
	}
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		_ = f.Close()
		return nil, "", nil, devices.Wrap(err, devices.Invalid, "%s is not compressed, although its name ends in .gz", path)
	}
	name = strings.TrimSuffix(name, ".gz")
	return z, strings.TrimSuffix(name, filepath.Ext(name)), func() { _, _ = z.Close(), f.Close() }, nil
}

// identifier makes an identifier of what stands in a file.
func identifier(s string) string {
	out := strings.Map(func(c rune) rune {
		if c < 128 && devices.ValidID(string(c)) {
			return c
		}
		return '-'
	}, strings.TrimSpace(s))
	return out[:min(len(out), 64)]
}

// metricName makes a metric's name of a column's.
func metricName(s string) string {
	out := strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c
		}
		return '_'
	}, strings.TrimSpace(s))
	out = strings.TrimRight(out[:min(len(out), 60)], "_")
	if out == "" || out[0] < 'A' || slices.Contains(devices.ReservedMetrics(), out) {
		out = "m_" + out
	}
	return out
}

// at names a place in a file.
func at(path string, line int) string { return fmt.Sprintf("%s, line %d", path, line) }
