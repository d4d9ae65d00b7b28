package packet_test

import (
	"bytes"
	"testing"

	"github.com/forecare/forecare/ingest/mqtt/packet"
)

func message(v packet.Version) []byte {
	p := packet.Publish{QoS: 1, ID: 7, Topic: []byte("fleet/acme/pump:1/telemetry"), Payload: bytes.Repeat([]byte("x"), 120)}
	return p.Append(nil, v)
}

func BenchmarkPublish(b *testing.B) {
	withProperties := packet.Publish{QoS: 1, ID: 7, Topic: []byte("t"), Payload: []byte("x")}
	withProperties.SetNumber(packet.MessageExpiry, 60)
	withProperties.SetBytes(packet.ContentType, []byte("application/json"))
	withProperties.AddUser([]byte("key"), []byte("value"))
	for _, tt := range []struct {
		name  string
		v     packet.Version
		frame []byte
	}{{"3.1.1", v3, message(v3)}, {"5", v5, message(v5)}, {"5 with properties", v5, withProperties.Append(nil, v5)}} {
		b.Run(tt.name, func(b *testing.B) {
			var p packet.Publish
			b.ReportAllocs()
			b.SetBytes(int64(len(tt.frame)))
			for b.Loop() {
				h, n, err := packet.ReadHeader(tt.frame)
				if err == nil {
					err = p.Decode(tt.v, h.First, tt.frame[n:])
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAck(b *testing.B) {
	frame := packet.AppendAck(nil, packet.PUBACK, 7)
	var p packet.Ack
	out := make([]byte, 0, 16)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Decode(v5, frame[0], frame[2:]); err != nil {
			b.Fatal(err)
		}
		out = packet.AppendAck(out[:0], packet.PUBACK, p.ID)
	}
}

func TestDecodingDoesNotAllocate(t *testing.T) {
	frame := message(v5)
	ack := packet.AppendAck(nil, packet.PUBACK, 7)
	var p packet.Publish
	var a packet.Ack
	var ping packet.Ping
	if n := testing.AllocsPerRun(100, func() {
		h, n, _ := packet.ReadHeader(frame)
		if p.Decode(v5, h.First, frame[n:]) != nil || a.Decode(v5, ack[0], ack[2:]) != nil || ping.Decode(v5, 0xC0, nil) != nil {
			t.Error("not decoded")
		}
		if p.Decode(v5, h.First, frame[n:n+9]) == nil {
			t.Error("half a packet was taken")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
