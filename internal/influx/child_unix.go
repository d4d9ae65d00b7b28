//go:build unix && !linux

package influx

import "syscall"

// dieWithParent relies on the pipe alone: there is no signal for it here. A
// process group of its own keeps Ctrl-C in a terminal from ending the child
// before we do.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
