package packet_test

import (
	"bytes"
	"testing"

	"github.com/forecare/forecare/ingest/mqtt/packet"
)

// Whatever comes in, decoding does not panic; and what it takes for good means
// the same when it is encoded and decoded again.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.version == v5, unhex(f, v.hex))
	}
	f.Fuzz(func(t *testing.T, five bool, frame []byte) {
		v := v3
		if five {
			v = v5
		}
		p, err := packet.Decode(v, frame)
		if err != nil {
			return
		}
		first := p.Append(nil, v)
		again, err := packet.Decode(v, first)
		if err != nil {
			t.Fatalf("%x is good, but encoded again as %x it is not: %v", frame, first, err)
		}
		if second := again.Append(nil, v); !bytes.Equal(first, second) {
			t.Fatalf("%x becomes %x and then %x", frame, first, second)
		}
	})
}

func FuzzConnect(f *testing.F) {
	for _, v := range connects {
		f.Add(unhex(f, v.hex)[2:])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var p, again packet.Connect
		if p.Decode(body) != nil {
			return
		}
		first := p.Append(nil)
		h, n, err := packet.ReadHeader(first)
		if err != nil || h.Length != len(first)-n {
			t.Fatalf("header %+v of %x: %v", h, first, err)
		}
		if err := again.Decode(first[n:]); err != nil {
			t.Fatalf("%x is good, but encoded again as %x it is not: %v", body, first, err)
		}
		if second := again.Append(nil); !bytes.Equal(first, second) {
			t.Fatalf("%x becomes %x and then %x", body, first, second)
		}
	})
}

func FuzzFilter(f *testing.F) {
	f.Add("$share/g/a/+/#", "a/b")
	f.Fuzz(func(_ *testing.T, filter, topic string) {
		if packet.ValidFilter(filter) {
			_, rest, _ := packet.CutShare(filter)
			packet.Matches(rest, topic)
		}
	})
}
