package formats_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/forecare/forecare/ingest/formats"
)

// pb appends protobuf fields: pairs of number and value, whose Go type says how
// it is encoded.
func pb(pairs ...any) []byte {
	var b []byte
	for i := 0; i < len(pairs); i += 2 {
		n := protowire.Number(pairs[i].(int))
		switch v := pairs[i+1].(type) {
		case uint64:
			b = protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), v)
		case int:
			b = protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), uint64(v))
		case bool:
			b = protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), protowire.EncodeBool(v))
		case float32:
			b = protowire.AppendFixed32(protowire.AppendTag(b, n, protowire.Fixed32Type), math.Float32bits(v))
		case float64:
			b = protowire.AppendFixed64(protowire.AppendTag(b, n, protowire.Fixed64Type), math.Float64bits(v))
		case string:
			b = protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), v)
		case []byte:
			b = protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), v)
		default:
			panic(fmt.Sprintf("%T", v))
		}
	}
	return b
}

const at = 1772366399000 // ms, 2026-03-01T11:59:59Z

// plant is a host with a decoder and its memory.
type plant struct {
	t     *testing.T
	d     *formats.Decoder
	state *formats.State
	now   time.Time
}

func newPlant(t *testing.T, o formats.Options) *plant {
	d := decoder(t, "sparkplug", o)
	return &plant{t, d, d.NewState(), received}
}

// send gives the host a message of type and sequence number with these metrics.
func (p *plant) send(topic string, seq int, metrics ...[]byte) formats.Decoded {
	p.t.Helper()
	pairs := []any{1, at, 3, seq}
	if seq < 0 {
		pairs = pairs[:2]
	}
	for _, m := range metrics {
		pairs = append(pairs, 2, m)
	}
	return p.raw(topic, pb(pairs...))
}

func (p *plant) raw(topic string, payload []byte) formats.Decoded {
	p.t.Helper()
	got := p.d.Decode(formats.Input{Topic: "spBv1.0/" + topic, Payload: payload, Received: p.now}, p.state)
	sane(p.t, got)
	return got
}

var bdSeq7 = pb(1, "bdSeq", 4, 8, 11, 7)

func (p *plant) births() {
	p.t.Helper()
	want(p.t, p.send("g/NBIRTH/e", 0, bdSeq7, pb(1, "Node Control/Rebirth", 4, 11, 14, false), pb(1, "Load", 2, 1, 4, 10, 13, 0.5),
		pb(1, "Properties/Hardware Make", 4, 12, 15, "Acme"), pb(1, "Properties/FW", 4, 12, 15, "1.2"), pb(1, "Properties/OS", 4, 12, 15, "RT")), `
		e: Load = 0.5 @ 2026-03-01T11:59:59Z
		hint e name="e" maker="Acme" model="" fw="1.2" serial="" via="" gone=false
		has Load > Load unit="" type="Double" class="" every=0s
		fact OS=RT
		fact group=g
		event e online id=""
		skipped bdSeq not_measurement: It is for control.
		skipped Node Control/Rebirth not_measurement: It is for control.
		skipped Properties/Hardware Make not_measurement: It is a fact about the device.
		skipped Properties/FW not_measurement: It is a fact about the device.
		skipped Properties/OS not_measurement: It is a fact about the device.`)
	unit := pb(1, "engUnit", 2, pb(1, 12, 8, "Cel"))
	want(p.t, p.send("g/DBIRTH/e/d", 1, pb(1, "Temp/In", 2, 2, 4, 9, 12, float32(21.5), 9, unit), pb(1, "n", 2, 3, 4, 1, 10, 5)), `
		e.d: Temp/In > Temp_In = 21.5 Cel @ 2026-03-01T11:59:59Z
		e.d: n = 5 @ 2026-03-01T11:59:59Z
		hint e.d name="d" maker="" model="" fw="" serial="" via="e" gone=false
		has Temp/In > Temp_In unit="Cel" type="Float" class="" every=0s
		has n > n unit="" type="Int8" class="" every=0s
		event e.d online id=""`)
}

