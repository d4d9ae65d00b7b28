package broker_test

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/internal/broker"
)

// FuzzPackets sends anything at all over the connection of a device that has
// logged in. Whatever becomes of that connection, the broker lives: another
// device is served afterwards, and the first one can connect again.
func FuzzPackets(f *testing.F) {
	subscription := func(tail ...byte) []byte {
		return frame(subscribe<<4|2, cat(num(1), []byte{0}, str("fleet/acme/pump:1/cmd/#"), tail))
	}
	w := &wire{version: 5}
	for _, seed := range [][]byte{
		subscription(), subscription(1), subscription(1, 0, 0),
		w.publication(telemetryTopic, 1, 1, "x"), w.publication(telemetryTopic, 2, 1, "x"), w.publication("", 0, 0, ""),
		frame(pubrel<<4|2, num(1)), frame(puback<<4, num(1)), frame(pubrec<<4, cat(num(1), []byte{0x80, 0})),
		frame(10<<4|2, cat(num(1), []byte{0}, str("a"))), // UNSUBSCRIBE
		frame(15<<4, []byte{0x18, 0}),                    // AUTH
		frame(disconnect<<4, []byte{4}),
		{disconnect << 4, 0},
		{pingreq << 4, 0},
		as(5, pump).encode(),
		{0},
		{0xf0, 0},
		{publish<<4 | 6, 0},
		frame(publish<<4, cat(str("t"), []byte{2, 0x23, 0})), frame(suback<<4, nil),
	} {
		f.Add(byte(5), seed)
		f.Add(byte(4), seed)
	}
	registry := devices.NewRegistry()
	registry.Replace(snapshot())
	b, err := broker.New(broker.Options{
		Address: "127.0.0.1:0", Registry: registry,
		Accept: func(_ ingest.Message, done func(ingest.Outcome)) { done(stored) },
	})
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	f.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			f.Error(err)
		}
	})
	f.Fuzz(func(t *testing.T, version byte, bytes []byte) {
		if version != 5 {
			version = 4
		}
		// Pipes, since sockets by the thousand would use up the ports.
		device := func(k devices.Key) (*wire, <-chan struct{}) {
			ours, theirs := net.Pipe()
			over := b.Serve(theirs)
			w := newWire(t, ours)
			w.version = version
			w.send(as(version, k).encode())
			if p := w.next(); p.kind != connack || p.body[1] != 0 {
				t.Fatalf("got %s", p)
			}
			return w, over
		}
		bystander, _ := device(other)
		w, over := device(pump)
		go func() { _, _ = io.Copy(io.Discard, w.r) }() // ends with the pipe
		_, _ = w.net.Write(bytes)
		w.net.Close()
		<-over
		bystander.alive()
		again, _ := device(pump)
		again.alive()
	})
}
