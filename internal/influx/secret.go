package influx

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/forecare/forecare/devices"
)

// secretName is the file, in the folder of the embedded InfluxDB, that keeps
// the password of its only user.
const secretName = "secret"

// password returns what is kept in the folder, and makes it on first use. It
// may be deleted at any time: influxd takes the one it is given at each start.
func password(dir string) (string, error) {
	path := filepath.Join(dir, secretName)
	b, err := os.ReadFile(path)
	switch {
	case err == nil:
		p := strings.TrimSpace(string(b))
		if len(p) < 32 || len(p) > 72 || strings.ContainsAny(p, ": \n") {
			return "", devices.Errorf(devices.Invalid, "%s holds no password of ours. Delete it; a new one is made at the next start.", path)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			return "", devices.Wrap(err, devices.Invalid, "%s cannot be kept from other users.", path)
		}
		return p, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", devices.Wrap(err, devices.Invalid, "%s cannot be read.", path)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", devices.Wrap(err, devices.Invalid, "The folder %s cannot be made.", dir)
	}
	var raw [32]byte
	rand.Read(raw[:])
	p := base64.RawURLEncoding.EncodeToString(raw[:])
	// Written beside and renamed, so that a crash leaves no half of it.
	tmp := path + ".new"
	if err := os.WriteFile(tmp, []byte(p+"\n"), 0o600); err != nil {
		return "", devices.Wrap(err, devices.Invalid, "%s cannot be written.", tmp)
	}
	if err := os.Rename(tmp, path); err != nil {
		return "", devices.Wrap(err, devices.Invalid, "%s cannot be written.", path)
	}
	return p, nil
}
