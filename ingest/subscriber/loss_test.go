package subscriber_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/forecare/forecare/ingest/subscriber"
)

// under runs a test while three devices publish, and then demands that
// everything which was acknowledged to them is stored.
func under(t *testing.T, b *mosquitto, log *memoryLog, what func(more func())) {
	t.Helper()
	var load []*publisher
	for _, device := range []string{"d1", "d2", "d3"} {
		load = append(load, publish(t, b, device, 0))
	}
	total := func() int {
		n := 0
		for _, p := range load {
			n += p.count()
		}
		return n
	}
	what(func() {
		want := total() + 300
		soon(t, func() error {
			if n := total(); n < want {
				return fmt.Errorf("%d of %d messages were acknowledged", n, want)
			}
			return nil
		})
	})
	acked := map[reading]bool{}
	for _, p := range load {
		maps.Copy(acked, p.stop())
	}
	log.wantAll(t, acked)
	t.Logf("%d acknowledged messages, all stored", len(acked))
}

// [TP-10.1]
func TestNothingIsLostWhileTheBrokerRestarts(t *testing.T) {
	b := startBroker(t, brokerOptions{})
	log := newLog()
	d := openDoor(t, b, log).ready()
	under(t, b, log, func(more func()) {
		for range 5 {
			more()
			b.stop()
			d.notReady("not connected")
			b.start()
			more()
			d.ready()
		}
	})
}

// [TP-10.1]
func TestNothingIsLostWhileTheDoorRestarts(t *testing.T) {
	b := startBroker(t, brokerOptions{})
	log := newLog()
	d := openDoor(t, b, log).ready()
	under(t, b, log, func(more func()) {
		for range 5 {
			more()
			d.stop()
			more() // these wait at the broker
			d = openDoor(t, b, log)
			more()
		}
	})
}

// [TP-10.3]
func TestNothingIsLostWhileTheLogFails(t *testing.T) {
	b := startBroker(t, brokerOptions{})
	log := newLog()
	d := openDoor(t, b, log).ready()
	under(t, b, log, func(more func()) {
		for range 5 {
			more()
			log.setAway(true)
			d.notReady("the log is away")
			more()
			log.setAway(false)
			before := log.count()
			soon(t, func() error {
				if log.count() == before {
					return fmt.Errorf("nothing is stored again")
				}
				return nil
			})
		}
	})
	if d.counted("redelivered_total") == 0 || d.counted("ended_total", "reason=fault") == 0 {
		t.Error("the log's failures ended no connection, or the broker delivered nothing again")
	}
}

// A broker that is killed has what it saved. [TP-10.7]
func TestWhatAKilledBrokerHasSavedIsNotLost(t *testing.T) {
	b := startBroker(t, brokerOptions{})
	log := newLog()
	openDoor(t, b, log).ready().stop() // its session stays
	acked := publish(t, b, "d1", 2500).wait()
	b.save()
	b.kill()
	b.start()
	openDoor(t, b, log)
	log.wantAll(t, acked)
}

// A broker that has forgotten our session is subscribed to again.
func TestSessionThatTheBrokerLostIsMadeAgain(t *testing.T) {
	b := startBroker(t, brokerOptions{settings: "persistence false\n"})
	log := newLog()
	d := openDoor(t, b, log).ready()
	b.kill()
	d.notReady("not connected")
	b.start()
	d.ready()
	log.wantAll(t, publish(t, b, "d1", 100).wait())
}

// The warning of [TP-10.7]: with Mosquitto's defaults, what was acknowledged
// to the device is dropped, and the door says so.
func TestDefaultsOfMosquittoLoseMessages(t *testing.T) {
	b := startBroker(t, brokerOptions{settings: "persistence true\n"})
	log := newLog()
	d := openDoor(t, b, log).ready()
	log.wantAll(t, publish(t, b, "d2", 1).wait())
	log.setAway(true)
	acked := publish(t, b, "d1", 3000).wait()
	log.setAway(false)
	fresh := publish(t, b, "d3", 0) // its first may still find the queue full
	soon(t, func() error {
		log.mu.Lock()
		defer log.mu.Unlock()
		if log.order[len(log.order)-1].device != "d3" {
			return fmt.Errorf("nothing comes through")
		}
		return nil
	})
	fresh.stop()
	d.said.wait(t, "the MQTT broker drops messages")
	if n, _ := log.missing(acked); n < 1000 {
		t.Errorf("%d of %d are missing; if Mosquitto's defaults are safe now, the warning can go", n, len(acked))
	}
	if d.counted("broker_dropped_total") == 0 {
		t.Error("what the broker dropped is not counted")
	}
}

// [TP-10.2]
func TestGroupSharesTheMessages(t *testing.T) {
	b := startBroker(t, brokerOptions{})
	logs := []*memoryLog{newLog(), newLog()}
	member := func(i int) *door {
		return openDoor(t, b, logs[i], func(o *subscriber.Options) {
			o.Group, o.ClientID = "ingest", fmt.Sprintf("forecare-%d", i)
		}).ready()
	}
	first := member(0)
	member(1)
	acked := publish(t, b, "d1", 500).wait()
	first.stop()
	member(0) // and its part waited for it
	soon(t, func() error {
		if n := logs[0].count() + logs[1].count(); n != len(acked) {
			return fmt.Errorf("%d of %d are stored", n, len(acked))
		}
		return nil
	})
	for i, l := range logs {
		if l.count() < 100 {
			t.Errorf("member %d got %d of %d messages", i, l.count(), len(acked))
		}
	}
}
