package packet_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/forecare/forecare/ingest/mqtt/packet"
)

const (
	v3 = packet.V311
	v5 = packet.V5
)

// vector is a packet as bytes, what the standard says of it, and where.
type vector struct {
	clause  string // that it tests
	name    string
	version packet.Version
	hex     string      // spaces for the reader; 'text' stands for itself
	code    packet.Code // of the error, 0 for a good packet, which is then encoded again
}

// vectors hold good packets in their shortest encoding and bad ones.
var vectors = []vector{
	{"MQTT-2.1.3-1", "PINGREQ", v3, "C000", 0},
	{"MQTT-2.1.3-1", "PINGREQ with a flag", v3, "C100", 0x81},
	{"MQTT-2.1.3-1", "SUBSCRIBE without its flag", v3, "80 07 0001 0002 'ab' 00", 0x81},
	{"MQTT-2.1.3-1", "PUBREL without its flag", v5, "60 02 0001", 0x81},
	{"MQTT-2.1.3-1", "PUBACK with the flags of PUBREL", v5, "42 02 0001", 0x81},
	{"", "type 0", v5, "0000", 0x81},
	{"", "PINGREQ with a body", v5, "C001 00", 0x81},
	{"", "AUTH in MQTT 3.1.1", v3, "F000", 0x81},
	{"MQTT-1.5.5-1", "length of five bytes", v5, "C0 8080808001", 0x81},
	{"MQTT-1.5.5-1", "padded length", v5, "C0 8000", 0x81},
	{"", "end before its length", v5, "4002 00", 0x81},

	{"MQTT-3.3.2-1", "PUBLISH of QoS 0", v3, "30 07 0003 'a/b' 'hi'", 0},
	{"MQTT-3.3.2-1", "PUBLISH of QoS 1, retained, again", v3, "3B 09 0003 'a/b' 0102 'hi'", 0},
	{"MQTT-3.3.2-1", "PUBLISH of QoS 2", v5, "34 0A 0003 'a/b' 0102 00 'hi'", 0},
	{"", "empty payload", v3, "32 07 0003 'a/b' 0001", 0},
	{
		"", "PUBLISH with every property", v5,
		"32 30 0001 'a' 0001 2A 0101 02 0000000A 03 0001 't' 08 0001 'r' 09 0002 FF00 0B 01 0B 8001 23 0001 26 0001 'k' 0001 'v' 26 0001 'k' 0001 'w'", 0,
	},
	{"MQTT-3.3.1-4", "QoS 3", v5, "36 08 0003 'a/b' 0001 00", 0x81},
	{"MQTT-3.3.1-2", "QoS 0 again", v5, "38 06 0003 'a/b' 00", 0x82},
	{"MQTT-3.3.2-2", "wildcard + in a topic", v3, "30 05 0003 'a/+'", 0x82},
	{"MQTT-3.3.2-2", "wildcard # in a topic", v5, "30 06 0003 'a/#' 00", 0x82},
	{"MQTT-4.7.3-1", "empty topic", v3, "30 02 0000", 0x82},
	{"MQTT-4.7.3-1", "empty topic without an alias", v5, "30 03 0000 00", 0x82},
	{"MQTT-3.3.2-8", "empty topic with an alias", v5, "30 06 0000 03 230001", 0},
	{"MQTT-3.3.2-8", "alias 0", v5, "30 09 0003 'a/b' 03 230000", 0x94},
	{"MQTT-1.5.4-1", "topic that is not UTF-8", v3, "30 05 0003 'a' C328", 0x81},
	{"MQTT-1.5.4-1", "topic with a surrogate", v3, "30 05 0003 EDA080", 0x81},
	{"MQTT-1.5.4-2", "topic with U+0000", v5, "30 06 0003 'a' 00 'b' 00", 0x81},
	{"MQTT-1.5.4-3", "topic with a byte order mark", v3, "30 06 0004 EFBBBF 'a'", 0},
	{"MQTT-2.2.1-3", "packet identifier 0", v5, "32 08 0003 'a/b' 0000 00", 0x82},
	{"", "topic longer than the packet", v3, "30 04 0003 'a/'", 0x81},
	{"", "no packet identifier", v3, "32 05 0003 'a/b'", 0x81},
	{"", "no properties", v5, "30 05 0003 'a/b'", 0x81},
	{"", "property of CONNECT", v5, "30 0B 0003 'a/b' 05 1100000001", 0x81},
	{"", "property that does not exist", v5, "30 08 0003 'a/b' 02 7F01", 0x81},
	{"", "property 0", v5, "30 08 0003 'a/b' 02 0001", 0x81},
	{"MQTT-3.3.2-4", "payload format twice", v5, "30 0A 0003 'a/b' 04 0100 0101", 0x82},
	{"", "payload format 2", v5, "30 08 0003 'a/b' 02 0102", 0x82},
	{"", "property longer than the properties", v5, "30 0A 0003 'a/b' 02 0200000001", 0x81},
	{"", "subscription identifier 0", v5, "30 08 0003 'a/b' 02 0B00", 0x82},
	{"MQTT-3.3.2-14", "response topic with a wildcard", v5, "30 0A 0003 'a/b' 04 08 0001 '#'", 0x82},

	{"MQTT-4.3.2-2", "PUBACK", v3, "4002 0102", 0},
	{"MQTT-4.3.2-2", "PUBACK with a reason", v5, "4003 0102 87", 0},
	{"MQTT-4.3.2-2", "PUBACK with a reason in words", v5, "4009 0102 87 05 1F 0002 'no'", 0},
	{"MQTT-2.2.1-3", "PUBACK of 0", v5, "4002 0000", 0x82},
	{"MQTT-3.4.2-1", "PUBACK with a code of another packet", v5, "4003 0102 92", 0x81},
	{"", "PUBACK with a surplus", v3, "4003 0102 00", 0x81},
	{"", "PUBACK with a code and properties that it must not have", v5, "4006 0102 00 02 0100", 0x81},
	{"", "PUBREC", v5, "5003 0102 97", 0},
	{"", "PUBREL", v5, "6203 0102 92", 0},
	{"", "PUBREL of quota", v5, "6203 0102 97", 0x81},
	{"", "PUBCOMP", v3, "7002 0102", 0},

	{"MQTT-3.8.3-1", "SUBSCRIBE", v3, "82 08 0001 0003 'a/b' 01", 0},
	{"MQTT-3.8.3-1", "SUBSCRIBE with options and identifier", v5, "82 0B 0001 02 0B07 0003 'a/#' 2E", 0},
	{"MQTT-3.8.3-2", "SUBSCRIBE to nothing", v3, "82 02 0001", 0x82},
	{"MQTT-4.7.3-1", "SUBSCRIBE to an empty filter", v3, "82 05 0001 0000 00", 0x81},
	{"MQTT-4.7.3-1", "UNSUBSCRIBE from an empty filter", v5, "A2 05 0001 00 0000", 0x81},
	{"MQTT-3.8.3-5", "reserved option", v3, "82 08 0001 0003 'a/b' 04", 0x81},
	{"MQTT-3.8.3-5", "reserved option", v5, "82 09 0001 00 0003 'a/b' 40", 0x81},
	{"", "subscription of QoS 3", v3, "82 08 0001 0003 'a/b' 03", 0x82},
	{"", "retain handling 3", v5, "82 09 0001 00 0003 'a/b' 30", 0x82},
	{"MQTT-3.8.3-4", "No Local and shared", v5, "82 11 0001 00 000B '$share/g/ab' 04", 0x82},
	{"", "SUBSCRIBE that ends behind its filter", v5, "82 08 0001 00 0003 'a/b'", 0x81},
	{"", "two subscription identifiers", v5, "82 0D 0001 04 0B01 0B02 0003 'a/b' 00", 0x82},
	{"", "SUBACK", v3, "90 05 0001 00 01 80", 0},
	{"MQTT-3.9.3-2", "SUBACK with a code of MQTT 5", v3, "90 03 0001 87", 0x81},
	{"", "SUBACK", v5, "90 06 0001 00 02 87 9E", 0},
	{"MQTT-3.10.3-2", "UNSUBSCRIBE from nothing", v5, "A2 03 0001 00", 0x82},
	{"", "UNSUBSCRIBE", v3, "A2 07 0001 0003 'a/b'", 0},
	{"", "UNSUBACK", v3, "B0 02 0001", 0},
	{"", "UNSUBACK", v5, "B0 05 0001 00 00 11", 0},

	{"MQTT-3.2.2-1", "CONNACK", v3, "2002 01 00", 0},
	{"MQTT-3.2.2-1", "CONNACK with a reserved flag", v3, "2002 02 00", 0x81},
	{"MQTT-3.2.2-6", "CONNACK with a session and no success", v3, "2002 01 05", 0x82},
	{"", "CONNACK with a code that does not exist", v3, "2002 00 06", 0x81},
	{"", "CONNACK with properties", v5, "20 0D 00 00 0A 13 001E 21 0010 22 0004 '*'", 0x81},
	{"", "CONNACK with properties", v5, "20 0E 00 00 0B 13 001E 21 0010 22 0004 2A00", 0},

	{"MQTT-3.14.1-1", "DISCONNECT", v3, "E000", 0},
	{"MQTT-3.14.1-1", "DISCONNECT with a flag", v3, "E100", 0x81},
	{"", "DISCONNECT with a body", v3, "E001 00", 0x81},
	{"", "DISCONNECT with will", v5, "E001 04", 0},
	{"", "DISCONNECT with an expiry", v5, "E007 04 05 11 00000078", 0},
	{"MQTT-3.14.2-1", "DISCONNECT with a code of CONNACK", v5, "E001 86", 0x81},
	{"", "AUTH", v5, "F008 18 06 15 0003 'abc'", 0},
	{"", "AUTH with data and no method", v5, "F007 18 05 16 0002 'ab'", 0x82},
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.clause+" "+v.name, func(t *testing.T) {
			in := unhex(t, v.hex)
			p, err := packet.Decode(v.version, in)
			if v.code != 0 {
				wantError(t, err, v.code)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if out := p.Append([]byte("x"), v.version); !bytes.Equal(out[1:], in) {
				t.Errorf("encoded again it is\n%x, not\n%x", out[1:], in)
			}
		})
	}
}

