package loadgen_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/forecare/forecare/internal/loadgen"
)

// broker acknowledges every publish, and drops the connection after drop of
// them if drop is positive.
func broker(t *testing.T, code byte, drop int) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { serve(c, code, drop) })
		}
	})
	return l.Addr().String()
}

func serve(c net.Conn, code byte, drop int) {
	defer c.Close()
	r := bufio.NewReader(c)
	for n := 0; ; {
		kind, err := r.ReadByte()
		if err != nil {
			return
		}
		size, _ := binary.ReadUvarint(r)
		body := make([]byte, size)
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		if kind == 0x10 {
			c.Write([]byte{0x20, 2, 0, code})
			continue
		}
		if n++; drop > 0 && n > drop {
			return
		}
		topic := int(binary.BigEndian.Uint16(body))
		c.Write([]byte{0x40, 2, body[2+topic], body[3+topic]})
	}
}

func TestEveryMessageIsAcknowledgedOnce(t *testing.T) {
	const messages = 70_000 // more than there are packet identifiers
	seen := make([]int, messages)
	all := make(chan struct{})
	left := messages
	c, err := loadgen.Dial(t.Context(), broker(t, 0, 0), "c", "u", "p", 100, func(n uint64, _ time.Duration) {
		seen[n]++
		if left--; left == 0 {
			close(all)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for range messages {
		if err := c.Publish(t.Context(), "fleet/t/d/telemetry", []byte(`{"x":1}`)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	<-all
	for n, times := range seen {
		if times != 1 {
			t.Fatalf("message %d was acknowledged %d times", n, times)
		}
	}
	if c.Outstanding() != 0 {
		t.Errorf("%d outstanding", c.Outstanding())
	}
	c.Close()
}

func TestDroppedConnectionIsAnError(t *testing.T) {
	c, err := loadgen.Dial(t.Context(), broker(t, 0, 10), "c", "u", "p", 1, func(uint64, time.Duration) {})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 100 {
		if err = c.Publish(t.Context(), "x", nil); err != nil {
			break
		}
	}
	if err == nil {
		t.Error("publishing went on without a broker")
	}
	if c.Outstanding() == 0 {
		t.Error("the message that was never acknowledged is not outstanding")
	}
}

func TestRefusalIsTold(t *testing.T) {
	_, err := loadgen.Dial(t.Context(), broker(t, 5, 0), "c", "u", "wrong", 1, nil)
	if !errors.Is(err, loadgen.ErrRefused) {
		t.Errorf("got %v", err)
	}
	if _, err := loadgen.Dial(context.Background(), "127.0.0.1:1", "c", "u", "p", 0, nil); err == nil {
		t.Error("an empty window was accepted")
	}
}

func TestHistogramQuantiles(t *testing.T) {
	var h loadgen.Histogram
	if h.Quantile(0.5) != 0 {
		t.Error("an empty histogram has a median")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		h.Add(time.Duration(r.Float64() * float64(time.Second)))
	}
	for _, q := range []float64{0.01, 0.5, 0.99} {
		got, want := h.Quantile(q).Seconds(), q
		if got < want*0.93 || got > want*1.13 {
			t.Errorf("quantile %v is %v", q, got)
		}
	}
}

func TestProcessUsage(t *testing.T) {
	u, err := loadgen.ProcessUsage(os.Getpid())
	if err != nil {
		t.Skip("needs /proc:", err)
	}
	if u.RSS < 1<<20 || u.Peak < u.RSS/2 {
		t.Errorf("resident memory of %d bytes with a peak of %d is not believable", u.RSS, u.Peak)
	}
}
