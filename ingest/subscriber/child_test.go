package subscriber_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/ingest/subscriber"
)

// childEnv makes the test binary a process of its own that can be killed:
// "address of the broker|file to append to".
const childEnv = "FORECARE_SUBSCRIBER_TEST_CHILD"

func runChild() {
	address, path, _ := bytes.Cut([]byte(os.Getenv(childEnv)), []byte("|"))
	file, err := os.OpenFile(string(path), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		panic(err)
	}
	s, err := subscriber.New(subscriber.Options{
		Broker: "mqtt://" + string(address), ClientID: "forecare-child",
		Limits: subscriber.Limits{Backoff: 10 * time.Millisecond, MaxBackoff: 100 * time.Millisecond},
		Accept: func(m ingest.Message, done func(ingest.Outcome)) {
			// One write: it survives the process, as the log does.
			_, err := fmt.Fprintf(file, "%s %s\n", m.Topic, m.Payload)
			done(ingest.Outcome{Stored: 1, Err: err})
		},
	})
	if err != nil {
		panic(err)
	}
	if err := s.Run(context.Background()); err != nil {
		panic(err)
	}
}

// [TP-10.1]
func TestNothingIsLostWhenTheProcessIsKilled(t *testing.T) {
	b := startBroker(t, brokerOptions{})
	path := filepath.Join(t.TempDir(), "log")
	start := func() *exec.Cmd {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), childEnv+"="+b.address+"|"+path)
		c.Stderr = os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	stored := func() []byte {
		text, _ := os.ReadFile(path)
		return text
	}
	grown := func() {
		t.Helper()
		before := len(stored())
		soon(t, func() error {
			if len(stored()) == before {
				return fmt.Errorf("nothing more is stored")
			}
			return nil
		})
	}
	child := start()
	soon(t, func() error { // the session exists once a message has come through
		connectDevice(t, b, "first", "", "").send("fleet/acme/d2/telemetry", "first", 1, false)
		if len(stored()) == 0 {
			return fmt.Errorf("nothing is stored")
		}
		return nil
	})
	p := publish(t, b, "d1", 0)
	for range 8 {
		grown()
		child.Process.Kill()
		child.Wait()
		before := p.count()
		soon(t, func() error {
			if p.count() < before+100 {
				return fmt.Errorf("the device is not acknowledged while the process is dead")
			}
			return nil
		})
		child = start()
	}
	grown()
	acked := p.stop()
	soon(t, func() error {
		text := stored()
		for r := range acked {
			if !bytes.Contains(text, []byte(r.topic()+" "+r.payload()+"\n")) {
				return fmt.Errorf("%v of %d acknowledged is not stored", r, len(acked))
			}
		}
		return nil
	})
	child.Process.Kill()
	child.Wait()
	t.Logf("%d acknowledged messages, all stored", len(acked))
}