// [FM-6.3] The life of a node as the standard's chapter 5 tells it.
func TestSparkplugLife(t *testing.T) {
	p := newPlant(t, formats.Options{})
	p.births()
	want(t, p.send("g/DDATA/e/d", 2, pb(2, 2, 12, float32(22)), pb(2, 3, 10, 0xff, 3, at+1000)), `
		e.d: Temp/In > Temp_In = 22 Cel @ 2026-03-01T11:59:59Z
		e.d: n = -1 @ 2026-03-01T12:00:00Z`)
	want(t, p.send("g/NDATA/e", 3, pb(2, 1, 13, 0.75, 5, true)), `e: Load = 0.75 @ 2026-03-01T11:59:59Z historical`)
	want(t, p.send("g/DDATA/e/d", 4, pb(2, 3, 7, true)), `e.d: n = null @ 2026-03-01T11:59:59Z`)
	want(t, p.send("g/NDEATH/e", -1, pb(1, "bdSeq", 4, 8, 11, 6)), `skipped stale: It is the last will of session 6, but session 7 is alive.`)
	want(t, p.send("g/DDATA/e/d", 5, pb(2, 3, 10, 1)), `e.d: n = 1 @ 2026-03-01T11:59:59Z`)
	want(t, p.send("g/DDEATH/e/d", 6), `event e.d offline id=""`)
	want(t, p.send("g/DDATA/e/d", 7, pb(2, 3, 10, 1)), `
		request spBv1.0/g/NCMD/e 42 bytes: data came, but no birth of the device is known
		refused alias 3 unknown_metric: No birth has said what the alias 3 means. The edge node has been asked for a rebirth.`)
	p.now = p.now.Add(time.Minute)
	want(t, p.send("g/DBIRTH/e/d", 8, pb(1, "n", 2, 3, 4, 1, 10, 5)), `
		e.d: n = 5 @ 2026-03-01T11:59:59Z
		hint e.d name="d" maker="" model="" fw="" serial="" via="e" gone=false
		has n > n unit="" type="Int8" class="" every=0s
		event e.d online id=""`)
	if got := p.send("g/NDEATH/e", -1, bdSeq7); len(got.Events) != 2 || !got.Events[1].Time.Equal(p.now) {
		t.Errorf("a death is told as %s, at the moment of receipt", show(got))
	} else {
		want(t, got, `event e offline id=""
			event e.d offline id=""`)
	}
	want(t, p.send("g/NDATA/e", 9, pb(2, 1, 13, 0.5)), `
		request spBv1.0/g/NCMD/e 42 bytes: data came, but no birth of the edge node is known
		refused alias 1 unknown_metric: No birth has said what the alias 1 means. The edge node has been asked for a rebirth.`)
	p.births()
}

// [FM-6.6] A gap in the sequence asks for a rebirth, once in ten seconds; nothing
// is lost by it.
func TestSparkplugSequence(t *testing.T) {
	p := newPlant(t, formats.Options{})
	p.births()
	load := pb(2, 1, 13, 0.5)
	stored := "e: Load = 0.5 @ 2026-03-01T11:59:59Z"
	asked := "\nrequest spBv1.0/g/NCMD/e 42 bytes: messages of the edge node are missing"
	want(t, p.send("g/NDATA/e", 2, load), stored)
	want(t, p.send("g/NDATA/e", 5, load), stored+asked)
	want(t, p.send("g/NDATA/e", 3, load), stored) // late
	want(t, p.send("g/NDATA/e", 6, load), stored)
	want(t, p.send("g/NDATA/e", 9, load), stored) // has just been asked
	p.now = p.now.Add(11 * time.Second)
	want(t, p.send("g/NDATA/e", 20, load), stored+asked)
	for seq := 21; seq < 600; seq++ { // round and round
		want(t, p.send("g/NDATA/e", seq%256, load), stored)
	}
	want(t, p.send("g/NDATA/e", 256, load), "rejected bad_payload: The sequence number is 256; it counts from 0 to 255.")
	want(t, p.send("g/NDATA/e", -1, load), stored)
}

func TestSparkplugRebirthCommand(t *testing.T) {
	p := newPlant(t, formats.Options{})
	got := p.send("g/NDATA/e", 0, pb(1, "x", 4, 9, 12, float32(1)))
	want(t, got, `e: x = 1 @ 2026-03-01T11:59:59Z
		request spBv1.0/g/NCMD/e 42 bytes: data came, but no birth of the edge node is known`)
	now := received.UnixMilli()
	expect := pb(1, int(now), 2, pb(1, "Node Control/Rebirth", 3, int(now), 4, 11, 14, true))
	if !bytes.Equal(got.Requests[0].Payload, expect) {
		t.Errorf("%x, want %x", got.Requests[0].Payload, expect)
	}
}

