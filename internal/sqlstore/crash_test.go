package sqlstore_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
)

const crashURL = "FORECARE_SQLSTORE_CRASH"

// TestMain becomes the process that TestKilledProcessLosesNoCommit kills.
func TestMain(m *testing.M) {
	if url := os.Getenv(crashURL); url != "" {
		os.Exit(writeUntilKilled(url))
	}
	os.Exit(m.Run())
}

// writeUntilKilled adds devices and prints each name after its commit.
func writeUntilKilled(url string) int {
	ctx, first := context.Background(), os.Getpid()
	db, err := sqlstore.Open(ctx, url)
	for i := 0; err == nil; i++ {
		id := fmt.Sprintf("d-%d-%d", first, i)
		if err = db.AddDevice(ctx, device("acme", id), devices.HashToken(id)); err == nil {
			fmt.Println(id)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func TestKilledProcessLosesNoCommit(t *testing.T) {
	sqlstoretest.ForEachURL(t, func(t *testing.T, url string) {
		var committed []string
		for round := range 5 {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), crashURL+"="+url)
			cmd.Stderr = t.Output()
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			for n := 1; lines.Scan(); n++ { // to the end: what was printed before the kill was committed
				committed = append(committed, lines.Text())
				if n == 20+7*round {
					if err := cmd.Process.Kill(); err != nil { // SIGKILL
						t.Fatal(err)
					}
				}
			}
			if err := cmd.Wait(); err == nil {
				t.Fatal("the process ended by itself")
			}
		}
		db := sqlstoretest.OpenURL(t, url)
		list, total, err := db.ListDevices(t.Context(), sqlstore.DeviceFilter{Tenant: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		there := make(map[string]bool, total)
		for _, d := range list {
			there[d.Device] = true
		}
		for _, id := range committed {
			if !there[id] {
				t.Errorf("%s was committed and is lost", id)
			}
		}
		if len(committed) < 100 {
			t.Errorf("only %d commits were tried", len(committed))
		}
	})
}
