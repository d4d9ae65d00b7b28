package ingest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/ingest"
)

// TestGoodPayloads shows what becomes of payloads that are accepted in full.
func TestGoodPayloads(t *testing.T) {
	tests := []struct{ name, payload, want string }{
		{"[TP-3.15] no time is the time of receipt", `{"temp":21.4}`, line("temp=21.4", receivedNanos)},
		{"[TP-3.15] null is no time", `{"ts":null,"temp":1}`, line("temp=1", receivedNanos)},
		{"fields are sorted", `{"temp":21.4,"flow":3}`, line("flow=3,temp=21.4", receivedNanos)},
		{"[TP-3.4] booleans are 1 and 0", `{"on":true,"count":false}`, line("count=0,on=1", receivedNanos)},
		{"[TP-3.4] null is absent", `{"temp":null,"flow":2}`, line("flow=2", receivedNanos)},
		{"[TP-3.6] minus zero", `{"flow":-0,"temp":-0.0}`, line("flow=0,temp=0", receivedNanos)},
		{"[TP-3.6] underflow", `{"count":1e-400}`, line("count=0", receivedNanos)},
		{"[TP-3.6] exponents", `{"count":1.5E+3,"temp":12e-1}`, line("count=1500,temp=1.2", receivedNanos)},
		{"[TP-3.6] beyond 2^53", `{"count":9007199254740993}`, line("count=9.007199254740992e+15", receivedNanos)},
		{"[TP-3.5] escapes in names", `{"te\u006dp":5,"\u0066low":1}`, line("flow=1,temp=5", receivedNanos)},
		{"white space", " \r\n\t{ \"temp\" : 1 ,\n\"flow\":2 }\n ", line("flow=2,temp=1", receivedNanos)},
		{"a list", `[{"temp":1,"ts":1772366400},{"temp":2,"ts":1772366401}]`, line("temp=1", receivedNanos) + line("temp=2", "1772366401000000000")},
		{"[TP-3.15] a list without times", `[{"temp":1},{"flow":2}]`, line("temp=1", receivedNanos) + line("flow=2", receivedNanos)},

		{"[TP-3.17] seconds", `{"ts":1772366399,"temp":1}`, line("temp=1", "1772366399000000000")},
		{"[TP-3.17] seconds with decimals", `{"ts":1772366399.25,"temp":1}`, line("temp=1", "1772366399250000000")},
		{"[TP-3.17] decimals are cut at the nanosecond", `{"ts":1772366399.1234567899,"temp":1}`, line("temp=1", "1772366399123456789")},
		{"[TP-3.17] milliseconds", `{"ts":1772366399123,"temp":1}`, line("temp=1", "1772366399123000000")},
		{"[TP-3.17] milliseconds with decimals", `{"ts":1772366399123.4567,"temp":1}`, line("temp=1", "1772366399123456700")},
		{"[TP-3.17] microseconds", `{"ts":1772366399123456,"temp":1}`, line("temp=1", "1772366399123456000")},
		{"[TP-3.17] nanoseconds", `{"ts":1772366399123456789,"temp":1}`, line("temp=1", "1772366399123456789")},
		{"[TP-3.17] exponent", `{"ts":1.772366399e9,"temp":1}`, line("temp=1", "1772366399000000000")},
		{"[TP-3.16] RFC 3339", `{"ts":"2026-03-01T09:30:00Z","temp":1}`, line("temp=1", "1772357400000000000")},
		{"[TP-3.16] with an offset and decimals", `{"ts":"2026-03-01T10:30:00.25+01:00","temp":1}`, line("temp=1", "1772357400250000000")},
		{"the time may come last", `{"temp":1,"ts":1772366399}`, line("temp=1", "1772366399000000000")},
		{"[TP-5.13] up to 5 minutes ahead", `{"ts":1772366700,"temp":1}`, line("temp=1", "1772366700000000000")},
		{"[TP-5.10] the bounds are in range", `[{"temp":-40},{"temp":120}]`, line("temp=-40", receivedNanos) + line("temp=120", receivedNanos)},

		{"[TP-3.10] a line", "telemetry temp=21.4,flow=3 1772366399000000000", line("flow=3,temp=21.4", "1772366399000000000")},
		{"[TP-3.10] lines, a comment, CR LF", "# hello\r\n\r\ntelemetry temp=1 1772366399000000000\r\n  telemetry temp=2\n", line("temp=1", "1772366399000000000") + line("temp=2", receivedNanos)},
		{"[TP-3.11] tags that fit", "telemetry,tenant=acme,device=d1,model=k2 temp=1", line("temp=1", receivedNanos)},
		{"[TP-3.12] types", "telemetry temp=-3i,count=7u,on=T,flow=1.5e1", line("count=7,flow=15,on=1,temp=-3", receivedNanos)},
		{"[TP-3.12] words for booleans", "telemetry on=FALSE,count=True", line("count=1,on=0", receivedNanos)},
		{"several spaces", "telemetry  temp=1   1772366399000000000 ", line("temp=1", "1772366399000000000")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := openDoor(t, ingest.Limits{})
			o := d.telemetry(t, test.payload)
			if o.Err != nil || o.Rejected != nil {
				t.Fatalf("outcome %+v", o)
			}
			if diff := cmp.Diff(test.want, d.log.text()); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if want := strings.Count(test.want, "\n"); o.Stored != want {
				t.Errorf("Stored = %d, want %d", o.Stored, want)
			}
		})
	}
}

