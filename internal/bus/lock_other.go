//go:build !unix

package bus

import "os"

// lockFile opens path exclusively where the system does that by itself.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