// connects are CONNECT packets.
var connects = []vector{
	{"MQTT-3.1.2-1", "the least", v3, "10 0C 0004 'MQTT' 04 02 003C 0000", 0},
	{"", "everything", v3, "10 1F 0004 'MQTT' 04 F6 003C 0001 'c' 0003 'w/t' 0002 'hi' 0001 'u' 0004 00010203", 0},
	{"", "everything", v5, "10 36 0004 'MQTT' 05 F6 003C 08 11 00000E10 21 0020 0001 'c' 0B 0101 03 0001 't' 18 0000000A 0003 'w/t' 0002 'hi' 0001 'u' 0006 'secret'", 0},
	{"", "a password and no user name", v5, "10 10 0004 'MQTT' 05 42 003C 00 0000 0001 'p'", 0},
	{"MQTT-3.1.2-22", "a password and no user name", v3, "10 0F 0004 'MQTT' 04 42 003C 0000 0001 'p'", 0x81},
	{"MQTT-3.1.2-1", "another protocol", v3, "10 0C 0004 'HTTP' 04 02 003C 0000", 0x84},
	{"MQTT-3.1.2-2", "MQTT 3.1", v3, "10 0E 0006 'MQIsdp' 03 02 003C 0000", 0x84},
	{"MQTT-3.1.2-2", "level 6", v5, "10 0D 0004 'MQTT' 06 02 003C 00 0000", 0x84},
	{"MQTT-3.1.2-3", "reserved flag", v3, "10 0C 0004 'MQTT' 04 03 003C 0000", 0x81},
	{"MQTT-3.1.2-11", "QoS of no will", v3, "10 0C 0004 'MQTT' 04 0A 003C 0000", 0x81},
	{"MQTT-3.1.2-13", "retain of no will", v3, "10 0C 0004 'MQTT' 04 22 003C 0000", 0x81},
	{"MQTT-3.1.2-12", "QoS 3 of a will", v5, "10 13 0004 'MQTT' 05 1E 003C 00 0000 00 0001 'w' 0000", 0x81},
	{"MQTT-3.3.2-2", "will to a wildcard", v3, "10 11 0004 'MQTT' 04 06 003C 0000 0001 '#' 0000", 0x82},
	{"", "receive maximum 0", v5, "10 10 0004 'MQTT' 05 02 003C 03 210000 0000", 0x82},
	{"", "maximum packet size 0", v5, "10 12 0004 'MQTT' 05 02 003C 05 2700000000 0000", 0x82},
	{"", "session expiry twice", v5, "10 17 0004 'MQTT' 05 02 003C 0A 1100000001 1100000001 0000", 0x82},
	{"", "topic alias", v5, "10 10 0004 'MQTT' 05 02 003C 03 230001 0000", 0x81},
	{"", "authentication data alone", v5, "10 11 0004 'MQTT' 05 02 003C 04 16 0001 00 0000", 0x82},
	{"", "problem information 2", v5, "10 0F 0004 'MQTT' 05 02 003C 02 1702 0000", 0x82},
	{"MQTT-3.1.3-4", "client identifier that is not UTF-8", v3, "10 0D 0004 'MQTT' 04 02 003C 0001 FF", 0x81},
	{"MQTT-3.1.3-11", "user name that is not UTF-8", v3, "10 0F 0004 'MQTT' 04 82 003C 0000 0001 80", 0x81},
	{"MQTT-3.1.3-1", "no client identifier", v3, "10 0A 0004 'MQTT' 04 02 003C", 0x81},
	{"", "a user name that is announced only", v3, "10 0C 0004 'MQTT' 04 82 003C 0000", 0x81},
	{"", "more than announced", v3, "10 0F 0004 'MQTT' 04 02 003C 0000 0001 'u'", 0x81},
}