// TestBadReadings shows the reason for each thing that can be wrong with one
// reading, as the only one of its message and beside a good one.
func TestBadReadings(t *testing.T) {
	nested := strings.Repeat("[", 31) + strings.Repeat("]", 31)
	tests := []struct {
		name    string
		reading string
		reason  ingest.Reason
		detail  string
	}{
		{"[TP-5.8] unknown metric", `{"temp":1,"pressure":2}`, ingest.UnknownMetric, `"pressure"`},
		{"[TP-5.8] even if null", `{"pressure":null,"temp":1}`, ingest.UnknownMetric, `"pressure"`},
		{"[TP-5.9] NaN", `{"temp":NaN}`, ingest.NotANumber, `"NaN"`},
		{"[TP-3.7] nan", `{"temp":nan}`, ingest.NotANumber, `"nan"`},
		{"[TP-3.7] -inf", `{"temp":-inf}`, ingest.NotANumber, `"-inf"`},
		{"[TP-3.7] +Infinity", `{"temp":+Infinity}`, ingest.NotANumber, `"+Infinity"`},
		{"[TP-3.7] as text", `{"temp":"NaN"}`, ingest.NotANumber, "NaN"},
		{"[TP-3.4] text", `{"temp":"21.4"}`, ingest.NotANumber, "21.4"},
		{"[TP-3.4] object", `{"temp":{"value":{"deep":[1,"x",{}]}}}`, ingest.NotANumber, "value"},
		{"[TP-3.4] list", `{"temp":[]}`, ingest.NotANumber, "[]"},
		{"[TP-3.4] nested as deep as may be", `{"temp":` + nested + `}`, ingest.NotANumber, "[["},
		{"[TP-3.6] overflow", `{"count":1e400}`, ingest.NotANumber, "1e400"},
		{"[TP-3.6] overflow below", `{"count":-1e99999999}`, ingest.NotANumber, "too large"},
		{"[TP-3.5] twice", `{"temp":1,"temp":1}`, ingest.BadPayload, "twice"},
		{"[TP-3.5] twice, once null", `{"temp":null,"temp":1}`, ingest.BadPayload, "twice"},
		{"[TP-3.5] twice by an escape", `{"temp":1,"tem\u0070":1}`, ingest.BadPayload, "twice"},
		{"[TP-3.5] two times", `{"ts":1772366399,"temp":1,"ts":null}`, ingest.BadPayload, "twice"},
		{"[TP-5.10] too low", `{"temp":-127}`, ingest.OutOfRange, "below -40 °C"},
		{"[TP-5.10] too high", `{"temp":120.5}`, ingest.OutOfRange, "above 120 °C"},
		{"[TP-3.8] empty", `{}`, ingest.NoFields, "no metric"},
		{"[TP-3.8] only a time", `{"ts":1772366399}`, ingest.NoFields, "no metric"},
		{"[TP-3.8] only nulls", `{"temp":null,"flow":null}`, ingest.NoFields, "no metric"},
		{"[TP-5.12] 1970", `{"ts":12,"temp":1}`, ingest.ClockPast, "1970"},
		{"[TP-5.12] 1970 in text", `{"ts":"1970-01-01T00:00:00Z","temp":1}`, ingest.ClockPast, "1970"},
		{"[TP-5.12] before 2015", `{"ts":1420070399,"temp":1}`, ingest.ClockPast, "2014"},
		{"[TP-5.12] more than ten years", `{"ts":"2016-01-01T00:00:00Z","temp":1}`, ingest.ClockPast, "2016"},
		{"[TP-5.12] negative", `{"ts":-5.5,"temp":1}`, ingest.ClockPast, "1969"},
		{"[TP-5.12] far below", `{"ts":-99999999999999999999,"temp":1}`, ingest.ClockPast, "clock"},
		{"[TP-5.12] year 1", `{"ts":"0001-01-01T00:00:00Z","temp":1}`, ingest.ClockPast, "clock"},
		{"[TP-5.13] more than 5 minutes ahead", `{"ts":1772366701,"temp":1}`, ingest.ClockFuture, "2026-03-01T12:05:01Z"},
		{"[TP-5.13] beyond every clock", `{"ts":99999999999999999999,"temp":1}`, ingest.ClockFuture, "clock"},
		{"[TP-5.13] seconds that ns cannot hold", `{"ts":99999999999,"temp":1}`, ingest.ClockFuture, "clock"},
		{"[TP-5.13] exponent", `{"ts":1e300,"temp":1}`, ingest.ClockFuture, "clock"},
		{"[TP-5.13] year 9999", `{"ts":"9999-12-31T23:59:59Z","temp":1}`, ingest.ClockFuture, "clock"},
		{"[TP-3.16] no zone", `{"ts":"2026-03-01T09:30:00","temp":1}`, ingest.BadPayload, "zone"},
		{"[TP-3.16] a space for the T", `{"ts":"2026-03-01 09:30:00Z","temp":1}`, ingest.BadPayload, "zone"},
		{"[TP-3.18] a number as text", `{"ts":"1772366399","temp":1}`, ingest.BadPayload, "RFC 3339"},
		{"[TP-3.18] a boolean", `{"ts":true,"temp":1}`, ingest.BadPayload, "RFC 3339"},
		{"[TP-3.18] NaN", `{"ts":NaN,"temp":1}`, ingest.BadPayload, "RFC 3339"},
		{"[TP-5.15] fields come before the time", `{"ts":12,"temp":999}`, ingest.OutOfRange, "above"},
		{"[TP-5.15] the first fault counts", `{"flow":-1,"temp":"x"}`, ingest.OutOfRange, "flow"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := openDoor(t, ingest.Limits{})
			o := d.telemetry(t, test.reading)
			if o.Err != nil || o.Rejected == nil || o.Rejected.Reason != test.reason {
				t.Fatalf("outcome %+v, rejected %v, want %s", o, o.Rejected, test.reason)
			}
			if !strings.Contains(o.Rejected.Detail, test.detail) {
				t.Errorf("detail %q does not say %q", o.Rejected.Detail, test.detail)
			}
			want := ingest.DeadLetter{
				Publisher: key("d1"), Topic: "fleet/acme/d1/telemetry", Reason: test.reason, Detail: o.Rejected.Detail,
				Payload: []byte(test.reading), Size: len(test.reading), Parts: 1, Received: received,
			}
			if diff := cmp.Diff([]ingest.DeadLetter{want}, d.log.dead); diff != "" {
				t.Errorf("alone: dead letters (-want +got):\n%s", diff)
			}
			if d.log.text() != "" {
				t.Errorf("alone: stored %q", d.log.text())
			}

			d = openDoor(t, ingest.Limits{})
			o = d.telemetry(t, `[{"temp":1}, `+test.reading+` ,{"temp":2,"ts":1772366399}]`)
			if o.Err != nil || o.Rejected != nil || o.Stored != 2 || o.DeadLetters != 1 {
				t.Fatalf("outcome %+v, want two stored and one dead letter", o)
			}
			if diff := cmp.Diff([]ingest.DeadLetter{want}, d.log.dead); diff != "" {
				t.Errorf("beside good ones: dead letters (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(line("temp=1", receivedNanos)+line("temp=2", "1772366399000000000"), d.log.text()); diff != "" {
				t.Errorf("beside good ones: lines (-want +got):\n%s", diff)
			}
		})
	}
}

