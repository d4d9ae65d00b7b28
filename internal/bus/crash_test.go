package bus_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/internal/bus"
)

// beVictim is the process that TestKill kills: it appends, and prints the
// number of each line, dead letter and event once that is confirmed.
func beVictim(dir string) {
	b, err := bus.Open(context.Background(), bus.Options{URL: url(dir)})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	go func() { // ends with the process
		_ = b.ConsumeTelemetry(context.Background(), "writer", func(_ context.Context, ms []ingest.LogMessage) error {
			fmt.Println("read", ms[len(ms)-1].Sequence)
			return nil
		})
	}()
	var next sync.Mutex
	number := 0
	for shard := range 4 {
		go func() { // ends with the process
			for {
				next.Lock()
				number++
				i := number
				next.Unlock()
				who := devices.Key{Tenant: "t", Device: strconv.Itoa(i)}
				if err := b.AppendTelemetry(context.Background(), shard, line(i)); err == nil {
					fmt.Println("line", i)
				}
				if i%7 == 0 && b.AppendDeadLetter(context.Background(), ingest.DeadLetter{Publisher: who}) == nil {
					fmt.Println("letter", i)
				}
				if i%5 == 0 && b.AppendEvent(context.Background(), devices.Event{Key: who, Payload: []byte("1")}) == nil {
					fmt.Println("event", i)
				}
			}
		}()
	}
	select {}
}

// TestKill: what was confirmed survives kill -9 of the process, and nothing
// unread is skipped afterwards. [TP-9.4] [TP-9.6]
func TestKill(t *testing.T) {
	dir := t.TempDir()
	confirmed := map[string]bool{}
	for round := range 4 {
		lastRead := kill(t, dir, 150*(round+1), confirmed)
		checkSurvivors(t, dir, confirmed, lastRead)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
		// What the check itself has read belongs to no round.
		for k := range confirmed {
			if strings.HasPrefix(k, "line") {
				delete(confirmed, k)
			}
		}
	}
}

// kill runs a victim and kills it after so many confirmations. It returns the
// last sequence that the victim's consumer has read.
func kill(t *testing.T, dir string, after int, confirmed map[string]bool) uint64 {
	t.Helper()
	victim := exec.Command(os.Args[0])
	victim.Env = append(os.Environ(), "FORECARE_BUS_VICTIM="+dir)
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	read := uint64(0)
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		what, number, _ := strings.Cut(lines.Text(), " ")
		switch what {
		case "error":
			t.Error(number)
		case "read":
			if read, err = strconv.ParseUint(number, 10, 64); err != nil {
				t.Error(err)
			}
		default:
			confirmed[lines.Text()] = true
		}
		if n == after { // it goes on printing until it is dead
			if err := victim.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := victim.Wait(); err == nil {
		t.Error("the victim ended by itself")
	}
	if len(confirmed) < after/2 {
		t.Fatalf("only %d confirmations", len(confirmed))
	}
	return read
}

func checkSurvivors(t *testing.T, dir string, confirmed map[string]bool, lastRead uint64) {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{URL: url(dir)})
	if err != nil {
		t.Fatal(err)
	}
	defer shut(t, b)
	status, err := b.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	end := status.Streams[0].Last

	found := map[string]bool{}
	replayed := newSequences()
	r := start(t, func(ctx context.Context) error {
		return b.ReplayTelemetry(ctx, 0, func(_ context.Context, m ingest.LogMessage) error {
			scan := devices.ScanLines(m.Body)
			for scan.Next() {
				found[fmt.Sprint("line ", scan.UnixNano())] = true
			}
			replayed.add(m)
			return scan.Err()
		})
	})
	replayed.until(t, end)
	r.stop(t)

	// The durable consumer goes on at or before what it had read.
	resumed := newSequences()
	if end > lastRead {
		r = start(t, func(ctx context.Context) error {
			return b.ConsumeTelemetry(ctx, "writer", func(_ context.Context, ms []ingest.LogMessage) error {
				for _, m := range ms {
					resumed.add(m)
				}
				return nil
			})
		})
		all := resumed.until(t, end)
		r.stop(t)
		if all[0] > lastRead+1 {
			t.Errorf("the consumer had read up to %d and goes on at %d", lastRead, all[0])
		}
		for i := range all {
			if all[i] != all[0]+uint64(i) {
				t.Fatalf("the consumer is given %v", all)
			}
		}
	}

	for before := uint64(0); ; {
		letters, err := b.DeadLetters(t.Context(), bus.DeadLetterQuery{Before: before, Limit: 500})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range letters {
			found["letter "+l.Publisher.Device] = true
			before = l.Seq
		}
		if len(letters) == 0 {
			break
		}
	}
	events := make(chan string, 100)
	if last := status.Streams[1].Last; last > 0 {
		n := uint64(0)
		r = start(t, func(ctx context.Context) error {
			return b.ConsumeEvents(ctx, "check"+strconv.Itoa(len(confirmed)), func(_ context.Context, e devices.Event) error {
				events <- e.Key.Device
				return nil
			})
		})
		for ; n < last; n++ {
			found["event "+receive(t, events)] = true
		}
		r.stop(t)
	}
	for c := range confirmed {
		if !found[c] {
			t.Errorf("%q was confirmed, but is not there", c)
		}
	}
}