// [FM-6.5] What encoders do, and what it means.
func TestSparkplugValues(t *testing.T) {
	packed := func(width int, values ...uint64) []byte {
		var b []byte
		for _, v := range values {
			for i := range width {
				b = append(b, byte(v>>(8*i)))
			}
		}
		return b
	}
	for _, c := range []struct {
		name   string
		metric []byte
		want   string
	}{
		{"Int8 in two's complement of 8 bits", pb(4, 1, 10, 0xfe), "= -2"},
		{"Int8 sign-extended to 32 bits", pb(4, 1, 10, uint64(0xfffffffe)), "= -2"},
		{"Int8 sign-extended to 64 bits", pb(4, 1, 10, uint64(math.MaxUint64-1)), "= -2"},
		{"Int16 of 16 bits", pb(4, 2, 10, 0xfffe), "= -2"},
		{"Int32 of 32 bits", pb(4, 3, 10, uint64(0xfffffffe)), "= -2"},
		{"Int32 in the long field", pb(4, 3, 11, uint64(math.MaxUint64-1)), "= -2"},
		{"Int64", pb(4, 4, 11, uint64(math.MaxUint64-1)), "= -2"},
		{"UInt8", pb(4, 5, 10, 254), "= 254"},
		{"UInt8 of a signed encoder", pb(4, 5, 10, uint64(math.MaxUint64-1)), "= 254"},
		{"UInt16", pb(4, 6, 10, 65534), "= 65534"},
		{"UInt32 in the int field", pb(4, 7, 10, uint64(0xfffffffe)), "= 4.294967294e+09"},
		{"UInt32 in the long field", pb(4, 7, 11, uint64(0xfffffffe)), "= 4.294967294e+09"},
		{"UInt64", pb(4, 8, 11, uint64(1<<53)), "= 9.007199254740992e+15"},
		{"Float", pb(4, 9, 12, float32(0.5)), "= 0.5"},
		{"Float in the double field", pb(4, 9, 13, 0.5), "= 0.5"},
		{"Double", pb(4, 10, 13, -0.5), "= -0.5"},
		{"Double of a whole number", pb(4, 10, 11, uint64(math.MaxUint64)), "= -1"},
		{"Boolean", pb(4, 11, 14, true), "= true"},
		{"Boolean in the int field", pb(4, 11, 10, 1), "= true"},
		{"String", pb(4, 12, 15, "a\xff"), `= "a\ufffd"`},
		{"DateTime", pb(4, 13, 11, at), `= "2026-03-01T11:59:59Z"`},
		{"Text", pb(4, 14, 15, "x"), `= "x"`},
		{"UUID", pb(4, 15, 15, "x"), `= "x"`},
		{"Bytes", pb(4, 17, 16, "abc"), "= 3 bytes"},
		{"File", pb(4, 18, 16, "abc"), "= 3 bytes"},
		{"no datatype", pb(12, float32(1)), "= 1"},
		{"null", pb(4, 9, 7, true), "= null"},
		{"the last of several values", pb(4, 10, 13, 1.0, 13, 2.0), "= 2"},
		{"an unknown field", pb(4, 10, 13, 1.0, 99, "x", 98, 1.0, 97, float32(1)), "= 1"},
		{"good", pb(4, 10, 13, 1.0, 9, pb(1, "Quality", 2, pb(1, 3, 3, 192))), "= 1"},
		{"bad", pb(4, 10, 13, 1.0, 9, pb(1, "Quality", 2, pb(1, 3, 3, 0))), "not_measurement: The device marks its quality as 0, where 192 is good."},
		{"stale", pb(4, 10, 13, 1.0, 9, pb(1, "Quality", 2, pb(1, 3, 3, 500))), "not_measurement: The device marks it stale."},
		{"transient", pb(4, 10, 13, 1.0, 6, true), "not_measurement: The device marks it transient, not to be stored."},
		{"NaN", pb(4, 10, 13, math.NaN()), "not_a_number: The value is NaN."},
		{"DataSet", pb(4, 16, 17, pb(1, 1)), "unsupported: A value of the datatype DataSet is not read; only numbers, booleans, texts, bytes and lists of them are."},
		{"Template", pb(4, 19, 18, pb(1, "v")), "unsupported: A value of the datatype Template is not read"},
		{"a datatype of tomorrow", pb(4, 77, 10, 1), "unsupported: A value of the datatype 77 is not read"},
		{"no value", pb(4, 9), "bad_payload: The metric has no value and does not say that it is null."},
		{"text for a number", pb(4, 9, 15, "x"), "bad_payload: The value is in field 15, which cannot hold the datatype Float."},
		{"Int8Array", pb(4, 22, 16, packed(1, 1, 0xff)), "m[0] > m_0 = 1\nm[1] > m_1 = -1"},
		{"Int16Array", pb(4, 23, 16, packed(2, 0xfffe)), "m[0] > m_0 = -2"},
		{"UInt32Array", pb(4, 28, 16, packed(4, 1<<31)), "m[0] > m_0 = 2.147483648e+09"},
		{"Int64Array", pb(4, 25, 16, packed(8, math.MaxUint64)), "m[0] > m_0 = -1"},
		{"FloatArray", pb(4, 30, 16, packed(4, uint64(math.Float32bits(1.5)))), "m[0] > m_0 = 1.5"},
		{"DoubleArray", pb(4, 31, 16, packed(8, math.Float64bits(-1.5))), "m[0] > m_0 = -1.5"},
		{"BooleanArray", pb(4, 32, 16, append(packed(4, 10), 0b01000000, 0b01000000)), "m[1] > m_1 = true"},
		{"StringArray", pb(4, 33, 16, "ab\x00\x00"), `m[0] > m_0 = "ab"`},
		{"DateTimeArray", pb(4, 34, 16, packed(8, at)), `m[0] > m_0 = "2026-03-01T11:59:59Z"`},
		{"half an element", pb(4, 23, 16, "abc"), "bad_payload: The 3 bytes of the value are no whole number of elements of 2."},
		{"a lying count", pb(4, 32, 16, packed(4, 1e9)), "bad_payload: The list says that it holds 1000000000 booleans, but has 0 bytes."},
		{"a list without a count", pb(4, 32, 16, "a"), "bad_payload: A list of booleans begins with their count in 4 bytes, but has 1."},
		{"texts without an end", pb(4, 33, 16, "ab"), "bad_payload: The last text of the list does not end in a zero byte."},
	} {
		got := show(newPlant(t, formats.Options{}).send("g/NBIRTH/e", 0, bdSeq7, append(pb(1, "m"), c.metric...)))
		got = strings.ReplaceAll(strings.ReplaceAll(got, " @ 2026-03-01T11:59:59Z", ""), "e: ", "")
		if !strings.Contains(got+"\n", c.want) {
			t.Errorf("%s: got\n%s\nwant %s", c.name, got, c.want)
		}
	}
}