// TestBrokenJSON is about payloads whose grammar is wrong: nothing of them can
// be taken, also not what came before the break. [TP-3.3]
func TestBrokenJSON(t *testing.T) {
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	tests := []struct{ payload, detail string }{
		{`{"temp":1`, "ends behind byte 9 where a comma or the closing } belongs"},
		{`[{"temp":1},`, "ends behind byte 12"},
		{`[{"temp":1}`, "a comma or the closing ]"},
		{`[{"temp":1}]]`, "at byte 13"},
		{`{"temp":1}{"temp":2}`, "nothing behind the end"},
		{`{"temp":1,}`, "a name in double quotes"},
		{`[{"temp":1},]`, "a value"},
		{`{temp:1}`, "at byte 2"},
		{`{'temp':1}`, "a name in double quotes"},
		{`{"temp" 1}`, "a colon"},
		{`{"temp":}`, "a value"},
		{`{"temp":01}`, "leading zero"},
		{`{"temp":-}`, "leading zero"},
		{`{"temp":+1}`, "a value"},
		{`{"temp":.5}`, "a value"},
		{`{"temp":1.}`, "behind the decimal point"},
		{`{"temp":1e}`, "exponent"},
		{`{"temp":0x10}`, "a comma"},
		{`{"temp":tru}`, "a value"},
		{`{"temp":nano}`, "a value"},
		{`{"temp":"x}`, "the end of a string"},
		{`{"temp":"\x"}`, "behind a backslash"},
		{`{"temp":"\u12g4"}`, "hexadecimal"},
		{"{\"temp\":\"a\nb\"}", "control character"},
		{`{"temp":` + deep + `}`, "32 deep"},
		{`{"temp":1,"` + "\xff" + `":2}`, "UTF-8"},
		{"{\"temp\":\"\xed\xa0\x80\"}", "UTF-8"},
		{"\xef\xbb\xbf{\"temp\":1}", "line protocol"},
		{"hello", "read as line protocol"},
		{`"temp"`, "read as line protocol"},
		{"\x00\x01\x02", "read as line protocol"},
		{"{\x00}", "a name in double quotes"},
		{"{", "ends behind byte 1"},
		{"[", "ends behind byte 1"},
	}
	for _, test := range tests {
		t.Run(test.payload[:min(len(test.payload), 24)], func(t *testing.T) {
			d := openDoor(t, ingest.Limits{})
			o := d.telemetry(t, test.payload)
			if o.Rejected == nil || o.Rejected.Reason != ingest.BadPayload {
				t.Fatalf("outcome %+v", o)
			}
			if !strings.Contains(o.Rejected.Detail, test.detail) {
				t.Errorf("detail %q does not say %q", o.Rejected.Detail, test.detail)
			}
			if len(d.log.dead) != 1 || string(d.log.dead[0].Payload) != test.payload || d.log.text() != "" {
				t.Errorf("dead letters %v, lines %q", d.log.dead, d.log.text())
			}
		})
	}
}

