package mqtt_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/ingest/mqtt"
	"github.com/forecare/forecare/internal/broker"
)

// script is what a device sends, behind a CONNECT of its own or not.
type script struct {
	connect func(l *login) // nil leaves it as it is
	bare    bool           // no CONNECT
	send    func(v byte) []byte
}

// known says where mochi-mqtt reacts otherwise, by version: 4, 5 or 0 for both.
// The list may only shrink.
var known = map[string]map[byte]string{
	"QoS 2 again":               {5: "mochi-mqtt answers with 0x91, packet identifier in use; the PUBREC is due again [MQTT-4.3.3-10]"},
	"QoS 3":                     {5: silent},
	"subscribe shared":          {5: "mochi-mqtt asks whether the filter is allowed (0x87) before whether it is shared (0x9E)"},
	"level 6":                   {0: "mochi-mqtt answers in the form of MQTT 3.1.1; from a level above 5 we expect the form of MQTT 5"},
	"MQTT 3.1":                  {0: "mochi-mqtt knows MQTT 3.1 and refuses the missing login (4); we refuse the version (1) [MQTT-3.1.2-2]"},
	"another protocol":          {0: "mochi-mqtt answers before it closes, which is optional [MQTT-3.1.2-1]"},
	"empty password":            {0: "mochi-mqtt takes an empty password for a violation of the protocol; it is a wrong one"},
	"PINGREQ with a body":       {0: "mochi-mqtt answers it; its remaining length is fixed at 0"},
	"reserved flag of CONNECT":  {0: "mochi-mqtt answers with codes that mean something else; we close (3.1.1) or say malformed (5) [MQTT-3.1.2-3]"},
	"QoS of a will that is not": {0: "mochi-mqtt ignores the flags and finds no login; they are malformed [MQTT-3.1.2-11]"},
	"retained state":            {5: "mochi-mqtt adds a message expiry of a day"},
	"state for oneself":         {5: "mochi-mqtt adds a message expiry of a day"},
	"length without end":        {5: "the broker takes it for a large packet (0x95), and it is malformed [MQTT-1.5.5-1]"},
	"topic not UTF-8":           {5: silent},
	"QoS 0 again":               {5: silent},
	"topic too long":            {5: silent},
	"type 0":                    {5: silent},
	"a packet that is cut":      {5: silent},
	"subscribe without a flag":  {5: silent},
	"DISCONNECT with a body":    {5: silent},
	"CONNACK":                   {5: silent},
}

const silent = "mochi-mqtt closes without a DISCONNECT, which is allowed"

// props puts an empty list of properties into MQTT 5's packets.
func props(v byte) []byte {
	if v == 5 {
		return []byte{0}
	}
	return nil
}

func pub(v, flags byte, topic string, id uint16, payload string) []byte {
	body := str(topic)
	if flags&6 != 0 {
		body = cat(body, num(id))
	}
	return frame(publish<<4|flags, cat(body, props(v), []byte(payload)))
}

func sub(v byte, filter string, options byte) []byte {
	return frame(subscribe<<4|2, cat(num(7), props(v), str(filter), []byte{options}))
}

const otherTopic = "fleet/acme/pump:2/telemetry"

