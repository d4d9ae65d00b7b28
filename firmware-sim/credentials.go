package sim

import (
	"fmt"
	"log/slog"
)

// Credentials are the devices' passwords, by device id.
type Credentials map[string]string

// String tells how many there are and none of them.
func (c Credentials) String() string { return fmt.Sprintf("%d credentials", len(c)) }

// GoString tells no more than String.
func (c Credentials) GoString() string { return c.String() }

// LogValue tells no more than String.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// ReadCredentials reads a credentials file, a JSON object from device id to
// token.
func ReadCredentials(path string) (Credentials, error) {
	var c Credentials
	if err := readJSON(path, &c); err != nil {
		return nil, err
	}
	return c, nil
}

// WriteCredentials replaces the credentials file; only its owner may read it.
func WriteCredentials(path string, c Credentials) error {
	return writeJSON(path, map[string]string(c), 0o600)
}