// The example of the standard's chapter on payloads, assembled byte by byte.
func TestSparkplugGoldenVector(t *testing.T) {
	b, err := hex.DecodeString("08eaf2f5a8a02b121c0a094d79204d6574726963100118a2828395862b200c7a04546573741802")
	if err != nil {
		t.Fatal(err)
	}
	got := newPlant(t, formats.Options{Device: "{device}"}).raw("g/DDATA/e/d", b)
	want(t, got, `d: My Metric > My_Metric = "Test" @ 2016-11-14T11:37:32.194Z
		request spBv1.0/g/NCMD/e 42 bytes: data came, but no birth of the edge node is known`)
}

func TestSparkplugCompressed(t *testing.T) {
	inner := pb(1, at, 3, 0, 2, bdSeq7, 2, pb(1, "m", 4, 10, 13, 1.0))
	pack := func(inner []byte) []byte {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		if _, err := w.Write(inner); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return pb(4, "SPBV1.0_COMPRESSED", 5, z.Bytes(), 2, pb(1, "algorithm", 4, 12, 15, "GZIP"))
	}
	if got := show(newPlant(t, formats.Options{}).raw("g/NBIRTH/e", pack(inner))); !strings.Contains(got, "e: m = 1 @ 2026-03-01T11:59:59Z") {
		t.Error(got)
	}
	want(t, newPlant(t, formats.Options{}).raw("g/NBIRTH/e", pack(pack(inner))), "rejected bad_payload: The payload is compressed twice.")
	want(t, newPlant(t, formats.Options{}).raw("g/NBIRTH/e", pack(make([]byte, 2<<20))), "rejected too_large: The payload becomes longer than 1048576 bytes when its gzip is undone.")
}

