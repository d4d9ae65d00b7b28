package proving_test

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// built are the binaries under proof; empty with -short.
var built struct{ forecare, influxd string }

var given = flag.String("forecare", "", "`path` of the binary to prove, instead of one built from here")

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "proving")
	if err == nil {
		err = build(dir)
	}
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// build makes the binaries that are not there: the proof is of the code as it
// stands, so forecare is built each time (the go command knows what is fresh).
func build(dir string) (err error) {
	built.forecare = *given
	if built.forecare == "" {
		built.forecare = filepath.Join(dir, "forecare")
		if err := goBuild("../..", built.forecare, "./cmd/forecare"); err != nil {
			return err
		}
	}
	if built.influxd, err = filepath.Abs("../../bin/influxd"); err != nil {
		return err
	}
	if _, err := os.Stat(built.influxd); err == nil {
		return nil
	}
	built.influxd = filepath.Join(dir, "influxd")
	return goBuild("../../influxd", built.influxd, ".")
}

func goBuild(in, out, what string) error {
	cmd := exec.Command("go", "build", "-o", out, what)
	cmd.Dir = in
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", out, err, text)
	}
	return nil
}

// needsBinaries skips a test that takes a minute and the real thing.
func needsBinaries(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the real binary for a minute; left out with -short")
	}
}

// freeAddress is a loopback address on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// environment is how every process under proof is set up: the same doors after
// each restart, nobody asleep, mail to the test.
func environment(mqtt, web, mail string) []string {
	host, port, _ := net.SplitHostPort(mail)
	return []string{
		"FORECARE_MQTT=embedded://" + mqtt, "FORECARE_WEB_LISTEN=" + web, "FORECARE_INFLUXD=" + built.influxd,
		"FORECARE_CARE_QUIET_FROM=00:00", "FORECARE_CARE_QUIET_UNTIL=00:00",
		"FORECARE_EMAIL_HOST=" + host, "FORECARE_EMAIL_PORT=" + port, "FORECARE_EMAIL_TLS=none", "FORECARE_EMAIL_FROM=care@maker.example",
	}
}
