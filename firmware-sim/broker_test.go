package sim_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/goleak"

	sim "github.com/forecare/forecare/firmware-sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testBroker is an MQTT broker that remembers what it acknowledged, and whose
// lines can be cut.
type testBroker struct {
	mochi.HookBase
	server *mochi.Server
	lines  *cutListener

	mu        sync.Mutex
	passwords sim.Credentials
	readings  map[string]map[int64]map[string]float64 // device, Unix ms
	acks      map[string]json.RawMessage              // command id
	ackCount  map[string]int
	states    []string // "device payload"
	lossy     float64  // share of publishes that are stored but not acknowledged
}

func newTestBroker(t *testing.T, passwords sim.Credentials) *testBroker {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &testBroker{
		server: mochi.New(&mochi.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)}),
		lines:  &cutListener{Listener: socket}, passwords: passwords,
		readings: map[string]map[int64]map[string]float64{}, acks: map[string]json.RawMessage{}, ackCount: map[string]int{},
	}
	if err := b.server.AddHook(b, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.server.AddListener(listeners.NewNet("test", b.lines)); err != nil {
		t.Fatal(err)
	}
	if err := b.server.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.server.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *testBroker) url() string { return "tcp://" + b.lines.Addr().String() }

func (b *testBroker) ID() string { return "test" }

func (b *testBroker) Provides(x byte) bool {
	return bytes.Contains([]byte{mochi.OnConnectAuthenticate, mochi.OnACLCheck, mochi.OnPublish, mochi.OnWillSent}, []byte{x})
}

func (b *testBroker) OnConnectAuthenticate(_ *mochi.Client, pk packets.Packet) bool {
	_, device, _ := strings.Cut(string(pk.Connect.Username), "/")
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.passwords[device] != "" && b.passwords[device] == string(pk.Connect.Password)
}

func (b *testBroker) OnACLCheck(*mochi.Client, string, bool) bool { return true }

func (b *testBroker) OnPublish(cl *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	level := strings.Split(pk.TopicName, "/")
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case level[3] == "telemetry":
		for _, r := range decode(pk.Payload) {
			if b.readings[level[2]] == nil {
				b.readings[level[2]] = map[int64]map[string]float64{}
			}
			ts := int64(r["ts"])
			delete(r, "ts")
			b.readings[level[2]][ts] = r
		}
	case level[3] == "state":
		b.states = append(b.states, level[2]+" "+string(pk.Payload))
	case len(level) == 6 && level[5] == "ack":
		b.acks[level[4]] = pk.Payload
		b.ackCount[level[4]]++
	}
	if !cl.Net.Inline && rand.Float64() < b.lossy {
		cl.Stop(packets.ErrServerShuttingDown) // stored, but the device will never know
		return pk, packets.ErrRejectPacket
	}
	return pk, nil
}

func (b *testBroker) OnWillSent(_ *mochi.Client, pk packets.Packet) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.states = append(b.states, strings.Split(pk.TopicName, "/")[2]+" "+string(pk.Payload))
}

func decode(payload []byte) []map[string]float64 {
	var list []map[string]float64
	if json.Unmarshal(payload, &list) == nil {
		return list
	}
	var one map[string]float64
	if err := json.Unmarshal(payload, &one); err != nil {
		panic(err) // the simulator must not send this
	}
	return []map[string]float64{one}
}

// of returns what the broker has of a device.
func (b *testBroker) of(device string) map[int64]map[string]float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.readings[device])
}

func (b *testBroker) setLossy(share float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lossy = share
}

// answer returns what came back for a command, and how often.
func (b *testBroker) answer(id string) (string, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.acks[id]), b.ackCount[id]
}

func (b *testBroker) said(device, part string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.states {
		if strings.HasPrefix(s, device+" ") && strings.Contains(s, part) {
			return true
		}
	}
	return false
}

// cutListener can cut every line it has accepted.
type cutListener struct {
	net.Listener
	mu    sync.Mutex
	lines []net.Conn
}

func (l *cutListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		l.lines = append(l.lines, c)
		l.mu.Unlock()
	}
	return c, err
}

func (l *cutListener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.lines {
		_ = c.Close() // may be closed already
	}
	l.lines = nil
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited too long for: %s", what)
		}
	}
}
