//go:build unix

package bus

import (
	"os"
	"syscall"
)

// lockFile opens path and locks it for as long as the process lives or the
// file is open. Two servers on one directory would destroy it.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
