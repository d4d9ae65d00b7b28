package subscriber_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// reading is what the tests publish: the value tells them apart.
type reading struct {
	device string
	n      int
}

var firstReading = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func (r reading) topic() string { return "fleet/acme/" + r.device + "/telemetry" }

func (r reading) payload() string {
	return fmt.Sprintf(`{"ts":%d,"temp":%d}`, firstReading.UnixMilli()+int64(r.n), r.n)
}

// publisher plays devices: it publishes with QoS 1, many at a time, sends what
// was not acknowledged again on the next connection, and remembers what was.
// paho would not do: its tokens complete without an error on a reconnect.
type publisher struct {
	t       *testing.T
	address string
	device  string
	cancel  context.CancelFunc
	ended   chan struct{}

	mu     sync.Mutex
	next   int
	most   int // 0 means no end
	unsent []int
	acked  map[reading]bool
}

// publish starts a device that publishes until it is stopped, or, if most is
// positive, so many.
func publish(t *testing.T, b *mosquitto, device string, most int) *publisher {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &publisher{t: t, address: b.address, device: device, most: most, cancel: cancel, ended: make(chan struct{}), acked: map[reading]bool{}}
	go func() { // stop waits for it
		defer close(p.ended)
		for ctx.Err() == nil && !p.done() {
			p.connection(ctx)
			select {
			case <-time.After(20 * time.Millisecond): // the broker is away
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() { p.stop() })
	return p
}

// stop ends it and returns what was acknowledged.
func (p *publisher) stop() map[reading]bool {
	p.cancel()
	return p.wait()
}

// wait waits for the last of a number of messages.
func (p *publisher) wait() map[reading]bool {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(60 * time.Second):
		p.t.Fatalf("%s: only %d messages were acknowledged", p.device, p.count())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.acked)
}

func (p *publisher) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.acked)
}

func (p *publisher) done() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.most > 0 && len(p.acked) == p.most
}

// pick returns the next number to send; ok is false if there is none now.
func (p *publisher) pick() (n int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.unsent) > 0 {
		n, p.unsent = p.unsent[0], p.unsent[1:]
		return n, true
	}
	if p.most > 0 && p.next == p.most {
		return 0, false
	}
	p.next++
	return p.next, true
}

func (p *publisher) connection(ctx context.Context) {
	nc, err := net.Dial("tcp", p.address)
	if err != nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer stop()
	defer nc.Close()
	if handshake(nc, "device-"+p.device, "", "") != nil {
		return
	}
	var mu sync.Mutex
	ids := map[uint16]int{}
	const window = 50
	free := make(chan struct{}, window)
	for range window {
		free <- struct{}{}
	}
	lost := make(chan struct{})
	go func() { // ends with the connection, which waits for it
		defer close(lost)
		for {
			packet, err := packets.ReadPacket(nc)
			if err != nil {
				return
			}
			if a, ok := packet.(*packets.PubackPacket); ok {
				mu.Lock()
				n := ids[a.MessageID]
				delete(ids, a.MessageID)
				mu.Unlock()
				p.mu.Lock()
				p.acked[reading{p.device, n}] = true
				p.mu.Unlock()
				free <- struct{}{}
			}
		}
	}()
	for id := uint16(1); ; id = max(1, id+1) {
		select {
		case <-free:
		case <-lost:
		}
		n, ok := p.pick()
		if !ok {
			for ctx.Err() == nil && !p.done() && alive(lost) {
				<-time.After(time.Millisecond)
			}
			nc.Close()
			break
		}
		mu.Lock()
		ids[id] = n
		mu.Unlock()
		r := reading{p.device, n}
		if publishPacket(r.topic(), r.payload(), 1, false, id).Write(nc) != nil || !alive(lost) {
			nc.Close()
			break
		}
	}
	<-lost
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range ids { // again, on the next connection
		p.unsent = append(p.unsent, n)
	}
}

func alive(lost chan struct{}) bool {
	select {
	case <-lost:
		return false
	default:
		return true
	}
}

func handshake(nc net.Conn, id, user, password string) error {
	connect := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	connect.ProtocolName, connect.ProtocolVersion = "MQTT", 4
	connect.CleanSession, connect.ClientIdentifier, connect.Keepalive = true, id, 60
	if user != "" {
		connect.UsernameFlag, connect.Username, connect.PasswordFlag, connect.Password = true, user, true, []byte(password)
	}
	if err := connect.Write(nc); err != nil {
		return err
	}
	answer, err := packets.ReadPacket(nc)
	if err != nil {
		return err
	}
	if a, ok := answer.(*packets.ConnackPacket); !ok || a.ReturnCode != 0 {
		return fmt.Errorf("refused: %v", answer)
	}
	return nil
}

func publishPacket(topic, payload string, qos byte, retained bool, id uint16) *packets.PublishPacket {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload, p.Qos, p.Retain, p.MessageID = topic, []byte(payload), qos, retained, id
	return p
}

// device is one that a test drives by hand.
type device struct {
	t  *testing.T
	nc net.Conn
	id uint16
}

func connectDevice(t *testing.T, b *mosquitto, id, user, password string) *device {
	t.Helper()
	nc, err := net.Dial("tcp", b.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	if err := handshake(nc, id, user, password); err != nil {
		t.Fatal(err)
	}
	return &device{t: t, nc: nc}
}

// send publishes and, but for QoS 0, waits for the PUBACK.
func (d *device) send(topic, payload string, qos byte, retained bool) {
	d.t.Helper()
	d.id++
	if err := publishPacket(topic, payload, qos, retained, d.id).Write(d.nc); err != nil {
		d.t.Fatal(err)
	}
	for qos > 0 {
		if a, ok := d.read().(*packets.PubackPacket); ok && a.MessageID == d.id {
			return
		}
	}
}

func (d *device) subscribe(filter string) {
	d.t.Helper()
	s := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	s.MessageID, s.Topics, s.Qoss = 9, []string{filter}, []byte{1}
	if err := s.Write(d.nc); err != nil {
		d.t.Fatal(err)
	}
	if _, ok := d.read().(*packets.SubackPacket); !ok {
		d.t.Fatal("no SUBACK")
	}
}

func (d *device) read() packets.ControlPacket {
	d.t.Helper()
	p, err := packets.ReadPacket(d.nc)
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}
