package sim

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/forecare/forecare/devices"
)

// FoundFinding is what a report needs of a finding, as the API has it.
type FoundFinding struct {
	ID       string      `json:"id"`
	Key      devices.Key `json:"key"`
	Metric   string      `json:"metric"`
	Kind     string      `json:"kind"`
	Status   string      `json:"status"`
	Revision int         `json:"revision"`
	Onset    time.Time   `json:"onset"`
	Detected time.Time   `json:"detected"`
}

// Findings asks for a device's findings.
func (a *API) Findings(ctx context.Context, device string) ([]FoundFinding, error) {
	var page struct {
		Items []FoundFinding `json:"items"`
	}
	query := url.Values{"device": {device}, "limit": {"500"}}
	err := a.Call(ctx, http.MethodGet, "/findings?"+query.Encode(), nil, &page)
	return page.Items, err
}

// Drain waits until no finding of the recording's units has changed for quiet,
// and returns them by unit.
func (r *Recording) Drain(ctx context.Context, a *API, quiet time.Duration) (map[string][]FoundFinding, error) {
	last, since := "", time.Now()
	for {
		found := make(map[string][]FoundFinding, len(r.Units))
		var state strings.Builder
		for _, u := range r.Units {
			list, err := a.Findings(ctx, u.ID)
			if err != nil {
				return nil, fmt.Errorf("asking for the findings of %s: %w", u.ID, err)
			}
			found[u.ID] = list
			for _, f := range list {
				fmt.Fprintf(&state, "%s:%d ", f.ID, f.Revision)
			}
		}
		if state.String() != last {
			last, since = state.String(), time.Now()
		}
		if time.Since(since) >= quiet {
			return found, nil
		}
		sleep(ctx, max(quiet/10, 50*time.Millisecond))
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// Verdict is what became of one recorded unit. Flagged is the number of its
// row at which the first finding was opened, counted from 1, 0 if there was
// none before its end. Later findings, of its silence, do not count.
type Verdict struct {
	Unit    string
	Rows    int
	Flagged int
	Metric  string
	Kind    string
	Found   int // findings in all, up to the unit's end
}

// Warning is how many rows before the unit's end it was flagged.
func (v Verdict) Warning() int { return v.Rows - v.Flagged }

// Judge compares findings with the units' ends.
func (r *Recording) Judge(found map[string][]FoundFinding) []Verdict {
	var out []Verdict
	for _, u := range r.Units {
		end := u.Rows[len(u.Rows)-1].Time
		v := Verdict{Unit: u.ID, Rows: len(u.Rows)}
		var first FoundFinding
		for _, f := range found[u.ID] {
			if f.Detected.After(end) || f.Metric == "" {
				continue
			}
			v.Found++
			if first.Detected.IsZero() || f.Detected.Before(first.Detected) {
				first = f
			}
		}
		if v.Found > 0 {
			v.Metric, v.Kind = first.Metric, first.Kind
			// A finding is as of the row at or before its time.
			n, exact := slices.BinarySearchFunc(u.Rows, first.Detected, func(row RecordedRow, t time.Time) int { return row.Time.Compare(t) })
			if exact {
				n++
			}
			v.Flagged = max(1, n)
		}
		out = append(out, v)
	}
	return out
}

// Summary is a report in figures.
type Summary struct {
	Units, Flagged int
	MedianWarning  int // rows, of the flagged
	EarlyShare     float64
	Findings       int
}

// Sum adds verdicts up. EarlyShare is the share of all units that were flagged
// within the first third of their life, when nothing was wrong yet.
func Sum(all []Verdict) Summary {
	s := Summary{Units: len(all)}
	var warnings []int
	early := 0
	for _, v := range all {
		s.Findings += v.Found
		if v.Flagged == 0 || v.Warning() == 0 {
			continue // with its last reading is not before its end
		}
		s.Flagged++
		warnings = append(warnings, v.Warning())
		if v.Flagged*3 < v.Rows {
			early++
		}
	}
	if len(warnings) > 0 {
		slices.Sort(warnings)
		s.MedianWarning = (warnings[(len(warnings)-1)/2] + warnings[len(warnings)/2]) / 2
	}
	if len(all) > 0 {
		s.EarlyShare = float64(early) / float64(len(all))
	}
	return s
}

// WriteReport prints a line per unit, the earliest warning first, and a
// summary. Step is what a row is called: cycle, reading.
func WriteReport(w io.Writer, all []Verdict, step string) error {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b Verdict) int {
		if (a.Flagged == 0) != (b.Flagged == 0) {
			return cmp.Compare(b.Flagged, a.Flagged)
		}
		return cmp.Compare(b.Warning(), a.Warning())
	})
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "unit\t%ss\tflagged at\t%ss before the end\tfirst by\t\n", step, step)
	for _, v := range all {
		if v.Flagged == 0 {
			fmt.Fprintf(table, "%s\t%d\tnot flagged\t\t\t\n", v.Unit, v.Rows)
			continue
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%s\t\n", v.Unit, v.Rows, v.Flagged, v.Warning(), strings.TrimSpace(v.Metric+" "+v.Kind))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	s := Sum(all)
	_, err := fmt.Fprintf(w, "\nflagged before the end: %d of %d\nmedian warning: %d %ss\nflagged in the first third of life: %.0f %%\nfindings per unit: %.1f\n",
		s.Flagged, s.Units, s.MedianWarning, step, 100*s.EarlyShare, float64(s.Findings)/float64(max(1, s.Units)))
	return err
}
