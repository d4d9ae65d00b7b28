package proving

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/forecare/forecare/internal/loadgen"
)

// ErrNoReadings means that the embedded InfluxDB is not there at the moment.
var ErrNoReadings = errors.New("the process has no InfluxDB open")

// Influxd returns the process id of the embedded InfluxDB.
func (p *Process) Influxd() (int, error) {
	children, err := loadgen.Children(p.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	for _, pid := range children {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if err == nil && strings.HasPrefix(filepath.Base(exe), "influxd") {
			return pid, nil
		}
	}
	return 0, ErrNoReadings
}

// Values are one metric's readings by device and by event time in Unix
// nanoseconds.
type Values map[string]map[int64]float64

// Stored returns every stored value of a metric. It asks InfluxDB itself, past
// everything of Forecare's that reads, in InfluxDB's own language.
func (p *Process) Stored(ctx context.Context, tenant, metric string) (Values, error) {
	rows, err := p.query(ctx, fmt.Sprintf(`SELECT %q FROM telemetry WHERE tenant = '%s' GROUP BY device`, metric, tenant))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := Values{}
	return out, eachRow(rows, func(row []string) error {
		at, err1 := strconv.ParseInt(row[2], 10, 64)
		v, err2 := strconv.ParseFloat(row[3], 64)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		device := strings.TrimPrefix(row[1], "device=")
		if out[device] == nil {
			out[device] = map[int64]float64{}
		}
		out[device][at] = v
		return nil
	})
}

// Count returns how many readings with that metric are stored.
func (p *Process) Count(ctx context.Context, metric string) (int64, error) {
	rows, err := p.query(ctx, fmt.Sprintf(`SELECT count(%q) FROM telemetry`, metric))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var n int64
	return n, eachRow(rows, func(row []string) (err error) {
		n, err = strconv.ParseInt(row[3], 10, 64)
		return err
	})
}

// query runs InfluxQL and returns its answer as CSV: name, tags, time, values.
func (p *Process) query(ctx context.Context, q string) (io.ReadCloser, error) {
	pid, err := p.Influxd()
	if err != nil {
		return nil, err
	}
	address, err := listens(pid)
	if err != nil {
		return nil, err
	}
	secret, err := os.ReadFile(filepath.Join(p.Dir, "influx", "secret"))
	if err != nil {
		return nil, err
	}
	form := url.Values{"db": {"forecare"}, "q": {q}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/query", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/csv")
	req.SetBasicAuth("forecare", strings.TrimSpace(string(secret)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
		return nil, fmt.Errorf("InfluxDB answers %s: %s", resp.Status, text)
	}
	return resp.Body, nil
}

// eachRow calls take with every row but the headers, of which there is one for
// each series.
func eachRow(r io.Reader, take func(row []string) error) error {
	c := csv.NewReader(bufio.NewReaderSize(r, 1<<16))
	c.FieldsPerRecord = -1
	c.ReuseRecord = true
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(row) < 4 || row[0] == "name" {
			continue
		}
		if err := take(row); err != nil {
			return err
		}
	}
}

// listens returns the loopback address on which a process listens (Linux
// only). InfluxDB takes a new port at each of its starts and tells only its
// parent.
func listens(pid int) (string, error) {
	own := map[string]bool{}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return "", err
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "socket:[") {
			own[strings.Trim(to, "socket:[]")] = true
		}
	}
	table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", pid))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) < 10 || f[3] != "0A" || !own[f[9]] { // 0A is LISTEN
			continue
		}
		_, port, _ := strings.Cut(f[1], ":")
		if n, err := strconv.ParseUint(port, 16, 16); err == nil {
			return fmt.Sprintf("127.0.0.1:%d", n), nil
		}
	}
	return "", ErrNoReadings
}
