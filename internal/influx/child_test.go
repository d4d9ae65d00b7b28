package influx_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/internal/influx"
)

func TestKilledInfluxDBLosesNothingThatWasAcknowledged(t *testing.T) {
	var log record
	dir := filepath.Join(t.TempDir(), "influx")
	db := start(t, dir, log.logger())

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var acked, busy atomic.Int64
	wrong := make(chan error, 1)
	go func() {
		defer close(wrong)
		for ctx.Err() == nil {
			var b strings.Builder
			for i := range int64(200) {
				b.WriteString(line("kill", "d", "m", "v=1,w=2", noon.Add(time.Duration(acked.Load()+i)*time.Millisecond)))
			}
			// Not bound to ctx: the fate of a canceled write would be unknown.
			err := db.Write(context.WithoutCancel(ctx), []byte(b.String()))
			if err == nil {
				acked.Add(200)
				continue
			}
			we, ok := errors.AsType[*ingest.WriteError](err)
			if !ok || we.Kind != ingest.Busy {
				wrong <- err
				return
			}
			busy.Add(1)
			wait(ctx, max(we.After, 10*time.Millisecond))
		}
	}()
	written := func(n int64) {
		t.Helper()
		until := acked.Load() + n
		soon(t, func() error {
			if acked.Load() < until {
				return errNotYet
			}
			return nil
		})
	}
	const kills = 3
	for i := range kills {
		written(5_000)
		_, pid := log.last(t)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		soon(t, func() error {
			if log.opened() < i+2 {
				return errNotYet
			}
			return db.Ready(ctx)
		})
	}
	written(1_000)
	cancel()
	if err := <-wrong; err != nil {
		t.Fatalf("a write failed with %v, want Busy", err)
	}
	if busy.Load() < kills {
		t.Errorf("%d writes were Busy at %d kills: they hit nothing", busy.Load(), kills)
	}
	got, err := db.Count(t.Context(), "kill", noon, noon.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if got["d"] < acked.Load() {
		t.Errorf("%d points were acknowledged, %d are there", acked.Load(), got["d"])
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func TestSecondStartContinuesAndADeletedSecretIsReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "folder with spaces & 100%")
	count := func(db *running) int64 {
		t.Helper()
		n, err := db.Count(t.Context(), "again", noon, noon.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return n["d"]
	}
	first := start(t, dir, nil)
	write(t, first.DB, line("again", "d", "m", "v=1", noon))
	info, err := os.Stat(filepath.Join(dir, "secret"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the secret's file: %v, %v", info.Mode(), err)
	}
	old := secret(t, dir)
	first.stop()
	wantCode(t, first.Ready(t.Context()), devices.Unavailable)

	if err := os.Remove(filepath.Join(dir, "secret")); err != nil {
		t.Fatal(err)
	}
	second := start(t, dir, nil)
	if n := count(second); n != 1 {
		t.Errorf("%d points after the second start, want 1", n)
	}
	if secret(t, dir) == old {
		t.Error("the secret did not change")
	}
}

func TestTwoOnOneFolderWaitForEachOther(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir, nil)
	write(t, first.DB, line("two", "d", "m", "v=1", noon))

	db, err := influx.New(influx.Options{URL: "embedded://" + dir, Binary: influxd})
	if err != nil {
		t.Fatal(err)
	}
	second := begin(db)
	t.Cleanup(second.stop)
	if lockFree(dir) == nil {
		t.Fatal("the folder is not locked")
	}
	wantCode(t, second.Ready(t.Context()), devices.Unavailable)
	first.stop()
	soon(t, func() error { return second.Ready(t.Context()) })
	if n, err := second.Count(t.Context(), "two", noon, noon.Add(time.Hour)); err != nil || n["d"] != 1 {
		t.Errorf("Count: %v, %v", n, err)
	}
}

func TestStopWhileItIsOpening(t *testing.T) {
	dir := t.TempDir()
	db, err := influx.New(influx.Options{URL: "embedded://" + dir, Binary: influxd})
	if err != nil {
		t.Fatal(err)
	}
	r := begin(db)
	soon(t, func() error { _, err := os.Stat(filepath.Join(dir, "lock")); return err })
	begun := time.Now()
	r.stop()
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if err := lockFree(dir); err != nil {
		t.Errorf("influxd is still there: %v", err)
	}
}

// lockFree is nil when no influxd is on the folder.
func lockFree(dir string) error {
	f, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		return err
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// parentDirEnv makes the test binary a parent that runs an InfluxDB on the
// folder and does nothing else.
const parentDirEnv = "FORECARE_TEST_INFLUX_PARENT"

func beParent(dir string) int {
	influxd = os.Getenv(parentDirEnv + "_BINARY")
	r, err := run(dir, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer r.stop()
	if err := r.Write(context.Background(), []byte(line("parent", "d", "m", "v=1", noon))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("written")
	select {}
}

func TestChildDiesWithItsParent(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), parentDirEnv+"="+dir, parentDirEnv+"_BINARY="+influxd)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatalf("the parent did not come up: %v", err)
	}
	if lockFree(dir) == nil {
		t.Fatal("the parent runs no influxd")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	soon(t, func() error { return lockFree(dir) })

	after := start(t, dir, nil)
	if n, err := after.Count(t.Context(), "parent", noon, noon.Add(time.Hour)); err != nil || n["d"] != 1 {
		t.Errorf("Count: %v, %v", n, err)
	}
}

// script makes a program that stands in for influxd.
func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "influxd")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFailingChildIsRestartedAndItsSecretStaysSecret(t *testing.T) {
	var log record
	reg := prometheus.NewRegistry()
	dir := t.TempDir()
	db, err := influx.New(influx.Options{
		URL: "embedded://" + dir, Logger: log.logger(), Registerer: reg,
		Binary: script(t, "read line\necho \"panic: $line\" >&2\nenv >&2\nexit 3\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("FORECARE_CANARY", "canary-in-the-environment")
	r := begin(db)
	soon(t, func() error {
		if strings.Count(log.String(), "will be restarted") < 2 {
			return errNotYet
		}
		return nil
	})
	wantCode(t, db.Ready(t.Context()), devices.Unavailable)
	we := wantKind(t, db.Write(t.Context(), []byte(line("t", "d", "m", "v=1", noon))), ingest.Busy)
	if we.After <= 0 {
		t.Error("no time to wait is given")
	}
	_, err = db.Latest(t.Context(), devices.Key{Tenant: "t", Device: "d"})
	wantCode(t, err, devices.Unavailable)
	r.stop()

	said := log.String()
	if !strings.Contains(said, "panic: forecare:[secret]") || !strings.Contains(said, "exit status 3") {
		t.Errorf("what influxd said is missing:\n%s", said)
	}
	for _, canary := range []string{secret(t, dir), "canary-in-the-environment"} {
		if strings.Contains(said, canary) {
			t.Errorf("the log holds %q", canary)
		}
	}
	if !strings.Contains(said, "after=500ms") || !strings.Contains(said, "after=1s") {
		t.Errorf("the delay does not grow:\n%s", said)
	}
	if n := counted(t, reg, "forecare_influx_restarts_total"); n < 2 {
		t.Errorf("%v restarts are counted", n)
	}
}

func TestRealInfluxDBKeepsItsSecretOutOfTheLog(t *testing.T) {
	shared(t)
	if strings.Contains(sharedDB.log.String(), secret(t, sharedDB.dir)) {
		t.Error("the log holds the secret")
	}
	for _, file := range []string{"cmdline", "environ"} {
		_, pid := sharedDB.log.last(t)
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		if err != nil {
			t.Skip("no /proc here")
		}
		if strings.Contains(string(b), secret(t, sharedDB.dir)) {
			t.Errorf("the process shows its secret in %s", file)
		}
	}
}

func TestSpoiledSecretIsNamed(t *testing.T) {
	var log record
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := influx.New(influx.Options{URL: "embedded://" + dir, Binary: influxd, Logger: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	r := begin(db)
	soon(t, func() error {
		if !strings.Contains(log.String(), "Delete it") {
			return errNotYet
		}
		return nil
	})
	r.stop()
}