func TestBadLines(t *testing.T) {
	tests := []struct {
		name, line string
		reason     ingest.Reason
		detail     string
	}{
		{"[TP-3.11] other measurement", "weather temp=1", ingest.BadPayload, "measurement telemetry"},
		{"[TP-3.11] other tag", "telemetry,room=3 temp=1", ingest.BadPayload, `"room"`},
		{"[TP-3.11] foreign device", "telemetry,device=d2 temp=1", ingest.BadPayload, `"d1"`},
		{"[TP-3.11] foreign tenant", "telemetry,tenant=other temp=1", ingest.BadPayload, `"acme"`},
		{"[TP-3.14] escapes in a tag", `telemetry,ro\ om=x\,y temp=1`, ingest.BadPayload, `"ro om"`},
		{"[TP-3.14] escapes in a name", `telemetry te\=mp=1`, ingest.UnknownMetric, `"te=mp"`},
		{"[TP-3.14] other backslashes stay", `telemetry te\mp=1`, ingest.UnknownMetric, `"te\\mp"`},
		{"no fields", "telemetry", ingest.BadPayload, "a space before the fields"},
		{"no value", "telemetry temp=", ingest.BadPayload, "a number"},
		{"no name", "telemetry =1", ingest.BadPayload, "a field"},
		{"tag without value", "telemetry,device temp=1", ingest.BadPayload, "a tag"},
		{"trailing comma", "telemetry temp=1, 1772366399000000000", ingest.BadPayload, "a field"},
		{"[TP-3.13] time with decimals", "telemetry temp=1 1772366399.5", ingest.BadPayload, "nanoseconds"},
		{"[TP-3.12] hexadecimal", "telemetry temp=0x1F", ingest.BadPayload, "a number"},
		{"[TP-3.12] underscore", "telemetry temp=1_0", ingest.BadPayload, "a number"},
		{"[TP-3.12] text", `telemetry temp="warm, very"`, ingest.NotANumber, "temp"},
		{"[TP-3.12] NaN", "telemetry temp=NaN", ingest.NotANumber, "NaN"},
		{"[TP-3.12] overflow", "telemetry count=1e999", ingest.NotANumber, "1e999"},
		{"[TP-3.12] integer overflow", "telemetry count=99999999999999999999i", ingest.NotANumber, "99999"},
		{"[TP-3.12] twice", "telemetry temp=1,temp=2", ingest.BadPayload, "twice"},
		{"[TP-5.8] unknown", "telemetry pressure=1", ingest.UnknownMetric, "pressure"},
		{"[TP-5.12] seconds for nanoseconds", "telemetry temp=1 1772366399", ingest.ClockPast, "1970"},
		{"[TP-5.13] beyond an int64", "telemetry temp=1 99999999999999999999", ingest.ClockFuture, "clock"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := openDoor(t, ingest.Limits{})
			o := d.telemetry(t, "telemetry temp=1\n"+test.line+"\ntelemetry temp=2 1772366399000000000\n")
			if o.Err != nil || o.Rejected != nil || o.Stored != 2 || o.DeadLetters != 1 {
				t.Fatalf("outcome %+v, rejected %v, want two stored and one dead letter", o, o.Rejected)
			}
			got := d.log.dead[0]
			if got.Reason != test.reason || string(got.Payload) != test.line || !strings.Contains(got.Detail, test.detail) {
				t.Errorf("dead letter %s %q: %s", got.Reason, got.Payload, got.Detail)
			}
			if o := d.telemetry(t, test.line); o.Rejected == nil || o.Rejected.Reason != test.reason {
				t.Errorf("alone: %+v", o)
			}
		})
	}
}

