// Command influxd is InfluxDB 1.8 as Forecare keeps it: a child process that
// listens on loopback only, with authentication, Flux and the tsi1 index on and
// everything else off. It lives in a module of its own so that the hundred
// modules behind it stay out of the product's go.mod.
//
//	influxd -dir DIR [-addr 127.0.0.1:0]
//
// The first line of standard input is "user:password" of the only user, an
// admin. Standard input must then stay open: its end, like SIGTERM, means that
// the parent is gone or done, and ends this process. Once InfluxDB answers, its
// address is the first and only line on standard output. Warnings go to
// standard error.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/influxdata/influxdb/cmd/influxd/run"
	"github.com/influxdata/influxdb/services/httpd"
)

// closeWithin bounds a clean end. Cutting it short loses nothing that was
// acknowledged, the next start only replays more of the write-ahead log.
const closeWithin = 15 * time.Second

func main() {
	dir := flag.String("dir", "", "folder of the database")
	addr := flag.String("addr", "127.0.0.1:0", "loopback address to listen on; port 0 takes a free one")
	flag.Parse()
	if err := serve(*dir, *addr, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "influxd:", err)
		os.Exit(1)
	}
}

func serve(dir, addr string, stdin io.Reader, stdout io.Writer) error {
	if dir == "" {
		return errors.New("-dir is missing")
	}
	if host, _, err := net.SplitHostPort(addr); err != nil || !net.ParseIP(host).IsLoopback() {
		return fmt.Errorf("-addr %s is no loopback address such as 127.0.0.1:0", addr)
	}
	in := bufio.NewReader(stdin)
	line, err := in.ReadString('\n')
	user, password, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
	if err != nil || !ok || user == "" || password == "" {
		return errors.New("the first line of standard input must be user:password")
	}

	var opened atomic.Bool
	end := make(chan struct{})
	go func() { // lives as long as the process
		untilTold(in)
		if !opened.Load() {
			os.Exit(0) // nothing was written yet that could be closed well
		}
		time.AfterFunc(closeWithin, func() { os.Exit(1) })
		close(end)
	}()

	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// A predecessor whose parent was killed may still be closing its files.
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return err
	}
	defer unlock()

	c := configure(dir, addr)
	if err := c.Validate(); err != nil {
		return err
	}
	s, err := run.NewServer(c, &run.BuildInfo{Version: "1.8.10"})
	if err != nil {
		return err
	}
	if s.Logger, err = c.Logging.New(os.Stderr); err != nil {
		return err
	}
	// The user is there before the first request can be: an InfluxDB without
	// users lets anyone on this machine become its admin.
	if _, err = s.MetaClient.CreateUser(user, password, true); err != nil {
		err = errors.Join(s.MetaClient.UpdateUser(user, password), s.MetaClient.SetAdminPrivilege(user, true))
	}
	if err != nil {
		return fmt.Errorf("setting the user: %w", err)
	}
	if err := open(s); err != nil {
		return err
	}
	for _, service := range s.Services {
		if h, ok := service.(*httpd.Service); ok {
			fmt.Fprintln(stdout, h.BoundHTTPAddr())
		}
	}
	opened.Store(true)
	<-end
	return s.Close()
}

// open opens s without its backup port, which would serve the data to anyone on
// this machine without a password.
func open(s *run.Server) (err error) {
	// The port's multiplexer complains on os.Stderr when it is closed. The
	// logger and the runtime do not write there through this variable.
	stderr := os.Stderr
	if os.Stderr, err = os.OpenFile(os.DevNull, os.O_WRONLY, 0); err != nil {
		return err
	}
	defer func() { os.Stderr = stderr }()
	if err := s.Open(); err != nil {
		return err
	}
	return s.Listener.Close()
}

// untilTold returns when the parent closes its end of the pipe, or on SIGTERM
// or SIGINT.
func untilTold(in io.Reader) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	eof := make(chan struct{})
	go func() {
		io.Copy(io.Discard, in)
		close(eof)
	}()
	select {
	case <-signals:
	case <-eof:
	}
}
