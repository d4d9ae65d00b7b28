package broker_test

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/forecare/forecare/internal/broker"
)

// However a stream is cut into pieces, all packets within the limit pass, and
// nothing from the first one over it on, except for the part of its header that
// could not be judged yet.
func TestFramingOfAnyStreamCutAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(2, 300).Draw(t, "limit")
		sizes := rapid.SliceOfN(rapid.IntRange(0, 320), 1, 12).Draw(t, "sizes")
		var stream []byte
		passes, over := 0, false
		for _, size := range sizes {
			packet := frame(publish<<4, bytes.Repeat([]byte{0xff}, size))
			if !over && len(packet) > limit {
				over = true
				passes = len(stream)
			}
			stream = append(stream, packet...)
		}
		if !over {
			passes = len(stream)
		}
		f := broker.NewFraming(limit)
		got := 0
		var failed error
		for rest := stream; len(rest) > 0 && failed == nil; {
			piece := rest[:rapid.IntRange(1, len(rest)).Draw(t, "piece")]
			rest = rest[len(piece):]
			n, err := f.Scan(piece)
			got += n
			failed = err
		}
		if over != errors.Is(failed, broker.ErrTooLarge) {
			t.Fatalf("over the limit: %v, error %v", over, failed)
		}
		if got < passes || got > passes+4 || !over && got != passes {
			t.Fatalf("%d bytes pass, want %d", got, passes)
		}
	})
}

func TestFramingOfALengthThatIsNone(t *testing.T) {
	f := broker.NewFraming(1 << 30)
	if n, err := f.Scan([]byte{0xc0, 0, 0x30, 0xff, 0xff, 0xff, 0xff, 0x01}); n != 2 || !errors.Is(err, broker.ErrLength) {
		t.Errorf("got %d, %v", n, err)
	}
	f = broker.NewFraming(1 << 30)
	if n, err := f.Scan([]byte{0x30, 0xff, 0xff, 0xff, 0x7f}); n != 5 || err != nil {
		t.Errorf("the longest packet of MQTT: %d, %v", n, err)
	}
}
