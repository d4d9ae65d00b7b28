package subscriber_test

import (
	"context"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/ingest/subscriber"
)

// fakeBroker does what a real one cannot be made to do. It answers CONNECT and
// SUBSCRIBE by itself; serve does the rest of each connection.
type fakeBroker struct {
	t       *testing.T
	address string
	granted func(filter string) byte // of SUBACK; 0xff hangs up
	connect *packets.ConnectPacket   // the last one
	mu      sync.Mutex
	wg      sync.WaitGroup
}

func startFake(t *testing.T, serve func(n int, c net.Conn)) *fakeBroker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeBroker{t: t, address: l.Addr().String(), granted: func(string) byte { return 1 }}
	ctx, cancel := context.WithCancel(context.Background())
	f.wg.Go(func() {
		for n := 1; ; n++ {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			f.wg.Go(func() {
				defer nc.Close()
				defer context.AfterFunc(ctx, func() { nc.Close() })()
				if f.greet(nc) {
					serve(n, nc)
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); cancel(); f.wg.Wait() })
	return f
}

// greet answers until both subscriptions are made.
func (f *fakeBroker) greet(nc net.Conn) bool {
	for range 2 + 1 {
		packet, err := packets.ReadPacket(nc)
		if err != nil {
			return false
		}
		switch p := packet.(type) {
		case *packets.ConnectPacket:
			f.mu.Lock()
			f.connect = p
			f.mu.Unlock()
			packets.NewControlPacket(packets.Connack).Write(nc)
		case *packets.SubscribePacket:
			ack := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
			ack.MessageID = p.MessageID
			for _, topic := range p.Topics {
				code := f.granted(topic)
				if code == 0xff {
					return false
				}
				ack.ReturnCodes = append(ack.ReturnCodes, code)
			}
			ack.Write(nc)
		}
	}
	return true
}

func deliver(nc net.Conn, ids ...int) {
	for _, id := range ids {
		publishPacket("fleet/acme/d1/event", `{}`, 1, false, uint16(id)).Write(nc)
	}
}

// acks reads n PUBACKs.
func acks(nc net.Conn, n int) (ids []int, err error) {
	for len(ids) < n {
		p, err := packets.ReadPacket(nc)
		if err != nil {
			return ids, err
		}
		if a, ok := p.(*packets.PubackPacket); ok {
			ids = append(ids, int(a.MessageID))
		}
	}
	return ids, nil
}

// hold keeps the connection until the other side ends it.
func hold(nc net.Conn) { io.Copy(io.Discard, nc) }

// byHand runs a subscriber whose outcomes the test gives.
func byHand(t *testing.T, f *fakeBroker, change ...func(*subscriber.Options)) (d *door, next func() func(ingest.Outcome)) {
	t.Helper()
	arrived := make(chan func(ingest.Outcome), 100)
	d = openDoor(t, &mosquitto{address: f.address}, newLog(), append(change, func(o *subscriber.Options) {
		o.Accept = func(_ ingest.Message, done func(ingest.Outcome)) { arrived <- done }
	})...)
	return d, func() func(ingest.Outcome) {
		t.Helper()
		select {
		case done := <-arrived:
			return done
		case <-time.After(30 * time.Second):
			t.Fatal("no message was accepted")
			return nil
		}
	}
}

var stored = ingest.Outcome{Stored: 1}

func TestAcknowledgedInOrderWhateverTheOrderOfOutcomes(t *testing.T) {
	got := make(chan []int, 1)
	f := startFake(t, func(_ int, nc net.Conn) {
		deliver(nc, 5, 6, 7)
		ids, _ := acks(nc, 3)
		got <- ids
		hold(nc)
	})
	_, next := byHand(t, f)
	first, second, third := next(), next(), next()
	third(stored)
	second(ingest.Outcome{Rejected: &ingest.Rejection{Reason: ingest.BadPayload}})
	first(stored)
	if ids := <-got; !slices.Equal(ids, []int{5, 6, 7}) {
		t.Errorf("acknowledged are %v", ids)
	}
}

// [TP-10.3]
func TestNothingBehindAFaultIsAcknowledged(t *testing.T) {
	type end struct {
		ids []int
		err error
	}
	ends := make(chan end, 1)
	again := make(chan []int, 1)
	f := startFake(t, func(n int, nc net.Conn) {
		if n == 1 {
			deliver(nc, 1, 2, 3)
			ids, err := acks(nc, 3)
			ends <- end{ids, err}
			return
		}
		deliver(nc, 2, 3)
		ids, _ := acks(nc, 2)
		again <- ids
		hold(nc)
	})
	d, next := byHand(t, f)
	first, second, third := next(), next(), next()
	first(stored)
	second(ingest.Outcome{Err: errAway})
	d.notReady("the log is away")
	select {
	case <-again:
		t.Error("it came back before everything in work was answered")
	default:
	}
	third(stored)
	e := <-ends
	if !slices.Equal(e.ids, []int{1}) || e.err == nil {
		t.Errorf("acknowledged are %v, then %v; want 1 and the end", e.ids, e.err)
	}
	next()(stored)
	next()(stored)
	if ids := <-again; !slices.Equal(ids, []int{2, 3}) {
		t.Errorf("acknowledged on the next connection are %v", ids)
	}
}

func TestInFlightIsBounded(t *testing.T) {
	for name, tc := range map[string]struct {
		limits subscriber.Limits
		most   int     // accepted at once
		bytes  float64 // and with the one that waits for its turn
	}{
		"in messages": {subscriber.Limits{Inflight: 3}, 3, 8},
		"in one":      {subscriber.Limits{Inflight: 1}, 1, 4},
		"in bytes":    {subscriber.Limits{InflightBytes: 5}, 2, 4}, // of two bytes each
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t, func(_ int, nc net.Conn) {
				deliver(nc, 1, 2, 3, 4, 5, 6, 7, 8)
				acks(nc, 8)
				hold(nc)
			})
			d, next := byHand(t, f, func(o *subscriber.Options) { o.Limits = tc.limits })
			var waiting []func(ingest.Outcome)
			for range tc.most {
				waiting = append(waiting, next())
			}
			for accepted := tc.most; len(waiting) > 0; {
				d.wantCount(min(tc.bytes, float64(2*(8-accepted+len(waiting)))), "inflight_bytes")
				waiting[0](stored)
				waiting = waiting[1:]
				if accepted < 8 {
					waiting = append(waiting, next())
					accepted++
				}
			}
			d.wantCount(8, "messages_total", "outcome=accepted")
		})
	}
}

