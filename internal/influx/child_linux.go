package influx

import "syscall"

// dieWithParent makes the kernel end the child when its parent dies. A process
// group of its own keeps Ctrl-C in a terminal from ending it before we do.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
}
