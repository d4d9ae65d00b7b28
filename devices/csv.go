package devices

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// CSVRow is one line of a list of devices. Err says what is wrong with the
// line as such; whether the device is valid shows in PlanImport.
type CSVRow struct {
	Line   int // in the file, the header being line 1
	Key    Key
	Err    error
	header []string
	cells  []string
}

// CSVColumns returns the columns that a list of devices may have. The first
// three must be there.
func CSVColumns() []string {
	return []string{"id", "model", "zone", "firmware", "site", "site_name", "lat", "lon", "owner", "gateway"}
}

const requiredColumns = 3

// ReadDeviceCSV reads a list of devices of one tenant: a header with column
// names in any order, then one device a line. Separator is a comma, or a
// semicolon if the header has no comma. A line that cannot be read becomes a
// row with Err; an error is returned only if nothing can be made of the file,
// and says what to mend.
func ReadDeviceCSV(r io.Reader, tenant string) ([]CSVRow, error) {
	if !ValidID(tenant) {
		return nil, Errorf(Invalid, "the tenant is %s; %s", quoteShort(tenant), idRule)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, Wrap(err, Invalid, "the file cannot be read")
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(text) {
		return nil, Errorf(Invalid, "the file is not UTF-8; in a spreadsheet, save it as \"CSV UTF-8\"")
	}
	c := csv.NewReader(bytes.NewReader(text))
	c.FieldsPerRecord = -1 // wrong lengths are told per row
	c.TrimLeadingSpace = true
	if first, _, _ := bytes.Cut(text, []byte{'\n'}); !bytes.ContainsRune(first, ',') && bytes.ContainsRune(first, ';') {
		c.Comma = ';'
	}
	header, err := c.Read()
	if errors.Is(err, io.EOF) {
		return nil, Errorf(Invalid, "the file is empty; its first line must name the columns: %s", strings.Join(CSVColumns(), ","))
	}
	if err != nil {
		return nil, Errorf(Invalid, "the first line cannot be read (%v); it must name the columns: %s", csvCause(err), strings.Join(CSVColumns(), ","))
	}
	if err := checkHeader(header); err != nil {
		return nil, err
	}
	var rows []CSVRow
	for {
		cells, err := c.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err == nil && strings.Join(cells, "") == "" {
			continue // a spreadsheet's empty lines
		}
		rows = append(rows, readRow(c, header, cells, err, tenant))
	}
}

func checkHeader(header []string) error {
	known := CSVColumns()
	for i, name := range header {
		header[i] = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(known, header[i]) {
			return Errorf(Invalid, "unknown column %s; the columns may be %s", quoteShort(name), strings.Join(known, ", "))
		}
		if slices.Contains(header[:i], header[i]) {
			return Errorf(Invalid, "the column %s is there twice; leave one out", header[i])
		}
	}
	for _, name := range known[:requiredColumns] {
		if !slices.Contains(header, name) {
			return Errorf(Invalid, "the column %s is missing; %s must be there", name, strings.Join(known[:requiredColumns], ", "))
		}
	}
	return nil
}

func readRow(c *csv.Reader, header, cells []string, err error, tenant string) CSVRow {
	row := CSVRow{header: header, cells: cells, Key: Key{Tenant: tenant}}
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		row.Line = e.StartLine
		row.Err = Errorf(Invalid, "the line cannot be read (%v); a quotation mark must be doubled and quoted text closed", e.Err)
		return row
	}
	row.Line, _ = c.FieldPos(0)
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	if i := slices.Index(header, "id"); i < len(cells) {
		row.Key.Device = cells[i]
	}
	if len(cells) != len(header) {
		row.Err = Errorf(Invalid, "the line has %d cells, but the header has %d columns", len(cells), len(header))
	}
	return row
}

// apply returns d as the row changes it, and what is wrong with it then.
// Columns that the file does not have stay as they are; an empty cell empties.
func (row *CSVRow) apply(d Device) (Device, faults) {
	d.Key = row.Key
	var f faults
	for i, name := range row.header {
		cell := row.cells[i]
		var err error
		switch name {
		case "model":
			d.Model = cell
		case "zone":
			d.Site.Zone = cell
		case "firmware":
			d.Firmware = cell
		case "site":
			d.Site.ID = cell
		case "site_name":
			d.Site.Name = cell
		case "lat":
			d.Site.Lat, err = parseDegrees(cell)
		case "lon":
			d.Site.Lon, err = parseDegrees(cell)
		case "owner":
			d.Owner = cell
		case "gateway":
			d.Gateway = cell
		}
		if err != nil {
			f.add(`%s is %s; write degrees with a point, such as 52.52`, name, quoteShort(cell))
		}
	}
	return d, append(f, d.faults()...)
}

func parseDegrees(s string) (float64, error) {
	if s == "" {
		return 0, nil
	}
	return strconv.ParseFloat(s, 64)
}

func csvCause(err error) error {
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		return e.Err
	}
	return err
}
