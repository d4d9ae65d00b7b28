package sim

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
)

// CSVOptions say what the columns of a file are. What is empty is found by
// usual names: time, timestamp, ts, date for Time; device, unit, id, station
// for Unit (the file's name if there is none); all other columns that hold
// numbers for Metrics. With Indexed, Time is a number that counts steps; files
// without one have their rows counted.
type CSVOptions struct {
	Time, Unit string
	Metrics    []string
	Indexed    bool
}

// ReadCSV reads files with a header, separated by comma, semicolon or tab.
// Times are RFC 3339, "2006-01-02 15:04:05" (taken as UTC), or Unix seconds,
// milliseconds, microseconds or nanoseconds by their magnitude. Empty cells,
// NA, NaN and null are missing values.
func ReadCSV(o CSVOptions, paths ...string) (*Recording, error) {
	r := &Recording{Indexed: o.Indexed}
	units := make(map[string]*RecordedUnit)
	for _, path := range paths {
		in, name, done, err := openRecorded(path)
		if err != nil {
			return nil, err
		}
		f := &csvFile{o: o, path: path, name: identifier(name), into: r, units: units}
		err = f.read(in)
		done()
		if err != nil {
			return nil, err
		}
	}
	for _, u := range r.Units { // files may have different columns
		for j := range u.Rows {
			for len(u.Rows[j].Values) < len(r.Metrics) {
				u.Rows[j].Values = append(u.Rows[j].Values, math.NaN())
			}
		}
	}
	if len(r.Units) == 0 {
		return nil, devices.Errorf(devices.Invalid, "there is not a single reading in %s", strings.Join(paths, ", "))
	}
	r.sortRows()
	return r, nil
}

// csvFile is one file while it is read.
type csvFile struct {
	o          CSVOptions
	path, name string
	into       *Recording
	units      map[string]*RecordedUnit

	time, unit int   // columns; time is -1 if rows are counted, unit for the file's name
	columns    []int // of metrics
	metrics    []int // where they stand in into.Metrics
}

func (f *csvFile) read(in io.Reader) error {
	buffered := bufio.NewReader(in)
	c := csv.NewReader(buffered)
	c.Comma = separator(buffered)
	c.TrimLeadingSpace = c.Comma != '\t' // else it would eat empty cells
	header, err := c.Read()
	if errors.Is(err, io.EOF) {
		return devices.Errorf(devices.Invalid, "%s is empty", f.path)
	}
	if err != nil {
		return f.wrong(err)
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	var rows [][]string
	var lines []int
	for {
		cells, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return f.wrong(err)
		}
		line, _ := c.FieldPos(0)
		rows, lines = append(rows, cells), append(lines, line)
	}
	if err := f.choose(header, rows); err != nil {
		return err
	}
	for i, cells := range rows {
		if err := f.row(header, cells, lines[i]); err != nil {
			return err
		}
	}
	return nil
}

func (f *csvFile) wrong(err error) error {
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		return devices.Errorf(devices.Invalid, "%s: %v", at(f.path, e.Line), e.Err)
	}
	return devices.Wrap(err, devices.Invalid, "%s cannot be read to its end", f.path)
}