// TestNoReading is about payloads without any reading. [TP-3.8]
func TestNoReading(t *testing.T) {
	for _, payload := range []string{"", " \n", "[]", "# only a comment"} {
		d := openDoor(t, ingest.Limits{})
		if o := d.telemetry(t, payload); o.Rejected == nil || o.Rejected.Reason != ingest.NoFields || o.DeadLetters != 1 {
			t.Errorf("%q: outcome %+v", payload, o)
		}
	}
}

// TestElementsThatAreNoObjects. [TP-3.9]
func TestElementsThatAreNoObjects(t *testing.T) {
	d := openDoor(t, ingest.Limits{})
	o := d.telemetry(t, `[1, {"temp":1}, "x", null, [2]]`)
	if o.Stored != 1 || o.DeadLetters != 4 || o.Rejected != nil {
		t.Fatalf("outcome %+v", o)
	}
	if len(d.log.dead) != 1 || string(d.log.dead[0].Payload) != `[1,"x",null,[2]]` || d.log.dead[0].Parts != 4 {
		t.Errorf("dead letters %+v", d.log.dead)
	}
}

// TestBadReadingsArePutTogether: by reason, up to 64 KiB, in a form that can be
// sent again. [TP-6.2] [TP-5.16]
func TestBadReadingsArePutTogether(t *testing.T) {
	d := openDoor(t, ingest.Limits{})
	o := d.telemetry(t, `[{"temp":999},{"x":1},{"temp":998}]`)
	if o.Rejected == nil || o.Rejected.Reason != ingest.OutOfRange || o.Stored != 0 || o.DeadLetters != 3 {
		t.Fatalf("outcome %+v", o)
	}
	got := map[string]int{}
	for _, l := range d.log.dead {
		got[string(l.Reason)+" "+string(l.Payload)] = l.Parts
	}
	want := map[string]int{`out_of_range [{"temp":999},{"temp":998}]`: 2, `unknown_metric {"x":1}`: 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[ingest.Reason]uint64{ingest.OutOfRange: 2, ingest.UnknownMetric: 1}, d.Counters().DeadLetters); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}

	d = openDoor(t, ingest.Limits{})
	bad := strings.TrimSuffix(strings.Repeat("telemetry temp=999,count=123456789\n", 5000), "\n")
	o = d.telemetry(t, bad)
	parts, lines := 0, 0
	for _, l := range d.log.dead {
		parts += l.Parts
		lines += strings.Count(string(l.Payload), "\n") + 1
		if len(l.Payload) > 64<<10 || l.Size != len(l.Payload) {
			t.Errorf("a dead letter of %d bytes, size %d", len(l.Payload), l.Size)
		}
	}
	if parts != 5000 || lines != 5000 || len(d.log.dead) > 4 || o.DeadLetters != 5000 {
		t.Errorf("%d dead letters of %d parts, %d lines", len(d.log.dead), parts, lines)
	}
}