func TestStopAcknowledgesWhatWasTaken(t *testing.T) {
	got := make(chan []int, 1)
	ended := make(chan packets.ControlPacket, 1)
	f := startFake(t, func(_ int, nc net.Conn) {
		deliver(nc, 1, 2)
		ids, _ := acks(nc, 2)
		got <- ids
		last, _ := packets.ReadPacket(nc)
		ended <- last
	})
	d, next := byHand(t, f)
	first, second := next(), next()
	stopped := make(chan struct{})
	go func() { d.stop(); close(stopped) }()
	first(stored)
	second(stored)
	if ids := <-got; !slices.Equal(ids, []int{1, 2}) {
		t.Errorf("acknowledged are %v", ids)
	}
	if _, ok := (<-ended).(*packets.DisconnectPacket); !ok {
		t.Error("it left without a DISCONNECT")
	}
	<-stopped
}

// A log that never answers does not keep Run from ending.
func TestStopIsBounded(t *testing.T) {
	f := startFake(t, func(_ int, nc net.Conn) {
		deliver(nc, 1)
		hold(nc)
	})
	d, next := byHand(t, f, func(o *subscriber.Options) { o.Limits.Stop = 50 * time.Millisecond })
	done := next()
	d.stop()
	done(stored) // else its goroutine would stay for ever
	d.said.wait(t, "stopped before every message was answered")
}

// A broker that stops reading is given up, although paho would wait for ever.
func TestBrokerThatDoesNotRead(t *testing.T) {
	release := make(chan struct{})
	f := startFake(t, func(n int, nc net.Conn) {
		if n == 1 {
			nc.(*net.TCPConn).SetReadBuffer(1)
			<-release
		}
		hold(nc)
	})
	t.Cleanup(func() { close(release) }) // before the broker is closed
	d := openDoor(t, &mosquitto{address: f.address}, newLog(), func(o *subscriber.Options) {
		o.Limits.Write, o.Limits.Command = 50*time.Millisecond, 20*time.Second
	}).ready()
	big := map[string]any{"x": string(make([]byte, 8<<20))}
	err := d.SendCommand(devices.Command{ID: "c", Key: devices.Key{Tenant: "acme", Device: "d1"}, Name: "n", Args: big})
	if devices.CodeOf(err) != devices.Unavailable {
		t.Errorf("the command to nobody: %v", err)
	}
	d.wantCount(1, "ended_total", "reason=network")
	d.ready()
}

func TestSubscriptionThatIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		code byte
		want string
	}{"refused": {0x80, "does not let the user"}, "QoS 0": {0, "QoS 0 only"}} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t, func(int, net.Conn) {})
			f.granted = func(string) byte { return tc.code }
			d, _ := byHand(t, f)
			d.notReady(tc.want)
		})
	}
}

// A broker that hangs up on whoever asks for $SYS is not asked for ever.
func TestBrokerThatHidesItsCounters(t *testing.T) {
	f := startFake(t, func(_ int, nc net.Conn) { hold(nc) })
	f.granted = func(filter string) byte {
		if filter[0] == '$' {
			return 0xff
		}
		return 1
	}
	d, _ := byHand(t, f)
	d.ready()
}

func TestConnectPacket(t *testing.T) {
	f := startFake(t, func(_ int, nc net.Conn) { hold(nc) })
	d, _ := byHand(t, f, as("forecare", secret))
	d.ready()
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.connect
	if c.CleanSession || c.ClientIdentifier != "forecare-test" || c.ProtocolVersion != 4 || c.Username != "forecare" || string(c.Password) != secret || c.Keepalive != 30 {
		t.Errorf("CONNECT is %v", c)
	}
}

// Two with one client identifier throw each other out; both say why.
func TestTheSameClientIDTwice(t *testing.T) {
	b := startBroker(t, brokerOptions{})
	log := newLog()
	slow := func(o *subscriber.Options) { o.Limits.Backoff, o.Limits.MaxBackoff = time.Minute, time.Minute }
	first := openDoor(t, b, log, slow).ready()
	openDoor(t, b, log, slow).ready()
	first.notReady("not connected")
	first.said.wait(t, "another with the client identifier forecare-test")
}

func TestCommandWithoutAnAnswer(t *testing.T) {
	f := startFake(t, func(_ int, nc net.Conn) {
		hold(nc)
	})
	d, _ := byHand(t, f, func(o *subscriber.Options) { o.Limits.Command = 50 * time.Millisecond })
	d.ready()
	err := d.SendCommand(devices.Command{ID: "c", Key: devices.Key{Tenant: "acme", Device: "d1"}, Name: "n"})
	if devices.CodeOf(err) != devices.Unavailable {
		t.Errorf("got %v", err)
	}
	if d.Ready() != nil {
		t.Errorf("one slow command ended the connection: %v", d.Ready())
	}
}
