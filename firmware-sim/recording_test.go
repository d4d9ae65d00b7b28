package sim_test

import (
	"compress/gzip"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forecare/forecare/devices"
	sim "github.com/forecare/forecare/firmware-sim"
)

// file writes a file for a test and returns its name.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if strings.HasSuffix(name, ".gz") {
		var b strings.Builder
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		text = b.String()
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// engine returns a line of a turbofan file: sensor n reads n, and sensor 2 the
// cycle.
func engine(unit, cycle string) string {
	line := unit + " " + cycle + " 0 0 100"
	for n := 1; n <= 21; n++ {
		if n == 2 {
			line += " " + cycle
			continue
		}
		line += " " + string(rune('0'+n%10))
	}
	return line + "  \n"
}

func TestReadCMAPSS(t *testing.T) {
	r, err := sim.ReadCMAPSS(file(t, "train.txt", engine("1", "1")+engine("1", "2")+"\n"+engine("7", "2")+engine("7", "1")))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Metrics) != 24 || len(r.Units) != 2 || r.Units[0].ID != "unit-001" || r.Units[1].ID != "unit-007" {
		t.Fatalf("read %d metrics, %d units", len(r.Metrics), len(r.Units))
	}
	if rows := r.Units[1].Rows; rows[0].Index != 1 || rows[1].Index != 2 || rows[1].Values[4] != 2 {
		t.Errorf("unit 7 reads %+v", rows)
	}
	r.DropConstant()
	if !cmp.Equal(r.Metrics, []string{"sensor2"}) || len(r.Units[0].Rows[0].Values) != 1 || len(r.Notes) != 1 {
		t.Errorf("after leaving out what is constant: %v, %v", r.Metrics, r.Notes)
	}
}

func TestReadCMAPSSRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":        {"\n\n", "there is nothing in"},
		"a header":       {"unit cycle\n", "line 1: 2 columns instead of 26"},
		"a word":         {engine("1", "1") + strings.Replace(engine("1", "2"), " 100 ", " hot ", 1), `line 2: column 5 is "hot" and no number`},
		"half a cycle":   {engine("1", "1.5"), `the cycle "1.5" is no whole number`},
		"negative unit":  {engine("-1", "1"), `the unit "-1" is no whole number`},
		"infinity":       {strings.Replace(engine("1", "2"), " 100 ", " 1e999 ", 1), "no number"},
		"one column off": {engine("1", "1") + "1 2 3\n", "line 2: 3 columns"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sim.ReadCMAPSS(file(t, "f.txt", c.text))
			if devices.CodeOf(err) != devices.Invalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("it says: %v", err)
			}
		})
	}
	if _, err := sim.ReadCMAPSS("/nowhere/at/all.txt"); devices.CodeOf(err) != devices.NotFound {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := sim.ReadCMAPSS(file(t, "f.txt", "x"), filepath.Join(t.TempDir(), "none.gz")); err == nil {
		t.Error("one of two files was missing")
	}
}

var sameFloats = cmpopts.EquateNaNs()

