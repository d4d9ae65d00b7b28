package broker_test

import (
	"strings"
	"testing"
)

// A SUBSCRIBE of MQTT 5 that ends behind its filter makes mochi-mqtt 2.7.9 read
// beyond the end of the packet.
func TestPanicEndsOnlyItsConnection(t *testing.T) {
	d := open(t)
	bystander := d.device(t, as(5, other))
	for range 3 {
		w := d.device(t, as(5, pump))
		w.send(frame(subscribe<<4|2, cat(num(1), []byte{0}, str("fleet/acme/pump:1/cmd/#"))))
		w.wantClosed()
	}
	d.wantCount(t, 3, "forecare_broker_ended_total", "reason=protocol")
	d.wantCount(t, 1, "forecare_broker_connections")
	if n := strings.Count(d.log.String(), "panic="); n != 1 {
		t.Errorf("the panic was logged %d times:\n%s", n, d.log)
	}
	if !strings.Contains(d.log.String(), "index out of range") {
		t.Error("mochi-mqtt does not panic here any more: choose another packet")
	}

	bystander.publish("fleet/acme/pump:2/telemetry", 1, 1, "x")
	bystander.wantAck(puback, 1)
	d.device(t, as(5, pump)).alive()
}