var scripts = map[string]script{
	"nothing": {send: func(byte) []byte { return nil }},
	"QoS 0":   {send: func(v byte) []byte { return pub(v, 0, telemetryTopic, 0, "x") }},
	"QoS 1":   {send: func(v byte) []byte { return pub(v, 2, telemetryTopic, 1, "x") }},
	"QoS 1, many": {send: func(v byte) []byte {
		return cat(pub(v, 2, telemetryTopic, 1, "x"), pub(v, 2, telemetryTopic, 2, "x"), pub(v, 2, telemetryTopic, 3, "x"))
	}},
	"QoS 1 again": {send: func(v byte) []byte { return cat(pub(v, 2, telemetryTopic, 1, "x"), pub(v, 10, telemetryTopic, 1, "x")) }},
	"QoS 2":       {send: func(v byte) []byte { return cat(pub(v, 4, telemetryTopic, 1, "x"), frame(0x62, num(1))) }},
	"QoS 2 again": {send: func(v byte) []byte {
		return cat(pub(v, 4, telemetryTopic, 1, "x"), pub(v, 12, telemetryTopic, 1, "x"), frame(0x62, num(1)))
	}},
	"QoS 2, rejected": {send: func(v byte) []byte { return pub(v, 4, otherTopic, 1, "reject") }},
	"rejected":        {send: func(v byte) []byte { return cat(pub(v, 2, otherTopic, 1, "reject"), pub(v, 2, telemetryTopic, 2, "x")) }},
	"a fault": {send: func(v byte) []byte {
		return cat(pub(v, 2, telemetryTopic, 1, "x"), pub(v, 2, telemetryTopic, 2, "fault"))
	}},
	"a fault of QoS 0":   {send: func(v byte) []byte { return pub(v, 0, telemetryTopic, 0, "fault") }},
	"retained telemetry": {send: func(v byte) []byte { return pub(v, 3, telemetryTopic, 1, "x") }},
	"state for oneself": {send: func(v byte) []byte {
		return cat(sub(v, "fleet/acme/pump:1/state", 0), pub(v, 2, "fleet/acme/pump:1/state", 1, "{}"))
	}},
	"retained state": {send: func(v byte) []byte {
		return cat(pub(v, 3, "fleet/acme/pump:1/state", 1, "{}"), sub(v, "fleet/acme/pump:1/#", 0))
	}},
	"dollar topic":         {send: func(v byte) []byte { return pub(v, 2, "$SYS/x", 1, "x") }},
	"empty payload":        {send: func(v byte) []byte { return pub(v, 2, telemetryTopic, 1, "") }},
	"subscribe":            {send: func(v byte) []byte { return sub(v, "fleet/acme/pump:1/cmd/#", 1) }},
	"subscribe QoS 2":      {send: func(v byte) []byte { return sub(v, "fleet/acme/pump:1/cmd/#", 2) }},
	"subscribe foreign":    {send: func(v byte) []byte { return sub(v, "fleet/acme/pump:2/cmd/#", 1) }},
	"subscribe everything": {send: func(v byte) []byte { return sub(v, "#", 1) }},
	"subscribe no filter":  {send: func(v byte) []byte { return sub(v, "fleet/acme/pump:1/#/x", 1) }},
	"subscribe shared":     {send: func(v byte) []byte { return sub(v, "$share/g/fleet/acme/pump:1/#", 1) }},
	"unsubscribe": {send: func(v byte) []byte {
		return cat(sub(v, "fleet/acme/pump:1/cmd/#", 1), frame(0xA2, cat(num(8), props(v), str("fleet/acme/pump:1/cmd/#"))))
	}},
	"unsubscribe what is not":     {send: func(v byte) []byte { return frame(0xA2, cat(num(8), props(v), str("fleet/acme/pump:1/cmd/#"))) }},
	"PUBREL of nothing":           {send: func(byte) []byte { return frame(0x62, num(9)) }},
	"PUBREC of nothing":           {send: func(byte) []byte { return frame(0x50, num(9)) }},
	"PUBACK of nothing":           {send: func(byte) []byte { return frame(0x40, num(9)) }},
	"PUBCOMP of nothing":          {send: func(byte) []byte { return frame(0x70, num(9)) }},
	"DISCONNECT":                  {send: func(byte) []byte { return []byte{0xE0, 0} }},
	"second CONNECT":              {send: func(v byte) []byte { return as(v, pump).encode() }},
	"QoS 3":                       {send: func(v byte) []byte { return pub(v, 6, telemetryTopic, 1, "x") }},
	"identifier 0":                {send: func(v byte) []byte { return pub(v, 2, telemetryTopic, 0, "x") }},
	"wildcard topic":              {send: func(v byte) []byte { return pub(v, 2, "fleet/+/x", 1, "x") }},
	"empty topic":                 {send: func(v byte) []byte { return pub(v, 2, "", 1, "x") }},
	"topic not UTF-8":             {send: func(v byte) []byte { return pub(v, 2, "\xff", 1, "x") }},
	"topic too long":              {send: func(byte) []byte { return frame(0x30, []byte{0, 200, 'a'}) }},
	"subscribe to nothing":        {send: func(v byte) []byte { return frame(0x82, cat(num(7), props(v))) }},
	"subscribe without a flag":    {send: func(v byte) []byte { return frame(0x80, cat(num(7), props(v), str("a"), []byte{0})) }},
	"type 0":                      {send: func(byte) []byte { return []byte{0, 0} }},
	"CONNACK":                     {send: func(v byte) []byte { return frame(0x20, cat([]byte{0, 0}, props(v))) }},
	"PINGREQ with a body":         {send: func(byte) []byte { return frame(0xC0, []byte{1}) }},
	"length without end":          {send: func(byte) []byte { return []byte{0x30, 0xff, 0xff, 0xff, 0xff, 1} }},
	"QoS 0 again":                 {send: func(v byte) []byte { return pub(v, 8, telemetryTopic, 0, "x") }},
	"no CONNECT":                  {bare: true, send: func(v byte) []byte { return pub(v, 2, telemetryTopic, 1, "x") }},
	"HTTP":                        {bare: true, send: func(byte) []byte { return []byte("GET / HTTP/1.1\r\n\r\n") }},
	"wrong password":              {connect: func(l *login) { l.password = "no" }, send: func(byte) []byte { return nil }},
	"unknown device":              {connect: func(l *login) { l.user = "acme/nobody" }, send: func(byte) []byte { return nil }},
	"disabled device":             {connect: func(l *login) { l.user, l.password = off.String(), token(off) }, send: func(byte) []byte { return nil }},
	"anonymous":                   {connect: func(l *login) { l.anonymous = true }, send: func(byte) []byte { return nil }},
	"empty client, clean":         {connect: func(l *login) { l.client = "" }, send: func(byte) []byte { return nil }},
	"empty client, kept":          {connect: func(l *login) { l.client, l.persist = "", true }, send: func(byte) []byte { return nil }},
	"empty password":              {connect: func(l *login) { l.password = "" }, send: func(byte) []byte { return nil }},
	"MQTT 3.1":                    {bare: true, send: func(byte) []byte { return frame(0x10, cat(str("MQIsdp"), []byte{3, 2, 0, 60}, str("c"))) }},
	"level 6":                     {bare: true, send: func(byte) []byte { return frame(0x10, cat(str("MQTT"), []byte{6, 2, 0, 60}, str("c"))) }},
	"another protocol":            {bare: true, send: func(byte) []byte { return frame(0x10, cat(str("AMQP"), []byte{4, 2, 0, 60}, str("c"))) }},
	"reserved flag of CONNECT":    {bare: true, send: func(v byte) []byte { return frame(0x10, cat(str("MQTT"), []byte{v, 3, 0, 60}, props(v), str("c"))) }},
	"QoS of a will that is not":   {bare: true, send: func(v byte) []byte { return frame(0x10, cat(str("MQTT"), []byte{v, 0x0A, 0, 60}, props(v), str("c"))) }},
	"DISCONNECT with a body":      {send: func(byte) []byte { return frame(0xE0, []byte{0, 0, 0}) }},
	"a packet that is cut":        {send: func(v byte) []byte { return frame(0x82, cat(num(7), props(v), str("fleet/acme/pump:1/#"))) }},
	"a topic that no device uses": {send: func(v byte) []byte { return pub(v, 2, "home/kitchen", 1, "reject") }},
}

