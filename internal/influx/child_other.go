//go:build !unix

package influx

import "syscall"

// dieWithParent relies on the pipe alone: there is no signal for it here.
func dieWithParent() *syscall.SysProcAttr { return nil }
