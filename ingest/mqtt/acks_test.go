package mqtt_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/ingest/mqtt"
)

var stored = ingest.Outcome{Stored: 1}

func errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }

func TestAcknowledgementsKeepTheOrderOfTheMessages(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		d.accept.byHand = true
		w := d.device(t, as(version, pump))
		for id := uint16(1); id <= 4; id++ {
			w.publish(telemetryTopic, 1, id, fmt.Sprint(id))
		}
		messages := d.accept.wait(t, 4) // all on their way at once
		for i, m := range messages {
			if string(m.Payload) != fmt.Sprint(i+1) || m.Publisher != pump || m.Topic != telemetryTopic || m.Received.IsZero() {
				t.Errorf("message %d is %+v", i, m)
			}
		}
		d.accept.settle(3, stored)
		d.accept.settle(1, ingest.Outcome{Rejected: &ingest.Rejection{Reason: ingest.BadPayload, Detail: "no"}})
		w.alive() // nothing may be acknowledged yet
		d.accept.settle(0, stored)
		w.wantAck(puback, 1)
		if a := w.wantAck(puback, 2); version == 5 && (a.code != 0x99 || a.reason != "no") {
			t.Errorf("got 0x%x %q", a.code, a.reason)
		}
		w.alive()
		d.accept.settle(2, stored)
		w.wantAck(puback, 3)
		w.wantAck(puback, 4)
	})
}

func TestPassingFaultEndsTheConnectionAndNothingBehindItIsAcknowledged(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		d.accept.byHand = true
		w := d.device(t, as(version, pump))
		for id := uint16(1); id <= 3; id++ {
			w.publish(telemetryTopic, 1, id, "x")
		}
		d.accept.wait(t, 3)
		d.accept.settle(2, stored)
		d.accept.settle(1, errFull)
		d.accept.settle(0, stored)
		w.wantAck(puback, 1)
		w.wantEnd(0x89)
		d.wantCount(t, 1, "forecare_mqtt_ended_total", "reason=fault")
		d.wantCount(t, 0, "forecare_mqtt_connections")

		again := d.device(t, as(version, pump))
		again.publish(telemetryTopic, 1, 2, "x", 8) // DUP
		d.accept.wait(t, 4)
		d.accept.settle(3, stored)
		again.wantAck(puback, 2)
	})
}

func TestPassingFaultWithEveryQoS(t *testing.T) {
	for qos := range byte(3) {
		t.Run(fmt.Sprint("QoS ", qos), func(t *testing.T) {
			both(t, func(t *testing.T, version byte) {
				d := open(t)
				d.accept.verdict = func(ingest.Message) ingest.Outcome { return errFull }
				w := d.device(t, as(version, pump))
				w.publish(telemetryTopic, qos, 9, "x")
				w.wantEnd(0x89)
			})
		})
	}
}

func TestFullWindowStopsReading(t *testing.T) {
	d := open(t, func(o *mqtt.Options) { o.Limits.Inflight = 3 })
	d.accept.byHand = true
	w := d.device(t, as(5, pump))
	var all []byte
	for id := uint16(1); id <= 10; id++ {
		all = append(all, w.publication(telemetryTopic, 1, id, "x")...)
	}
	w.send(all)
	for done := range 10 {
		// Never more than three at once: what is due is answered before more come.
		if got := len(d.accept.wait(t, min(10, done+3))); got > done+3 {
			t.Fatalf("%d messages were taken with %d answered", got, done)
		}
		d.accept.settle(done, stored)
		w.wantAck(puback, uint16(done+1))
	}
}

func TestFullWindowInBytesStopsReading(t *testing.T) {
	d := open(t, func(o *mqtt.Options) { o.Limits.InflightBytes = 1000 })
	d.accept.byHand = true
	w := d.device(t, as(4, pump))
	large := string(make([]byte, 3000)) // larger than the window: alone, but taken
	w.send(append(w.publication(telemetryTopic, 1, 1, large), w.publication(telemetryTopic, 1, 2, "x")...))
	if got := len(d.accept.wait(t, 1)); got != 1 {
		t.Fatalf("%d messages were taken", got)
	}
	d.accept.settle(0, stored)
	w.wantAck(puback, 1)
	d.accept.wait(t, 2)
	d.accept.settle(1, stored)
	w.wantAck(puback, 2)
}

func TestOutcomeAfterTheConnectionIsGone(t *testing.T) {
	d := open(t, func(o *mqtt.Options) { o.Limits.Write = 200 * time.Millisecond }) // waits so long for outcomes
	d.accept.byHand = true
	w := d.device(t, as(4, pump))
	w.publish(telemetryTopic, 1, 1, "x")
	w.publish(telemetryTopic, 1, 2, "x")
	d.accept.wait(t, 2)
	w.net.Close()
	d.wantCount(t, 0, "forecare_mqtt_connections")
	d.accept.settle(1, stored)
	d.accept.settle(0, errFull)
	d.device(t, as(4, pump)).alive()
}

func TestDeviceThatClosesItsSideStillGetsItsAcknowledgements(t *testing.T) {
	d := open(t)
	d.accept.byHand = true
	w := d.device(t, as(4, pump))
	w.publish(telemetryTopic, 1, 1, "x")
	d.accept.wait(t, 1)
	if err := w.net.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	d.accept.settle(0, stored)
	w.wantAck(puback, 1)
	w.wantClosed()
}

func TestQoS2IsStoredBeforeItsPubrec(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		d := open(t)
		d.accept.byHand = true
		w := d.device(t, as(version, pump))
		w.publish(telemetryTopic, 2, 5, "x")
		d.accept.wait(t, 1)
		d.accept.settle(0, stored)
		w.wantAck(pubrec, 5)
		w.send(frame(pubrel<<4|2, num(5)))
		w.wantAck(pubcomp, 5)

		w.publish(telemetryTopic, 2, 6, "x")
		d.accept.wait(t, 2)
		d.accept.settle(1, ingest.Outcome{Rejected: &ingest.Rejection{Reason: ingest.NotAuthorized, Detail: "not yours"}})
		a := w.wantAck(pubrec, 6)
		if version == 5 {
			if a.code != 0x87 || a.reason != "not yours" {
				t.Errorf("PUBREC 0x%x %q", a.code, a.reason)
			}
		} else {
			w.send(frame(pubrel<<4|2, num(6)))
			w.wantAck(pubcomp, 6)
		}
		w.alive()
		if got := len(d.accept.got()); got != 2 {
			t.Errorf("%d messages were taken", got)
		}
	})
}

func TestReasonStringsRespectWhatTheDeviceAsksFor(t *testing.T) {
	for name, properties := range map[string][]byte{
		"no problem information": {0x17, 0},
		"small packets":          {0x27, 0, 0, 0, 30},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			d.accept.verdict = func(ingest.Message) ingest.Outcome {
				return ingest.Outcome{Rejected: &ingest.Rejection{Reason: ingest.BadPayload, Detail: "a sentence that is longer than the device wants"}}
			}
			l := as(5, pump)
			l.properties = properties
			w := d.device(t, l)
			w.publish(telemetryTopic, 1, 1, "x")
			if a := w.wantAck(puback, 1); a.code != 0x99 || a.reason != "" {
				t.Errorf("PUBACK 0x%x %q", a.code, a.reason)
			}
		})
	}
}
