package influx

import (
	"net"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/forecare/forecare/devices"
)

// where is what a readings URL says.
type where struct {
	dir    string // of the embedded InfluxDB; "" for an external one
	server string // base URL of an external InfluxDB
	org    string
	bucket string
}

// What the embedded InfluxDB is asked for. InfluxDB 1.8 has no organizations
// and reads a bucket as database/retention-policy.
const (
	embeddedUser     = "forecare"
	embeddedDatabase = "forecare"
	embeddedPolicy   = "autogen"
)

func (w where) embedded() bool { return w.dir != "" }

func parseURL(s string) (where, error) {
	// Everything behind the scheme is a path as it stands: no query, no escapes.
	if dir, ok := strings.CutPrefix(s, "embedded://"); ok {
		if dir == "" {
			return where{}, devices.Errorf(devices.Invalid, "The readings URL %q names no folder; write embedded:///path/to/folder.", s)
		}
		abs, err := filepath.Abs(dir)
		if err != nil {
			return where{}, devices.Wrap(err, devices.Invalid, "The folder %q of the readings store cannot be found.", dir)
		}
		return where{dir: abs, org: embeddedUser, bucket: embeddedDatabase + "/" + embeddedPolicy}, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "influx" {
		return where{}, devices.Errorf(devices.Invalid, "The readings URL must look like embedded:///path/to/folder or influx://host:port/org/bucket.")
	}
	if u.User != nil {
		return where{}, devices.Errorf(devices.Invalid, "The readings URL holds a user name. InfluxDB 2 wants a token: put it into a file and name the file in readings_token_file.")
	}
	scheme := "http"
	for name, values := range u.Query() {
		if name != "tls" || len(values) != 1 || (values[0] != "true" && values[0] != "false") {
			return where{}, devices.Errorf(devices.Invalid, "The readings URL %q has an option that is none of ?tls=true and ?tls=false.", s)
		}
		if values[0] == "true" {
			scheme = "https"
		}
	}
	// A bucket may hold a slash (InfluxDB 1.8 behind its v2 API), an
	// organization may not.
	org, bucket, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if u.Hostname() == "" || org == "" || bucket == "" {
		return where{}, devices.Errorf(devices.Invalid, "The readings URL %q must name host, organization and bucket: influx://host:port/org/bucket.", s)
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), "8086")
	}
	return where{server: scheme + "://" + host, org: org, bucket: bucket}, nil
}
