package influx_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestInfluxdRefusesWhatWouldBeUnsafe(t *testing.T) {
	for name, tt := range map[string]struct {
		args  []string
		stdin string
		says  string
	}{
		"open to others":     {[]string{"-dir", t.TempDir(), "-addr", "0.0.0.0:0"}, "u:p\n", "no loopback address"},
		"a name":             {[]string{"-dir", t.TempDir(), "-addr", "localhost:0"}, "u:p\n", "no loopback address"},
		"no folder":          {nil, "u:p\n", "-dir is missing"},
		"no secret":          {[]string{"-dir", t.TempDir()}, "", "user:password"},
		"empty secret":       {[]string{"-dir", t.TempDir()}, "u:\n", "user:password"},
		"secret without end": {[]string{"-dir", t.TempDir()}, "u:p", "user:password"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(influxd, tt.args...)
			cmd.Stdin = strings.NewReader(tt.stdin)
			var errs bytes.Buffer
			cmd.Stderr = &errs
			if err := cmd.Run(); err == nil {
				t.Error("it ended well")
			}
			if !strings.Contains(errs.String(), tt.says) {
				t.Errorf("it said %q", &errs)
			}
		})
	}
}

func TestInfluxdAsksForItsPassword(t *testing.T) {
	shared(t)
	addr, _ := sharedDB.log.last(t)
	for _, path := range []string{"/query?q=SHOW+DATABASES", "/query?q=CREATE+USER+x+WITH+PASSWORD+%27y%27+WITH+ALL+PRIVILEGES", "/write?db=forecare", "/api/v2/write?bucket=forecare", "/api/v2/query"} {
		resp, err := http.Post("http://"+addr+path, "text/plain", strings.NewReader("x v=1"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// Its backup port would give the data to anyone on this machine.
func TestInfluxdListensOnOneLoopbackPortOnly(t *testing.T) {
	shared(t)
	addr, pid := sharedDB.log.last(t)
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(fds) == 0 {
		t.Skip("no /proc here")
	}
	sockets := map[string]bool{}
	for _, fd := range fds {
		if link, err := os.Readlink(fd); err == nil {
			sockets[link] = true
		}
	}
	var listening []string
	for _, table := range []string{"tcp", "tcp6"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			continue
		}
		for _, row := range strings.Split(string(b), "\n")[1:] {
			if f := strings.Fields(row); len(f) > 9 && f[3] == "0A" && sockets["socket:["+f[9]+"]"] {
				listening = append(listening, f[1])
			}
		}
	}
	var port int
	if _, err := fmt.Sscanf(addr, "127.0.0.1:%d", &port); err != nil {
		t.Fatalf("address %s: %v", addr, err)
	}
	if want := fmt.Sprintf("0100007F:%04X", port); len(listening) != 1 || listening[0] != want {
		t.Errorf("it listens on %v, want %s only", listening, want)
	}
}
