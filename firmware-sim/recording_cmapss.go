package sim

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/forecare/forecare/devices"
)

// cmapssColumns is unit, cycle, three settings and 21 sensors.
const cmapssColumns = 26

// ReadCMAPSS reads NASA's turbofan run-to-failure files: 26 numbers a line,
// separated by spaces, of which the first two are the unit and its cycle. With
// several files, units are told apart by the file's name.
func ReadCMAPSS(paths ...string) (*Recording, error) {
	r := &Recording{Indexed: true}
	for i := range 3 {
		r.Metrics = append(r.Metrics, fmt.Sprintf("setting%d", i+1))
	}
	for i := range 21 {
		r.Metrics = append(r.Metrics, fmt.Sprintf("sensor%d", i+1))
	}
	for _, path := range paths {
		prefix := "unit-"
		in, name, done, err := openRecorded(path)
		if err != nil {
			return nil, err
		}
		if len(paths) > 1 {
			prefix = identifier(name) + "-"
		}
		err = r.readCMAPSS(in, path, prefix)
		done()
		if err != nil {
			return nil, err
		}
	}
	if len(r.Units) == 0 {
		return nil, devices.Errorf(devices.Invalid, "there is nothing in %s", strings.Join(paths, ", "))
	}
	r.sortRows()
	return r, nil
}

func (r *Recording) readCMAPSS(in io.Reader, path, prefix string) error {
	units := make(map[int]*RecordedUnit)
	lines := bufio.NewScanner(in)
	for n := 1; lines.Scan(); n++ {
		cells := strings.Fields(lines.Text())
		if len(cells) == 0 {
			continue
		}
		if len(cells) != cmapssColumns {
			return devices.Errorf(devices.Invalid, "%s: %d columns instead of %d (unit, cycle, 3 settings, 21 sensors); for a file with a header use --format csv", at(path, n), len(cells), cmapssColumns)
		}
		unit, err := strconv.Atoi(cells[0])
		if err != nil || unit < 0 {
			return devices.Errorf(devices.Invalid, "%s: the unit %q is no whole number", at(path, n), cells[0])
		}
		cycle, err := strconv.Atoi(cells[1])
		if err != nil || cycle < 0 {
			return devices.Errorf(devices.Invalid, "%s: the cycle %q is no whole number", at(path, n), cells[1])
		}
		row := RecordedRow{Index: float64(cycle)}
		for i, cell := range cells[2:] {
			v, err := parseValue(cell)
			if err != nil {
				return devices.Errorf(devices.Invalid, "%s: column %d is %q and no number", at(path, n), i+3, cell)
			}
			row.Values = append(row.Values, v)
		}
		u := units[unit]
		if u == nil {
			u = &RecordedUnit{ID: fmt.Sprintf("%s%03d", prefix, unit)}
			units[unit] = u
			r.Units = append(r.Units, u)
		}
		u.Rows = append(u.Rows, row)
	}
	if err := lines.Err(); err != nil {
		return devices.Wrap(err, devices.Invalid, "%s cannot be read to its end", path)
	}
	return nil
}
