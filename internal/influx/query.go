package influx

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
	fluxquery "github.com/influxdata/influxdb-client-go/v2/api/query"

	"github.com/forecare/forecare/devices"
)

// queryTimeout bounds a query whose context does not.
const queryTimeout = 60 * time.Second

// Point is a value, in the metric's unit, at an instant of event time.
type Point struct {
	Time  time.Time
	Value float64
}

// BandPoint is where the devices of a model lie in one window: a tenth of them
// below Lower, half below Middle, nine tenths below Upper.
type BandPoint struct {
	Time                 time.Time
	Lower, Middle, Upper float64
}

// Series returns the device's means per window of length every, oldest first.
// Windows are aligned to the epoch in UTC; Time is a window's start, of the
// first one the later of that and from. from is included, to is not. Windows
// without a reading are left out.
func (db *DB) Series(ctx context.Context, key devices.Key, metric string, from, to time.Time, every time.Duration) ([]Point, error) {
	if err := errors.Join(checkIDs(key.Tenant, key.Device), checkMetric(metric), checkWindows(from, to, every)); err != nil {
		return nil, err
	}
	s := db.server.Load()
	if s == nil {
		return nil, db.closed()
	}
	// A device that changed its model has two series; they are one to us.
	flux := s.from(from, to, [2]string{"tenant", key.Tenant}, [2]string{"device", key.Device}, [2]string{"_field", metric}) +
		"|> group()\n" + means(every)
	var out []Point
	err := db.each(ctx, s, "series", flux, func(r *fluxquery.FluxRecord) {
		if v, ok := r.Value().(float64); ok {
			out = append(out, Point{Time: r.Time().UTC(), Value: v})
		}
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b Point) int { return a.Time.Compare(b.Time) })
	return out, nil
}

// Band returns where the devices of a model lie, per window, oldest first:
// quantiles over the devices' own window means, so that a device that reports
// often counts no more than others. Windows are those of Series. It reads every
// reading of the model in that span.
func (db *DB) Band(ctx context.Context, tenant, model, metric string, from, to time.Time, every time.Duration) ([]BandPoint, error) {
	if err := errors.Join(checkIDs(tenant, model), checkMetric(metric), checkWindows(from, to, every)); err != nil {
		return nil, err
	}
	s := db.server.Load()
	if s == nil {
		return nil, db.closed()
	}
	// The quantiles are taken here: grouping by time in Flux makes a table of
	// every window, which costs it far more than the windows themselves.
	flux := s.from(from, to, [2]string{"tenant", tenant}, [2]string{"model", model}, [2]string{"_field", metric}) +
		"|> group(columns: [\"device\"])\n" + means(every) + "|> keep(columns: [\"_time\", \"_value\"])\n"
	windows := map[time.Time][]float64{}
	err := db.each(ctx, s, "band", flux, func(r *fluxquery.FluxRecord) {
		if v, ok := r.Value().(float64); ok {
			at := r.Time().UTC()
			windows[at] = append(windows[at], v)
		}
	})
	if err != nil {
		return nil, err
	}
	out := make([]BandPoint, 0, len(windows))
	for _, at := range slices.SortedFunc(maps.Keys(windows), time.Time.Compare) {
		values := windows[at]
		slices.Sort(values)
		out = append(out, BandPoint{Time: at, Lower: quantile(values, 0.1), Middle: quantile(values, 0.5), Upper: quantile(values, 0.9)})
	}
	return out, nil
}

// quantile interpolates between the order statistics (type 7 of Hyndman and
// Fan). sorted must not be empty.
func quantile(sorted []float64, q float64) float64 {
	place := q * float64(len(sorted)-1)
	low := int(place)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (place-float64(low))*(sorted[high]-sorted[low])
}

// Latest returns the device's newest value of every metric, by event time. A
// metric that has not been reported for longer than others may be missing: the
// last day is looked at first, then the last 30, then everything, and the first
// of them that holds anything answers.
func (db *DB) Latest(ctx context.Context, key devices.Key) (map[string]Point, error) {
	if err := checkIDs(key.Tenant, key.Device); err != nil {
		return nil, err
	}
	s := db.server.Load()
	if s == nil {
		return nil, db.closed()
	}
	now := time.Now()
	out := map[string]Point{}
	for _, start := range []time.Time{now.AddDate(0, 0, -1), now.AddDate(0, 0, -30), earliest} {
		// A device's clock may be a little ahead of ours.
		flux := s.from(start, now.AddDate(0, 0, 1), [2]string{"tenant", key.Tenant}, [2]string{"device", key.Device}) + "|> last()\n"
		err := db.each(ctx, s, "latest", flux, func(r *fluxquery.FluxRecord) {
			v, ok := r.Value().(float64)
			if at := r.Time().UTC(); ok && !at.Before(out[r.Field()].Time) {
				out[r.Field()] = Point{Time: at, Value: v}
			}
		})
		if err != nil {
			return nil, err
		}
		if len(out) > 0 {
			break
		}
	}
	return out, nil
}

// Count returns how many points of the tenant's devices lie in the span,
// counted by the field of which each device has most.
func (db *DB) Count(ctx context.Context, tenant string, from, to time.Time) (map[string]int64, error) {
	if err := errors.Join(checkIDs(tenant), checkSpan(from, to)); err != nil {
		return nil, err
	}
	s := db.server.Load()
	if s == nil {
		return nil, db.closed()
	}
	flux := s.from(from, to, [2]string{"tenant", tenant}) + "|> group(columns: [\"device\", \"_field\"]) |> count()\n"
	out := map[string]int64{}
	err := db.each(ctx, s, "count", flux, func(r *fluxquery.FluxRecord) {
		device, _ := r.ValueByKey("device").(string)
		n, _ := r.Value().(int64)
		out[device] = max(out[device], n)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// means is the part of a query that makes windows. offset: is unknown to 1.8.
func means(every time.Duration) string {
	return "|> aggregateWindow(every: " + duration(every) + ", fn: mean, timeSrc: \"_start\", createEmpty: false)\n"
}

// each runs a query and calls take with every record.
func (db *DB) each(ctx context.Context, s *server, kind, flux string, take func(*fluxquery.FluxRecord)) (err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	start := time.Now()
	defer func() {
		outcome := "answered"
		if err != nil {
			outcome = "failed"
			if h, ok := errors.AsType[*influxhttp.Error](err); ok && h.StatusCode/100 == 4 && h.StatusCode != http.StatusTooManyRequests {
				err = s.refusal(h)
			} else {
				err = devices.Wrap(err, devices.Unavailable, "The readings store did not answer.")
			}
		}
		db.metrics.queries.WithLabelValues(kind, outcome).Inc()
		db.metrics.querySeconds.Observe(time.Since(start).Seconds())
	}()
	// One QueryAPI per query: its lazily built URL is not safe for concurrent use.
	result, err := s.client.QueryAPI(s.org).Query(ctx, flux)
	if err != nil {
		return err
	}
	defer func() { _ = result.Close() }() // the answer has been read, or given up
	for result.Next() {
		if take != nil {
			take(result.Record())
		}
	}
	return result.Err()
}
