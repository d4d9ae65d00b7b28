package sim

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"

	"github.com/forecare/forecare/devices"
)

// Credentials are the devices' passwords, by device id.
type Credentials map[string]string

// String tells how many there are and none of them.
func (c Credentials) String() string { return fmt.Sprintf("%d credentials", len(c)) }

// GoString tells no more than String.
func (c Credentials) GoString() string { return c.String() }

// LogValue tells no more than String.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// ReadCredentials reads a credentials file: a JSON object from device id to
// token, or the tokens file (CSV: id,user,token) of `forecare device import`.
func ReadCredentials(path string) (Credentials, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, devices.Wrap(err, devices.NotFound, "there is no file %s", path)
	}
	if err != nil {
		return nil, devices.Wrap(err, devices.Internal, "reading %s", path)
	}
	if !bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		return readTokens(path, b)
	}
	var c Credentials
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, devices.Wrap(err, devices.Invalid, "%s is no JSON object from device id to token", path)
	}
	return c, nil
}

func readTokens(path string, b []byte) (Credentials, error) {
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil || len(rows) == 0 || !slices.Equal(rows[0], []string{"id", "user", "token"}) {
		return nil, devices.Wrap(err, devices.Invalid, "%s is neither a JSON object from device id to token nor a CSV file with the columns id,user,token", path)
	}
	c := make(Credentials, len(rows))
	for _, row := range rows[1:] {
		c[row[0]] = row[2]
	}
	return c, nil
}

// WriteCredentials replaces the credentials file; only its owner may read it.
func WriteCredentials(path string, c Credentials) error {
	return writeJSON(path, map[string]string(c), 0o600)
}
