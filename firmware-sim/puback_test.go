package sim_test

import (
	"bufio"
	"net"
	"strings"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"

	sim "github.com/forecare/forecare/firmware-sim"
)

// silentBroker speaks just enough MQTT to take readings. On its first
// connection it takes one and hangs up without a PUBACK; later it behaves.
func silentBroker(t *testing.T) (url string, taken <-chan string) {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out, done := make(chan string, 1000), make(chan struct{})
	go func() { // waited for in Cleanup
		defer close(done)
		for first := true; ; first = false {
			c, err := socket.Accept()
			if err != nil {
				return
			}
			serveSilently(c, first, out)
		}
	}()
	t.Cleanup(func() {
		_ = socket.Close()
		<-done
	})
	return "tcp://" + socket.Addr().String(), out
}

func serveSilently(c net.Conn, mute bool, out chan<- string) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		p, err := packets.ReadPacket(in)
		if err != nil {
			return
		}
		var reply packets.ControlPacket
		switch p := p.(type) {
		case *packets.ConnectPacket:
			reply = packets.NewControlPacket(packets.Connack)
		case *packets.SubscribePacket:
			ack := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
			ack.MessageID, ack.ReturnCodes = p.MessageID, []byte{1}
			reply = ack
		case *packets.PublishPacket:
			ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
			ack.MessageID = p.MessageID
			reply = ack
			if strings.HasSuffix(p.TopicName, "/telemetry") {
				out <- string(p.Payload)
				if mute {
					return
				}
			}
		case *packets.PingreqPacket:
			reply = packets.NewControlPacket(packets.Pingresp)
		case *packets.DisconnectPacket:
			return
		}
		if reply != nil && reply.Write(c) != nil {
			return
		}
	}
}

// A client library may call a publish complete when it reconnects. Only a
// PUBACK is one.
func TestAReadingWithoutPubackIsSentAgain(t *testing.T) {
	t.Parallel()
	p := smallPlan(t, 1, 0.5)
	url, taken := silentBroker(t)
	f, _ := start(t, p, sim.Options{Broker: url, Credentials: credentials(p), Factor: 86400})
	first := <-taken
	eventually(t, "the second connection", func() bool { return f.Status().Delivered > 0 })
	if again := <-taken; again != first {
		t.Errorf("after the reconnection came\n%s\nbefore it was sent\n%s", again, first)
	}
}
