// Package proving runs the real forecare binary as a child process and proves
// things of it from outside: that what it acknowledged is stored, whatever
// kills it. Tests and benchmarks share it.
package proving

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Addresses is what a running forecare writes to run.json in its data folder.
type Addresses struct {
	PID  int    `json:"pid"`
	MQTT string `json:"mqtt"`
	Web  string `json:"web"`
}

// Process is a running forecare.
type Process struct {
	Addresses
	Dir  string
	cmd  *exec.Cmd
	done chan struct{}
	out  *tail
}

// Start starts `forecare run` on the data folder and returns when its door is
// open: it may still be opening InfluxDB. Ports are free ones, unless env names
// others.
func Start(ctx context.Context, binary, dir string, env ...string) (*Process, error) {
	if err := os.Remove(runFile(dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	p := &Process{Dir: dir, done: make(chan struct{}), out: &tail{}}
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), binary, "run", "--data", dir)
	p.cmd.Env = append(os.Environ(), "FORECARE_MQTT=embedded://127.0.0.1:0", "FORECARE_WEB_LISTEN=127.0.0.1:0")
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", binary, err)
	}
	// Kill and Stop wait for it.
	go func() {
		_ = p.cmd.Wait() // ProcessState tells the rest
		close(p.done)
	}()
	err := poll(ctx, 20*time.Millisecond, func() error {
		select {
		case <-p.done:
			return fatal{fmt.Errorf("forecare ended at once:\n%s", p.out)}
		default:
		}
		return readRunFile(dir, &p.Addresses)
	})
	if err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// Ready returns when every part of the process works.
func (p *Process) Ready(ctx context.Context) error {
	err := poll(ctx, 100*time.Millisecond, func() error {
		wrong, err := p.NotReady(ctx)
		if err == nil && len(wrong) > 0 {
			err = fmt.Errorf("not ready: %v", wrong)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, p.out)
	}
	return readRunFile(p.Dir, &p.Addresses)
}

// Kill is kill -9. It returns when the process is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Stop asks the process to end and waits for it.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	<-p.done
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("forecare ended with code %d:\n%s", code, p.out)
	}
	return nil
}

// Done is closed when the process is gone.
func (p *Process) Done() <-chan struct{} { return p.done }

// Output is the newest of what the process printed.
func (p *Process) Output() string { return p.out.String() }

func runFile(dir string) string { return filepath.Join(dir, "run.json") }

func readRunFile(dir string, into *Addresses) error {
	b, err := os.ReadFile(runFile(dir))
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

// fatal ends a poll at once.
type fatal struct{ error }

// poll calls f until it returns nil; when ctx ends first, f's last error is
// the reason.
func poll(ctx context.Context, every time.Duration, f func() error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		if stop, ok := errors.AsType[fatal](err); ok {
			return stop.error
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// tail keeps the last 16 KiB written to it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(b)
	if over := t.buf.Len() - 16<<10; over > 0 {
		t.buf.Next(over)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