// separator looks at the header for what separates columns.
func separator(in *bufio.Reader) rune {
	head, _ := in.Peek(4096) // shorter files yield what they have
	line, _, _ := strings.Cut(string(head), "\n")
	best, most := ',', 0
	for _, c := range []rune{',', ';', '\t'} {
		if n := strings.Count(line, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}

// choose decides which columns are what.
func (f *csvFile) choose(header []string, rows [][]string) error {
	find := func(wanted string, usual ...string) int {
		if wanted != "" {
			usual = []string{wanted}
		}
		for _, name := range usual {
			if i := slices.IndexFunc(header, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), name) }); i >= 0 {
				return i
			}
		}
		return -1
	}
	has := "it has " + strings.Join(header, ", ")
	if f.time = find(f.o.Time, "time", "timestamp", "ts", "date", "datetime", "cycle", "index"); f.time < 0 && (!f.o.Indexed || f.o.Time != "") {
		return devices.Errorf(devices.Invalid, "%s has no column %q for the time; %s", f.path, orElse(f.o.Time, "time"), has)
	}
	if f.unit = find(f.o.Unit, "device", "unit", "id", "station"); f.unit < 0 && f.o.Unit != "" {
		return devices.Errorf(devices.Invalid, "%s has no column %q for the unit; %s", f.path, f.o.Unit, has)
	}
	for _, name := range f.o.Metrics {
		i := find(name)
		if i < 0 {
			return devices.Errorf(devices.Invalid, "%s has no column %q; %s", f.path, name, has)
		}
		f.columns = append(f.columns, i)
	}
	if f.columns == nil {
		var text []string
		for i := range header {
			switch {
			case i == f.time || i == f.unit:
			case numeric(rows, i):
				f.columns = append(f.columns, i)
			default:
				text = append(text, header[i])
			}
		}
		if len(text) > 0 {
			f.into.Notes = append(f.into.Notes, f.path+": left out because it holds no numbers: "+strings.Join(text, ", "))
		}
	}
	if len(f.columns) == 0 {
		return devices.Errorf(devices.Invalid, "%s has no column that holds numbers; %s", f.path, has)
	}
	for _, i := range f.columns {
		name := metricName(header[i])
		at := slices.Index(f.into.Metrics, name)
		if at < 0 {
			at = len(f.into.Metrics)
			f.into.Metrics = append(f.into.Metrics, name)
		}
		f.metrics = append(f.metrics, at)
	}
	return nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// numeric reports whether a column holds numbers only, and any at all.
func numeric(rows [][]string, column int) bool {
	found := false
	for _, cells := range rows {
		v, err := parseValue(cells[column])
		if err != nil {
			return false
		}
		found = found || !math.IsNaN(v)
	}
	return found
}

func (f *csvFile) row(header, cells []string, line int) error {
	row := RecordedRow{Values: make([]float64, len(f.into.Metrics))}
	for i := range row.Values {
		row.Values[i] = math.NaN()
	}
	for k, i := range f.columns {
		v, err := parseValue(cells[i])
		if err != nil {
			return devices.Errorf(devices.Invalid, "%s: %s is %q and no number", at(f.path, line), header[i], cells[i])
		}
		row.Values[f.metrics[k]] = v
	}
	var err error
	if f.time < 0 {
		row.Index = float64(line)
	} else if f.o.Indexed {
		row.Index, err = strconv.ParseFloat(strings.TrimSpace(cells[f.time]), 64)
		if err != nil || math.IsNaN(row.Index) || math.IsInf(row.Index, 0) {
			return devices.Errorf(devices.Invalid, "%s: %s is %q and counts nothing", at(f.path, line), header[f.time], cells[f.time])
		}
	} else if row.Time, err = parseTime(cells[f.time]); err != nil {
		return devices.Errorf(devices.Invalid, "%s: %s is %q and no time; use 2006-01-02T15:04:05Z or Unix time, or say how long a step is if it counts steps", at(f.path, line), header[f.time], cells[f.time])
	}
	id := f.name
	if f.unit >= 0 {
		id = identifier(cells[f.unit])
	}
	if id == "" {
		return devices.Errorf(devices.Invalid, "%s: %s is empty", at(f.path, line), header[f.unit])
	}
	if slices.IndexFunc(row.Values, func(v float64) bool { return !math.IsNaN(v) }) < 0 {
		return nil // nothing was measured
	}
	u := f.units[id]
	if u == nil {
		u = &RecordedUnit{ID: id}
		f.units[id] = u
		f.into.Units = append(f.into.Units, u)
	}
	u.Rows = append(u.Rows, row)
	return nil
}

// parseValue reads a number; a missing one is NaN.
func parseValue(s string) (float64, error) {
	s = strings.TrimSpace(s)
	switch strings.ToLower(s) {
	case "", "na", "nan", "null", "none":
		return math.NaN(), nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err == nil && math.IsInf(v, 0) {
		return 0, strconv.ErrRange
	}
	return v, err
}

// parseTime reads an instant.
func parseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	size := math.Abs(v)
	switch {
	case err != nil || math.IsNaN(v) || size < 1e8 || size > 9e18: // below, it counts something
		return time.Time{}, devices.Errorf(devices.Invalid, "no time")
	case size < 1e11:
		return time.UnixMilli(int64(math.Round(v * 1e3))).UTC(), nil
	case size < 1e14:
		return time.UnixMilli(int64(v)).UTC(), nil
	case size < 1e17:
		return time.UnixMicro(int64(v)).UTC(), nil
	}
	return time.Unix(0, int64(v)).UTC(), nil
}
