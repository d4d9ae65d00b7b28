package anomaly_test

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
)

// recorded returns the folder of recorded telemetry, and skips the test where
// FORECARE_DATA does not name one. These tests measure; they assert only what
// must not get worse.
func recorded(t *testing.T, parts ...string) string {
	t.Helper()
	root := os.Getenv("FORECARE_DATA")
	if root == "" {
		t.Skip("FORECARE_DATA does not name the folder of recorded telemetry")
	}
	return filepath.Join(append([]string{root}, parts...)...)
}

// TestRecordedFleets feeds the semi-synthetic fleets through the engine with
// the tolerated errors as tolerance, and writes the cases that its findings
// would open to FORECARE_OUT/<fleet>.csv for the scorer.
func TestRecordedFleets(t *testing.T) {
	for _, name := range []string{"pub1", "pub2", "pub3hard", "pub4null"} {
		t.Run(name, func(t *testing.T) {
			folder := recorded(t, "fleetsim", name)
			models := map[string]string{}
			readCSV(t, filepath.Join(folder, "devices.csv"), func(r map[string]string) { models[r["device"]] = r["model"] })
			m := &devices.Model{Interval: time.Hour, Metrics: []devices.Metric{
				{Name: "battery_v", Unit: "V", Tolerance: 0.4, Noticeable: 0.5},
				{Name: "pm25", Tolerance: math.Log(1.5), Noticeable: math.Log(1.5)}, // as a logarithm: its tolerance is a factor
				{Name: "pressure_hpa", Unit: "hPa", Tolerance: 2, Noticeable: 2},
				{Name: "rh_pct", Unit: "%", Tolerance: 8, Noticeable: 8},
				{Name: "temp_c", Unit: "°C", Tolerance: 2, Noticeable: 2},
			}}
			e := anomaly.New(anomaly.Options{Models: func(string, string) *devices.Model { return m }})
			var cases strings.Builder
			cases.WriteString("device,metric,type,opened_at,predicted_cross\n")
			names := map[anomaly.Kind]string{anomaly.Silence: "dropout"}
			var body []byte
			var at string
			count := 0
			step := func() {
				found, err := e.Step(e.Sequence()+1, body)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range found {
					if f.Status != anomaly.Opened {
						continue
					}
					count++
					metric, kind, cross := f.Metric, string(f.Kind), ""
					if n := names[f.Kind]; n != "" {
						metric, kind = "*", n
					}
					if f.Forecast != nil {
						cross = f.Forecast.P50.Format(time.RFC3339)
					}
					fmt.Fprintf(&cases, "%s,%s,%s,%s,%s\n", f.Key.Device, metric, kind, f.Detected.Truncate(time.Second).Format(time.RFC3339), cross)
				}
				body = body[:0]
			}
			readCSV(t, filepath.Join(folder, "telemetry.csv.gz"), func(r map[string]string) {
				if r["time"] != at {
					step()
					at = r["time"]
				}
				when, err := time.Parse(time.RFC3339, r["time"])
				if err != nil {
					t.Fatal(err)
				}
				x := devices.Reading{Key: devices.Key{Tenant: "pub", Device: r["device"]}, Model: models[r["device"]], Time: when}
				for _, metric := range m.Metrics {
					v, err := strconv.ParseFloat(r[metric.Name], 64)
					if err != nil {
						continue
					}
					if metric.Name == "pm25" {
						v = math.Log(max(v, 1))
					}
					x.Fields = append(x.Fields, devices.Field{Name: metric.Name, Value: v})
				}
				if len(x.Fields) > 0 {
					body = x.AppendLine(body)
				}
			})
			step()
			t.Logf("%d cases", count)
			if out := os.Getenv("FORECARE_OUT"); out != "" {
				if err := os.WriteFile(filepath.Join(out, name+".csv"), []byte(cases.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestRecordedEngines runs the turbofan fleet, one cycle an hour. An engine is
// taken into service every eight hours, so that the fleet is of all ages.
func TestRecordedEngines(t *testing.T) {
	file, err := os.Open(recorded(t, "cmapss", "train_FD001.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	life := map[int]int{}
	var batches []batch
	for lines := bufio.NewScanner(file); lines.Scan(); {
		columns := strings.Fields(lines.Text())
		unit, _ := strconv.Atoi(columns[0])
		cycle, _ := strconv.Atoi(columns[1])
		life[unit] = max(life[unit], cycle)
		r := devices.Reading{
			Key: devices.Key{Tenant: "nasa", Device: columns[0]}, Model: "turbofan",
			Time: monday.Add(time.Duration(8*unit+cycle) * time.Hour),
		}
		for i, column := range columns[5:] {
			if v, err := strconv.ParseFloat(column, 64); err == nil {
				r.Fields = append(r.Fields, devices.Field{Name: fmt.Sprintf("sensor%02d", i+1), Value: v})
			}
		}
		batches = append(batches, batch{day(r.Time), r.AppendLine(nil)})
	}
	slices.SortStableFunc(batches, func(a, b batch) int { return cmp.Compare(a.at, b.at) })
	m := &devices.Model{Interval: time.Hour}
	e := anomaly.New(anomaly.Options{Models: func(string, string) *devices.Model { return m }})
	first := map[int]int{}
	findings := 0
	for _, f := range run(t, e, batches) {
		unit, _ := strconv.Atoi(f.Key.Device)
		if f.Status != anomaly.Opened || f.Kind == anomaly.Silence {
			continue
		}
		findings++
		if _, ok := first[unit]; !ok {
			first[unit] = int(f.Detected.Sub(monday)/time.Hour) - 8*unit
		}
	}
	var warning []float64
	early := 0
	for unit, cycle := range first {
		warning = append(warning, float64(life[unit]-cycle))
		if 3*cycle < life[unit] {
			early++
		}
	}
	t.Logf("%d of %d engines flagged before failure, median warning %.0f cycles, %d in their first third; %d findings",
		len(first), len(life), middle(warning), early, findings)
}

func readCSV(t *testing.T, path string, row func(map[string]string)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var in io.Reader = bufio.NewReader(f)
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(in); err != nil {
			t.Fatal(err)
		}
	}
	r := csv.NewReader(in)
	r.ReuseRecord = true
	var head []string
	m := map[string]string{}
	for {
		rec, err := r.Read()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if head == nil {
			head = append(head, rec...)
			continue
		}
		for i, h := range head {
			m[h] = rec[i]
		}
		row(m)
	}
}
