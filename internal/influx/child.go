package influx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// stopWithin is how long influxd may take to close its files. It gives up by
// itself a little earlier.
const stopWithin = 20 * time.Second

// child is a running influxd.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	addr  chan string   // gets host:port once, when influxd answers
	ended chan struct{} // closed when the process is gone; err is set before
	err   error
}

// startChild starts influxd on the folder. It dies with this process: the pipe
// to its standard input, which nobody else holds, ends with us, and on Linux it
// gets a signal as well. Warnings of influxd go to warn, line by line.
func startChild(binary, dir, user, password string, warn func(line string)) (*child, error) {
	c := &child{
		cmd:   exec.Command(binary, "-dir", dir), //nolint:noctx // stopped by stop, with a SIGTERM first
		addr:  make(chan string, 1),
		ended: make(chan struct{}),
	}
	c.cmd.Env = childEnv()
	c.cmd.SysProcAttr = dieWithParent()
	c.cmd.Stdout = &lines{each: func(line string) {
		select {
		case c.addr <- line:
		default: // the address is the only line
		}
	}}
	c.cmd.Stderr = &lines{each: func(line string) {
		warn(strings.ReplaceAll(line, password, "[secret]"))
	}}
	c.cmd.WaitDelay = time.Second
	stdin, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe to influxd: %w", err)
	}
	c.stdin = stdin

	started := make(chan error, 1)
	go func() { // ends with the process; c.ended says so
		// The kernel sends the parent-death signal when the thread ends that
		// started the child, so this goroutine keeps its thread until then.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.cmd.Start()
		started <- err
		if err == nil {
			c.err = c.cmd.Wait()
		}
		close(c.ended)
	}()
	if err := <-started; err != nil {
		stdin.Close()
		return nil, fmt.Errorf("starting influxd: %w", err)
	}
	// The secret goes through the pipe: arguments and environment of a process
	// can be read by others. It fits the pipe's buffer, so this never waits.
	if _, err := fmt.Fprintf(stdin, "%s:%s\n", user, password); err != nil {
		return nil, errors.Join(fmt.Errorf("handing influxd its password: %w", err), c.stop())
	}
	return c, nil
}

// stop ends influxd and waits until it is gone: told by pipe and SIGTERM first,
// killed if it does not go.
func (c *child) stop() error {
	c.stdin.Close()
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // either is enough; it may be gone already
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
	}
	err := c.cmd.Process.Kill()
	<-c.ended
	return errors.Join(fmt.Errorf("influxd did not end within %s and was killed", stopWithin), err)
}

// childEnv is what influxd needs of our environment, which may hold secrets
// that are none of its business.
func childEnv() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "TZ", "GOMAXPROCS", "GOMEMLIMIT", "GOGC", "GODEBUG"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// lines is a writer that hands on whole lines, cut at maxLine.
type lines struct {
	each    func(string)
	partial []byte
}

const maxLine = 4096

func (l *lines) Write(p []byte) (int, error) {
	n := len(p)
	for {
		line, rest, found := bytes.Cut(p, []byte{'\n'})
		if room := maxLine - len(l.partial); room > 0 {
			l.partial = append(l.partial, line[:min(len(line), room)]...)
		}
		if !found {
			return n, nil
		}
		l.each(string(l.partial))
		l.partial = l.partial[:0]
		p = rest
	}
}
