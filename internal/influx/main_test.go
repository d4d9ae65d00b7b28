package influx_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/influx"
)

// influxd is the path of the binary under test.
var influxd string

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentDirEnv); dir != "" {
		os.Exit(beParent(dir))
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "influx-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	influxd = filepath.Join(dir, "influxd")
	// Always built, so that no test runs against an old one; the build cache
	// makes all but the first time quick.
	build := exec.Command("go", "build", "-trimpath", "-o", influxd, ".")
	build.Dir = "../../influxd"
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building influxd: %v\n%s", err, out)
		return 1
	}
	code := m.Run()
	stopShared()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

// running is a DB whose Run is going on.
type running struct {
	*influx.DB
	stop func() // ends Run and waits for it
}

// run starts a DB on the folder and waits until it is ready.
func run(dir string, log *slog.Logger) (*running, error) {
	db, err := influx.New(influx.Options{URL: "embedded://" + dir, Binary: influxd, Logger: log})
	if err != nil {
		return nil, err
	}
	r := begin(db)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := ready(ctx, db); err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

func begin(db *influx.DB) *running {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = db.Run(ctx)
	}()
	return &running{DB: db, stop: func() { cancel(); <-done }}
}

func start(t *testing.T, dir string, log *slog.Logger) *running {
	t.Helper()
	r, err := run(dir, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.stop)
	return r
}

func ready(ctx context.Context, db *influx.DB) error {
	return poll(ctx, func() error { return db.Ready(ctx) })
}

// poll asks until the answer is nil.
func poll(ctx context.Context, ask func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("gave up: %w", err)
		}
	}
}

// One InfluxDB serves all tests that do not harm it; each uses a tenant of its
// own.
var sharedDB struct {
	*running
	dir string
	log record
}

func shared(t *testing.T) *influx.DB {
	t.Helper()
	if sharedDB.running == nil {
		dir, err := os.MkdirTemp("", "influx-shared-")
		if err != nil {
			t.Fatal(err)
		}
		sharedDB.dir = dir
		if sharedDB.running, err = run(dir, sharedDB.log.logger()); err != nil {
			t.Fatal(err)
		}
	}
	return sharedDB.DB
}

func stopShared() {
	if sharedDB.running != nil {
		sharedDB.stop()
		os.RemoveAll(sharedDB.dir)
	}
}

// line is one line of line protocol.
func line(tenant, device, model, fields string, at time.Time) string {
	return fmt.Sprintf("telemetry,device=%s,model=%s,tenant=%s %s %d\n", device, model, tenant, fields, at.UnixNano())
}

func write(t *testing.T, db *influx.DB, lines ...string) {
	t.Helper()
	if err := db.Write(t.Context(), []byte(strings.Join(lines, ""))); err != nil {
		t.Fatalf("Write: %v", err)
	}
}

func wantCode(t *testing.T, err error, want devices.Code) {
	t.Helper()
	if got := devices.CodeOf(err); got != want {
		t.Errorf("code %q (%v), want %q", got, err, want)
	}
}

var errNotYet = errors.New("not yet")