func TestSparkplugSaysWhatIsWrong(t *testing.T) {
	p := newPlant(t, formats.Options{})
	for topic, expect := range map[string]string{
		"g/NBIRTH":     "rejected bad_topic: A topic of the type NBIRTH has 4 levels, but this one 3.",
		"g/NBIRTH/e/d": "rejected bad_topic: A topic of the type NBIRTH has 4 levels, but this one 5.",
		"g/DDATA/e":    "rejected bad_topic: A topic of the type DDATA has 5 levels, but this one 4.",
		"g/XDATA/e":    `rejected bad_topic: The topic has the type "XDATA", which Sparkplug does not know.`,
		"g/NDATA/":     `rejected bad_topic: The topic "spBv1.0/g/NDATA/" has a level that is empty or longer than 256 bytes.`,
		"g/NCMD/e":     "skipped not_measurement: It is a command, which goes to the edge node.",
		"STATE/scada":  "skipped not_measurement: It is the state of a host application.",
		"x":            `rejected bad_topic: The topic is "spBv1.0/x". Sparkplug's are spBv1.0/group/type/edge node and, for a device, one level more.`,
	} {
		want(t, p.send(topic, 0), expect)
	}
	want(t, p.raw("g/NDATA/e", []byte{0x12, 0x02, 0x0a}), "rejected bad_payload: The payload is no protobuf from byte 1 on.")
	want(t, p.raw("g/NDATA/e", []byte{0x08, 0x01, 0x12, 0x01, 0x0a}), "rejected bad_payload: Metric 1 of the payload is no protobuf from its byte 1 on.")
	got := show(p.send("g/NBIRTH/e", 0, pb(4, 9, 12, float32(1)), pb(1, "a", 2, 5, 4, 9, 12, float32(1)), pb(1, "b", 2, 5, 4, 9, 12, float32(1))))
	for _, part := range []string{
		"refused bdSeq bad_payload: The birth has no metric bdSeq", "refused bad_payload: Metric 1 of the birth has no name.",
		`refused b bad_payload: The alias 5 already means "a" of this edge node.`,
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%s\nlacks %s", got, part)
		}
	}
	want(t, p.send("g/DBIRTH/e/d", 1), `hint e.d name="d" maker="" model="" fw="" serial="" via="e" gone=false
		event e.d online id=""`)
	want(t, p.send("g/DDATA/e/d", 2, pb(2, 5, 12, float32(1)), pb(12, float32(1))), `
		refused alias 5 bad_payload: The alias 5 means "a" of another part of the edge node.
		refused alias 0 bad_payload: The metric has neither a name nor an alias.`)
	for _, pattern := range []string{"x", "{device}{y}", "{dev"} {
		if _, err := formats.NewDecoder("sparkplug", formats.Options{Device: pattern}, formats.Limits{}); err == nil {
			t.Errorf("the pattern %s is taken", pattern)
		}
	}
}

// [FM-1.7]
func TestSparkplugRemembersNoMoreThanItMay(t *testing.T) {
	d, err := formats.NewDecoder("sparkplug", formats.Options{}, formats.Limits{Devices: 2, Channels: 3})
	if err != nil {
		t.Fatal(err)
	}
	p := &plant{t, d, d.NewState(), received}
	m := func(n string, alias int) []byte { return pb(1, n, 2, alias, 4, 9, 12, float32(1)) }
	for range 3 { // a rebirth takes no more room
		if got := p.send("g/NBIRTH/a", 0, bdSeq7, m("x", 1), m("y", 2)); len(got.Samples) != 2 || len(got.Refused) != 0 {
			t.Fatal(show(got))
		}
	}
	if got := show(p.send("g/NBIRTH/b", 0, bdSeq7, m("x", 1))); !strings.Contains(got, "There are more than 3 metrics of edge nodes to remember.") {
		t.Error(got)
	}
	want(t, p.send("g/NBIRTH/c", 0, bdSeq7), "rejected too_large: There are more than 2 edge nodes online to remember.")
	p.send("g/NDEATH/a", -1, bdSeq7)
	if got := p.send("g/NBIRTH/c", 0, bdSeq7, m("x", 1)); got.Rejected != nil || len(got.Refused) != 0 {
		t.Error(show(got))
	}
}

// FuzzSparkplug gives a host a birth and then any two messages.
func FuzzSparkplug(f *testing.F) {
	f.Add("NBIRTH", pb(1, at, 3, 0, 2, bdSeq7, 2, pb(1, "m", 2, 1, 4, 22, 16, "abc")), "NDATA", pb(3, 1, 2, pb(2, 1, 16, "x")))
	f.Add("NDEATH", pb(2, bdSeq7), "NBIRTH", pb(4, "SPBV1.0_COMPRESSED", 5, "x"))
	f.Add("NDATA", []byte{0x12, 0xff, 0xff, 0xff, 0xff, 0x0f}, "x", []byte{0x0b, 0x0b, 0x0b})
	f.Fuzz(func(t *testing.T, kind1 string, one []byte, kind2 string, two []byte) {
		p := newPlant(t, formats.Options{})
		p.send("g/NBIRTH/e", 0, bdSeq7, pb(1, "m", 2, 1, 4, 9, 12, float32(1)))
		for i, kind := range []string{kind1, kind2} {
			topic, payload := "g/"+kind+"/e", [][]byte{one, two}[i]
			before := bytes.Clone(payload)
			p.raw(topic, payload)
			p.raw(topic+"/d", payload)
			if !bytes.Equal(before, payload) {
				t.Fatal("the payload was changed")
			}
		}
	})
}