func TestConnectVectors(t *testing.T) {
	for _, v := range connects {
		t.Run(v.clause+" "+v.name, func(t *testing.T) {
			in := unhex(t, v.hex)
			var p packet.Connect
			err := p.Decode(in[2:])
			if int(in[1]) != len(in)-2 {
				t.Fatalf("the vector itself is wrong: its length is %d", len(in)-2)
			}
			if v.code != 0 {
				wantError(t, err, v.code)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.Version != v.version {
				t.Errorf("version %d", p.Version)
			}
			if out := p.Append(nil); !bytes.Equal(out, in) {
				t.Errorf("encoded again it is\n%x, not\n%x", out, in)
			}
		})
	}
}

func TestOldVersionIsNamed(t *testing.T) {
	var p packet.Connect
	if err := p.Decode(unhex(t, "0006 'MQIsdp' 03 02 003C 0000")); !errors.Is(err, packet.ErrVersion) || p.Version != 3 {
		t.Errorf("version %d, %v", p.Version, err)
	}
}

func TestFilters(t *testing.T) {
	for filter, want := range map[string]bool{
		"a": true, "/": true, "#": true, "+": true, "a/+/b": true, "a/#": true, "+/#": true, "/+": true, "a//b": true, " ": true,
		"$SYS/#": true, "$share/g/a/+": true, "$share/g//": true,
		"": false, "a#": false, "a/#/b": false, "#/": false, "a+": false, "+a/b": false, "a/b#": false, "$share": false, "$share/": false,
		"$share/g": false, "$share/g/": false, "$share//a": false, "$share/+/a": false, "$share/g#/a": false, "$share/g/a#": false,
	} {
		if got := packet.ValidFilter(filter); got != want {
			t.Errorf("ValidFilter(%q) = %v", filter, got)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		filter, topic string
		want          bool
	}{
		{"a/b", "a/b", true},
		{"a/b", "a/b/c", false},
		{"a/b/c", "a/b", false},
		{"a/+", "a/b", true},
		{"a/+", "a/b/c", false},
		{"a/+", "a/", true},
		{"a/+", "a", false},
		{"a/#", "a", true},
		{"a/#", "a/b/c", true},
		{"a/+/#", "a", false},
		{"a/+/#", "a/b", true},
		{"+/+", "/b", true},
		{"#", "a/b", true},
		{"a/b/#", "a", false},
		{"A", "a", false},
		{"#", "$SYS/x", false},
		{"+/x", "$SYS/x", false},
		{"$SYS/#", "$SYS/x", true},
	} {
		if got := packet.Matches(tt.filter, tt.topic); got != tt.want {
			t.Errorf("Matches(%q, %q) = %v", tt.filter, tt.topic, got)
		}
	}
}

func TestHeaderComesInPieces(t *testing.T) {
	whole := []byte{0x30, 0x80, 0x80, 0x01}
	for n := range whole {
		if _, size, err := packet.ReadHeader(whole[:n]); size != 0 || err != nil {
			t.Errorf("%d bytes: %d, %v", n, size, err)
		}
	}
	h, size, err := packet.ReadHeader(append(whole, 9))
	if h.Length != 1<<14 || size != 4 || err != nil {
		t.Errorf("%+v, %d, %v", h, size, err)
	}
}

func wantError(t *testing.T, err error, code packet.Code) {
	t.Helper()
	e, ok := errors.AsType[*packet.Error](err)
	if !ok {
		t.Fatalf("got %v, want an error with 0x%x", err, code)
	}
	if e.Code != code || e.Error() == "" {
		t.Errorf("got 0x%x (%v), want 0x%x", e.Code, e, code)
	}
}

// unhex reads hexadecimal digits in which 'text' stands for itself.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	var out []byte
	for i, part := range strings.Split(s, "'") {
		if i%2 == 1 {
			out = append(out, part...)
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}
