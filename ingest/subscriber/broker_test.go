package subscriber_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// documented are the settings of docs/protocol.md [TP-10.7].
const documented = `
persistence true
max_inflight_messages 1000
max_queued_messages 0
max_queued_bytes 0
message_size_limit 4194304
`

// mosquitto is a real broker of the test's own. It can be stopped, killed and
// started again, with its port and its data.
type mosquitto struct {
	t       *testing.T
	address string
	dir     string
	command *exec.Cmd
	said    *syncBuffer
	ended   chan struct{}
}

type brokerOptions struct {
	settings string // instead of the documented ones
	users    map[string]string
	acl      string
	tls      *authority
}

func startBroker(t *testing.T, o brokerOptions) *mosquitto {
	t.Helper()
	binary := mosquittoBinary(t)
	b := &mosquitto{t: t, dir: t.TempDir()}
	if o.settings == "" {
		o.settings = documented
	}
	for range 5 { // the free port may be taken before mosquitto has it
		b.configure(o)
		b.command = nil
		if b.try(binary) {
			t.Cleanup(b.stop)
			return b
		}
	}
	t.Fatalf("mosquitto does not start:\n%s", b.said)
	return nil
}

func mosquittoBinary(t *testing.T) string {
	t.Helper()
	for _, candidate := range []string{"mosquitto", "/usr/sbin/mosquitto"} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("there is no mosquitto; .ci/install.sh installs it")
	}
	t.Skip("SKIPPED: there is no mosquitto (Debian: apt-get install mosquitto), so nothing here is tested against a real broker")
	return ""
}

func (b *mosquitto) configure(o brokerOptions) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	b.address = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(b.address)
	conf := "listener " + port + " 127.0.0.1\npersistence_location " + b.dir + "/\nsys_interval 1\n" + o.settings
	if os.Geteuid() == 0 {
		conf += "user root\n"
	}
	if o.users == nil {
		conf += "allow_anonymous true\n"
	} else {
		passwords := filepath.Join(b.dir, "passwords")
		text := ""
		for user, password := range o.users {
			text += user + ":" + password + "\n"
		}
		writeFile(b.t, passwords, text)
		if out, err := exec.CommandContext(b.t.Context(), "mosquitto_passwd", "-U", passwords).CombinedOutput(); err != nil {
			b.t.Fatalf("mosquitto_passwd: %v: %s", err, out)
		}
		conf += "allow_anonymous false\npassword_file " + passwords + "\n"
	}
	if o.acl != "" {
		writeFile(b.t, filepath.Join(b.dir, "acl"), o.acl)
		conf += "acl_file " + filepath.Join(b.dir, "acl") + "\n"
	}
	if o.tls != nil {
		conf += "certfile " + o.tls.certFile + "\nkeyfile " + o.tls.keyFile + "\n"
	}
	writeFile(b.t, filepath.Join(b.dir, "mosquitto.conf"), conf)
}

func (b *mosquitto) try(binary string) bool {
	b.said = &syncBuffer{}
	c := exec.CommandContext(context.Background(), binary, "-v", "-c", filepath.Join(b.dir, "mosquitto.conf"))
	c.Stdout, c.Stderr = b.said, b.said
	if err := c.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.command, b.ended = c, make(chan struct{})
	ended := b.ended
	go func() { c.Wait(); close(ended) }() // stop waits for it
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(10 * time.Second)
	for {
		nc, err := net.Dial("tcp", b.address)
		if err == nil {
			nc.Close()
			return true
		}
		select {
		case <-tick.C:
		case <-ended:
			return false
		case <-late:
			b.end(syscall.SIGKILL)
			return false
		}
	}
}

// start starts it again on the same port with the same data.
func (b *mosquitto) start() {
	b.t.Helper()
	if !b.try(mosquittoBinary(b.t)) {
		b.t.Fatalf("mosquitto does not start again:\n%s", b.said)
	}
}

// stop ends it as an operator does: it saves what it holds.
func (b *mosquitto) stop() { b.end(syscall.SIGTERM) }

// kill ends it as a crash does.
func (b *mosquitto) kill() { b.end(syscall.SIGKILL) }

func (b *mosquitto) end(s syscall.Signal) {
	b.command.Process.Signal(s)
	select {
	case <-b.ended:
	case <-time.After(20 * time.Second):
		b.command.Process.Kill()
		<-b.ended
	}
}

// save makes it write what it holds, and waits until it has.
func (b *mosquitto) save() {
	b.t.Helper()
	path := filepath.Join(b.dir, "mosquitto.db")
	before, _ := os.Stat(path)
	b.command.Process.Signal(syscall.SIGUSR1)
	soon(b.t, func() error {
		now, err := os.Stat(path)
		if err != nil {
			return err
		}
		if before != nil && now.ModTime().Equal(before.ModTime()) {
			return errors.New("nothing was saved")
		}
		return nil
	})
}

// syncBuffer is what a process or a logger has said.
type syncBuffer struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

func (s *syncBuffer) wait(t *testing.T, want string) {
	t.Helper()
	soon(t, func() error {
		if !strings.Contains(s.String(), want) {
			return fmt.Errorf("nothing says %q in:\n%s", want, tail(s.String()))
		}
		return nil
	})
}

func tail(s string) string { return s[max(0, len(s)-4000):] }

// soon waits until ask answers nil and fails the test if that takes too long.
func soon(t *testing.T, ask func() error) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(60 * time.Second)
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("gave up: %v", err)
		}
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