// verdict plays ingest for both.
func verdict(m ingest.Message, done func(ingest.Outcome)) {
	switch string(m.Payload) {
	case "reject":
		done(ingest.Outcome{Rejected: &ingest.Rejection{Reason: ingest.NotAuthorized, Detail: "no"}})
	case "fault":
		done(ingest.Outcome{Err: errors.New("full")})
	default:
		done(ingest.Outcome{Stored: 1})
	}
}

// The embedded broker is the oracle: whatever a device sends, it gets the same
// answers from either, apart from what is written down.
func TestSameReactionsAsMochi(t *testing.T) {
	both(t, func(t *testing.T, version byte) {
		for name, s := range scripts {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				want := playTo(t, s, version, func(r *devices.Registry) (server, error) {
					return broker.New(broker.Options{Address: "127.0.0.1:0", Registry: r, Accept: verdict})
				})
				got := playTo(t, s, version, func(r *devices.Registry) (server, error) {
					return mqtt.New(mqtt.Options{Address: "127.0.0.1:0", Registry: r, Accept: verdict})
				})
				diff := cmp.Diff(want, got)
				why := known[name][version] + known[name][0]
				switch {
				case diff != "" && why == "":
					t.Errorf("mochi-mqtt (-), ours (+):\n%s", diff)
				case diff == "" && why != "" && why != silent: // its word may arrive or not
					t.Errorf("there is no difference any more: %s", why)
				}
			})
		}
	})
}

// playTo runs a server, plays the script to it, and returns what it answers.
func playTo(t *testing.T, s script, version byte, open func(*devices.Registry) (server, error)) []string {
	t.Helper()
	r := devices.NewRegistry()
	r.Replace(snapshot())
	door, err := open(r)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := door.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer running.Wait()
	defer cancel()
	nc, err := net.Dial("tcp", door.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t, nc)
	defer nc.Close()
	if !s.bare {
		l := as(version, pump)
		if s.connect != nil {
			s.connect(&l)
		}
		w.send(l.encode())
	}
	_, _ = nc.Write(s.send(version))
	_, _ = nc.Write([]byte{pingreq << 4, 0})
	var out []string
	patience := 5 * time.Second
	for {
		p, err := w.read(patience)
		switch {
		case err == nil && p.kind == pingresp:
			patience = 100 * time.Millisecond // acknowledgements may come behind it
			continue
		case err == nil:
			out = append(out, summary(p, version))
			continue
		}
		slices.Sort(out)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return append(out, "closed")
		}
		if patience > time.Second {
			t.Error("neither an answer nor an end")
		}
		return append(out, "open")
	}
}

// summary is what of a packet is compared: not the words, and not what CONNACK
// promises.
func summary(p answer, version byte) string {
	body := p.body
	switch {
	case p.kind == connack:
		body = body[:2]
	case p.kind == disconnect && len(body) > 0:
		body = body[:1]
	case version == 5 && p.kind >= puback && p.kind <= 7:
		if len(body) == 2 {
			body = append(body, 0) // the code that may be left out
		}
		body = body[:3]
	}
	return fmt.Sprintf("%x %x %x", p.kind, p.flag, body)
}