func TestReadCSV(t *testing.T) {
	nan := math.NaN()
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for name, c := range map[string]struct {
		file, text string
		o          sim.CSVOptions
		want       sim.Recording
	}{
		"rfc 3339, two devices, a gap, text left out": {
			"f.csv", "time,device,temp,state,rh %\n2026-03-01T10:00:00+01:00,a,21.5,ok,40\n2026-03-01T09:10:00Z,b/2,,bad,41\n2026-03-01T09:20:00Z,a,NaN,,NA\n",
			sim.CSVOptions{},
			sim.Recording{Metrics: []string{"temp", "rh"}, Units: []*sim.RecordedUnit{
				{ID: "a", Rows: []sim.RecordedRow{{Time: at("2026-03-01T09:00:00Z"), Values: []float64{21.5, 40}}}},
				{ID: "b-2", Rows: []sim.RecordedRow{{Time: at("2026-03-01T09:10:00Z"), Values: []float64{nan, 41}}}},
			}, Notes: []string{"FILE: left out because it holds no numbers: state"}},
		},
		"unsorted, semicolons, compressed, byte order mark": {
			"x.csv.gz", "\ufefftimestamp;v\n2026-03-01 00:00:10;2\n2026-03-01 00:00:00;1\n",
			sim.CSVOptions{},
			sim.Recording{Metrics: []string{"v"}, Units: []*sim.RecordedUnit{{ID: "x", Rows: []sim.RecordedRow{
				{Time: at("2026-03-01T00:00:00Z"), Values: []float64{1}}, {Time: at("2026-03-01T00:00:10Z"), Values: []float64{2}},
			}}}},
		},
		"unix time by magnitude": {
			"f.csv", "ts\tv\n1772323200\t1\n1772323200500\t2\n1772323201000000\t3\n1772323202000000000\t4\n",
			sim.CSVOptions{},
			sim.Recording{Metrics: []string{"v"}, Units: []*sim.RecordedUnit{{ID: "f", Rows: []sim.RecordedRow{
				{Time: at("2026-03-01T00:00:00Z"), Values: []float64{1}},
				{Time: at("2026-03-01T00:00:00.5Z"), Values: []float64{2}},
				{Time: at("2026-03-01T00:00:01Z"), Values: []float64{3}},
				{Time: at("2026-03-01T00:00:02Z"), Values: []float64{4}},
			}}}},
		},
		"chosen columns, counted steps, a reserved name": {
			"f.csv", "n,who,time,x\n2,u1,5,6\n1,u1,7,8\n",
			sim.CSVOptions{Time: "N", Unit: "who", Metrics: []string{"time"}, Indexed: true},
			sim.Recording{Metrics: []string{"m_time"}, Indexed: true, Units: []*sim.RecordedUnit{{ID: "u1", Rows: []sim.RecordedRow{
				{Index: 1, Values: []float64{7}}, {Index: 2, Values: []float64{5}},
			}}}},
		},
		"counted rows": {
			"machine-1.csv", "m00,m01\n1,2\n3,4\n",
			sim.CSVOptions{Indexed: true},
			sim.Recording{Metrics: []string{"m00", "m01"}, Indexed: true, Units: []*sim.RecordedUnit{{ID: "machine-1", Rows: []sim.RecordedRow{
				{Index: 2, Values: []float64{1, 2}}, {Index: 3, Values: []float64{3, 4}},
			}}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, c.file, c.text)
			got, err := sim.ReadCSV(c.o, path)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got.Notes {
				got.Notes[i] = strings.Replace(got.Notes[i], path, "FILE", 1)
			}
			if d := cmp.Diff(&c.want, got, sameFloats); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestReadCSVJoinsFilesWithDifferentColumns(t *testing.T) {
	r, err := sim.ReadCSV(sim.CSVOptions{}, file(t, "a.csv", "time,x\n2026-03-01,1\n"), file(t, "b.csv", "time,y,x\n2026-03-01,2,3\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []*sim.RecordedUnit{
		{ID: "a", Rows: []sim.RecordedRow{{Time: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Values: []float64{1, math.NaN()}}}},
		{ID: "b", Rows: []sim.RecordedRow{{Time: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Values: []float64{3, 2}}}},
	}
	if d := cmp.Diff(want, r.Units, sameFloats); d != "" || !cmp.Equal(r.Metrics, []string{"x", "y"}) {
		t.Error(r.Metrics, d)
	}
}

func TestReadCSVRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		text, want string
		o          sim.CSVOptions
	}{
		"nothing":           {"", "is empty", sim.CSVOptions{}},
		"only a header":     {"time,v\n", "no column that holds numbers", sim.CSVOptions{}},
		"no time":           {"when,v\n1,2\n", `no column "time" for the time; it has when, v`, sim.CSVOptions{}},
		"no such time":      {"time,v\n1,2\n", `no column "t0" for the time`, sim.CSVOptions{Time: "t0"}},
		"no such time step": {"time,v\n1,2\n", `no column "t0" for the time`, sim.CSVOptions{Time: "t0", Indexed: true}},
		"no such unit":      {"time,v\n2026-03-01,2\n", `no column "who" for the unit`, sim.CSVOptions{Unit: "who"}},
		"no such metric":    {"time,v\n2026-03-01,2\n", `no column "w"`, sim.CSVOptions{Metrics: []string{"w"}}},
		"a wrong time":      {"time,v\n2026-03-01,1\nyesterday,2\n", `line 3: time is "yesterday" and no time`, sim.CSVOptions{}},
		"steps for times":   {"time,v\n1,1\n", "say how long a step is", sim.CSVOptions{}},
		"a time for steps":  {"time,v\n2026-03-01,1\n", "counts nothing", sim.CSVOptions{Indexed: true}},
		"a wrong number":    {"time,v\n2026-03-01,1\n2026-03-02,x\n", `line 3: v is "x" and no number`, sim.CSVOptions{Metrics: []string{"v"}}},
		"infinity":          {"time,v\n2026-03-01,inf\n", "no number", sim.CSVOptions{Metrics: []string{"v"}}},
		"only words":        {"time,v\n2026-03-01,x\n", "no column that holds numbers", sim.CSVOptions{}},
		"a ragged row":      {"time,v\n2026-03-01,1\n2026-03-02\n", "line 3", sim.CSVOptions{}},
		"an open quote":     {"time,v\n2026-03-01,\"1\n", "line 2", sim.CSVOptions{}},
		"an empty unit":     {"time,unit,v\n2026-03-01,,1\n", "unit is empty", sim.CSVOptions{}},
		"only gaps":         {"time,v,w\n2026-03-01,,1\n", "not a single reading", sim.CSVOptions{Metrics: []string{"v"}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sim.ReadCSV(c.o, file(t, "f.csv", c.text))
			if devices.CodeOf(err) != devices.Invalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("it says: %v", err)
			}
		})
	}
	path := filepath.Join(t.TempDir(), "f.csv.gz")
	if err := os.WriteFile(path, []byte("time,v\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sim.ReadCSV(sim.CSVOptions{}, path); devices.CodeOf(err) != devices.Invalid {
		t.Errorf("a file that is not compressed: %v", err)
	}
}

func TestPlacingMixesAges(t *testing.T) {
	r, err := sim.ReadCMAPSS(file(t, "f.txt", engine("1", "1")+engine("1", "2")+engine("2", "1")+engine("2", "2")+engine("2", "3")))
	if err != nil {
		t.Fatal(err)
	}
	end := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, p := range []sim.Placing{{Until: end}, {Step: time.Hour}, {Step: time.Hour, Until: end, Stagger: -1}} {
		if err := r.Place(p); devices.CodeOf(err) != devices.Invalid {
			t.Errorf("%+v: %v", p, err)
		}
	}
	if err := r.Place(sim.Placing{Step: time.Hour, Stagger: 3, Until: end}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range r.Units {
		for _, row := range u.Rows {
			got = append(got, u.ID+" "+row.Time.Format("15:04"))
		}
	}
	// Unit 2 begins three cycles after unit 1, and its third cycle is the end.
	want := []string{"unit-001 07:00", "unit-001 08:00", "unit-002 10:00", "unit-002 11:00", "unit-002 12:00"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if m := r.Model("demo", "turbofan"); m.Interval != time.Hour || m.Validate() != nil {
		t.Errorf("the model is %+v, %v", m, m.Validate())
	}
}
