package formats_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/forecare/forecare/ingest/formats"
)

func ptr(v float64) *float64 { return &v }

func TestMapping(t *testing.T) {
	for _, c := range []struct {
		name, clause, payload, want string
		options                     formats.Options
	}{
		{
			name: "nested things become names", clause: "FM-4.1",
			payload: `{"boiler":{"temp":21.5,"on":true},"flow":[3,4.5],"a.b":1,"note":"warm","gone":null,"e":{},"f":[]}`,
			want: `boiler.temp > boiler_temp = 21.5 @ receipt
				boiler.on > boiler_on = true @ receipt
				flow[0] > flow_0 = 3 @ receipt
				flow[1] > flow_1 = 4.5 @ receipt
				["a.b"] > a_b = 1 @ receipt
				note = "warm" @ receipt`,
		},
		{
			name: "a list of objects is a reading for each", clause: "FM-4.3",
			payload: `[{"ts":1772366399,"temp":1},{"ts":"2026-03-01T12:59:59+01:00","temp":2},{"temp":3}]`,
			want: `temp = 1 @ 2026-03-01T11:59:59Z
				refused temp bad_payload: The metric temp comes twice at the instant 2026-03-01T11:59:59Z. Give each value a name of its own by fields in the rule.
				temp = 3 @ receipt`,
		},
		{
			name: "any other list is one reading", clause: "FM-4.3", payload: `[1,[2]]`,
			want: "[0] > m_0 = 1 @ receipt\n[1][0] > m_1_0 = 2 @ receipt",
		},
		{
			name: "fields name, scale and shift", clause: "FM-1.8",
			payload: `{"s":[{"t":215,"u":"x"},{"t":3}],"door":"open","txt":"12.5","other":1,"f":212}`,
			options: formats.Options{Fields: []formats.Field{
				{Path: "s[*].t", Metric: "temp_{1}", Scale: ptr(0.1), Unit: "Cel"},
				{Path: "door", Metric: "door", Values: map[string]float64{"open": 1, "closed": 0}},
				{Path: "txt", Metric: "level", ParseText: true},
				{Path: "f", Metric: "f", Scale: ptr(0.5), Offset: -6},
			}},
			want: `s[0].t > temp_0 = 21.5 Cel @ receipt
				s[1].t > temp_1 = 0.30000000000000004 Cel @ receipt
				door = 1 @ receipt
				txt > level = 12.5 @ receipt
				f = 100 @ receipt
				2 unlisted`,
		},
		{
			name: "each and the time outside", clause: "FM-4.4",
			payload: `{"at":1772366399000,"site":"Hall 3","rows":[{"id":"a b","t":1},{"id":7,"t":2},{"t":3}],"x":1}`,
			options: formats.Options{Each: "rows[*]", Time: "$.at", TimeUnit: "ms", Device: "id"},
			want: `a-b: t = 1 @ 2026-03-01T11:59:59Z
				7: t = 2 @ 2026-03-01T11:59:59Z
				refused rows[2] bad_payload: There is no device's name of up to 254 bytes at id.`,
		},
		{
			name: "name and value", clause: "FM-4.5",
			payload: `[{"key":"temp in","val":1.5},{"key":"flow","val":null},{"val":1},5]`,
			options: formats.Options{Name: "key", Value: "val"},
			want: `temp in > temp_in = 1.5 @ receipt
				refused [2] bad_payload: There is no text at key, where the name of the value belongs.
				refused [3] bad_payload: There is "5" where an object belongs.`,
		},
		{
			name: "names of members as devices' parts", clause: "FM-4.2",
			payload: `{"nodes":{"n1":{"t":1},"n2":{"t":2}}}`,
			options: formats.Options{Fields: []formats.Field{{Path: "nodes.*.t", Metric: "t_{1}"}}},
			want:    "nodes.n1.t > t_n1 = 1 @ receipt\nnodes.n2.t > t_n2 = 2 @ receipt",
		},
		{
			name: "a local time", clause: "FM-1.9", payload: `{"when":"2026-10-25 02:30:00","t":1}`,
			options: formats.Options{Time: "when", Zone: "Europe/Berlin"},
			want:    "t = 1 @ 2026-10-25T00:30:00Z",
		},
		{
			name: "a local time without a zone", clause: "FM-1.9", payload: `{"ts":"2026-10-25 02:30:00","t":1}`,
			want: `refused bad_payload: The time is "\"2026-10-25 02:30:00\"". Send RFC 3339 with a zone, as "2026-03-01T09:30:00Z", or a number since 1970. Times without a zone need the option zone.`,
		},
		{
			name: "what is no number", clause: "FM-1.5", payload: `{"a":NaN,"b":-inf,"c":1e400,"d":-0,"e":1e-400}`,
			want: `d = 0 @ receipt
				e = 0 @ receipt
				refused a not_a_number: The value is "NaN", which is no number.
				refused b not_a_number: The value is "-inf", which is no number.
				refused c not_a_number: The value is "1e400", which is too large for a float64.`,
		},
		{name: "only a number", clause: "FM-4.3", payload: ` 21.5 `, want: `refused $ bad_payload: No metric's name of 1 to 64 letters, digits and underscores can be made of "$". Give it one by a field in the rule.`},
		{
			name: "only a number with a name", clause: "FM-4.3", payload: ` 21.5 `, want: `$ > temp = 21.5 @ receipt`,
			options: formats.Options{Fields: []formats.Field{{Path: "$", Metric: "temp"}}},
		},
		{name: "nothing", clause: "FM-4.6", payload: `{}`, want: `rejected no_fields: There is no value in the message.`},
		{name: "twice", clause: "FM-1.5", payload: `{"a":1,"\u0061":2}`, want: `rejected bad_payload: The name "a" comes twice in one object. Leave one of them out.`},
		{name: "no JSON", clause: "FM-1.5", payload: `{"a":01}`, want: `rejected bad_payload: The JSON is broken at byte 8, "}", where a number without a leading zero or plus belongs.`},
		{name: "behind the end", clause: "FM-1.5", payload: `{"a":1} x`, want: `rejected bad_payload: The JSON is broken at byte 9, "x", where nothing behind the end of the JSON belongs.`},
		{name: "cut", clause: "FM-1.5", payload: `{"a":[1,`, want: `rejected bad_payload: The JSON ends behind byte 8 where a value belongs.`},
		{name: "empty", clause: "FM-1.5", payload: ``, want: `rejected bad_payload: The JSON ends behind byte 0 where a value belongs.`},
		{name: "a zero byte", clause: "FM-1.5", payload: "1\x00", want: `rejected bad_payload: The JSON is broken at byte 2, "\x00", where nothing behind the end of the JSON belongs.`},
		{name: "too deep", clause: "FM-1.7", payload: strings.Repeat("[", 40), want: `rejected bad_payload: The JSON is nested more than 32 deep at byte 33.`},
		{name: "each leads nowhere", clause: "FM-4.3", payload: `{"a":1}`, options: formats.Options{Each: "b[*]"}, want: `rejected no_fields: There is nothing at b[*].`},
	} {
		t.Run(c.clause+" "+c.name, func(t *testing.T) {
			got := decode(t, "json", c.options, "any", c.payload)
			sane(t, got)
			a, b := trimmed(c.want), trimmed(show(got))
			if len(a) != len(b) {
				t.Errorf("%d things, want %d", len(b), len(a))
			}
			want(t, got, strings.Join(ordered(a), "\n"))
		})
	}
}

// ordered puts refusals behind samples, as show does.
func ordered(lines []string) []string {
	var first, last []string
	for _, l := range lines {
		if strings.HasPrefix(l, "refused") || strings.HasSuffix(l, "unlisted") {
			last = append(last, l)
		} else {
			first = append(first, l)
		}
	}
	return append(first, last...)
}

func TestWrongOptionsAreRefusedInWords(t *testing.T) {
	field := func(f formats.Field) formats.Options { return formats.Options{Fields: []formats.Field{f}} }
	for _, c := range []struct {
		format string
		o      formats.Options
		want   string
	}{
		{"xml", formats.Options{}, `there is no format "xml"`},
		{"json", formats.Options{Base: "x"}, "the format json has no option base; it takes fields, others, each,"},
		{"json", formats.Options{Name: "x"}, "the options name and value belong together"},
		{"json", formats.Options{Time: "a[*]"}, `the option time is "a[*]", which has wildcards`},
		{"json", formats.Options{Time: "a..b"}, `the path "a..b" has the name "", which must be written as [""]`},
		{"json", formats.Options{Each: ".a"}, `begins with a dot`},
		{"json", formats.Options{Each: "a[-1]"}, `which is none of [0], [*]`},
		{"json", formats.Options{Each: "a]b"}, `must be written as ["a]b"]`},
		{"json", formats.Options{Each: `a["b`}, `does not end as ["name"] does`},
		{"json", formats.Options{Each: `a[0]b`}, `where a dot or a bracket belongs`},
		{"json", formats.Options{TimeUnit: "h"}, `the option time_unit is "h"; use s, ms, us, ns or auto`},
		{"json", formats.Options{Zone: "Mars/North"}, `"Mars/North", which is no known time zone`},
		{"json", formats.Options{Others: "maybe"}, `the option others is "maybe"; use keep or drop`},
		{"json", formats.Options{Others: "drop"}, "there are no fields: nothing would be left"},
		{"json", field(formats.Field{Metric: "a"}), "a field has no path"},
		{"json", field(formats.Field{Path: "a", Metric: "1a"}), `has the metric "1a"`},
		{"json", field(formats.Field{Path: "a", Metric: "time"}), `has the metric "time"`},
		{"json", field(formats.Field{Path: "a[*].*", Metric: "a_{1}"}), "lacks {2}"},
		{"json", field(formats.Field{Path: "a", Metric: "a", Scale: ptr(0)}), "it must be a number other than 0"},
		{"json", formats.Options{Fields: []formats.Field{{Path: "a", Metric: "a"}, {Path: "a", Metric: "b"}}}, `the field "a" is there twice`},
	} {
		_, err := formats.NewDecoder(c.format, c.o, formats.Limits{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %+v: %v, want %q in it", c.format, c.o, err, c.want)
		}
	}
}

func TestLimitsHold(t *testing.T) {
	d, err := formats.NewDecoder("json", formats.Options{}, formats.Limits{Values: 3, Nodes: 10, Text: 4, Name: 20, Payload: 100})
	if err != nil {
		t.Fatal(err)
	}
	for payload, reason := range map[string]string{
		`{"a":1,"b":2,"c":3}`:                   "",
		`{"a":1,"b":2,"c":3,"d":4}`:             "rejected too_large: The message holds more than 3 values. Send them in several messages.",
		`[[],[],[],[],[],[],[],[],[],[]]`:       "rejected too_large: The JSON holds more than 10 values. Send them in several messages.",
		`{"a":"12345"}`:                         "refused a too_large: The value is longer than 4 bytes.",
		`{"` + strings.Repeat("a", 30) + `":1}`: "refused too_large: The name of a value is longer than 20 bytes; it is 1 deep in the payload.",
		strings.Repeat(" ", 101):                "rejected too_large: The payload is longer than 100 bytes.",
	} {
		got := show(d.Decode(formats.Input{Payload: []byte(payload), Received: received}, nil))
		if reason == "" && !strings.Contains(got, "c = 3") || reason != "" && got != reason {
			t.Errorf("%s: %s", payload, got)
		}
	}
}

// [FM-3]
func TestCompressedPayloads(t *testing.T) {
	pack := func(open func(io.Writer) io.WriteCloser, text string) []byte {
		var b bytes.Buffer
		w := open(&b)
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	gz := func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
	zl := func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }
	raw := func(w io.Writer) io.WriteCloser {
		f, err := flate.NewWriter(w, 9)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	good := "t = 1 @ receipt"
	bomb := strings.Repeat(" ", 30<<20)
	for name, c := range map[string]struct {
		payload        []byte
		encoding, want string
	}{
		"gzip by its magic":        {pack(gz, `{"t":1}`), "", good},
		"gzip by name":             {pack(gz, `{"t":1}`), "GZIP", good},
		"zlib by its magic":        {pack(zl, `{"t":1}`), "", good},
		"deflate means zlib":       {pack(zl, `{"t":1}`), "deflate", good},
		"deflate without a header": {pack(raw, `{"t":1}`), "deflate", good},
		"identity":                 {[]byte(`{"t":1}`), "identity", good},
		"a bomb":                   {pack(gz, bomb), "", "rejected too_large: The payload becomes longer than 1048576 bytes when its gzip is undone."},
		"a zlib bomb":              {pack(zl, bomb), "", "rejected too_large: The payload becomes longer than 1048576 bytes when its deflate is undone."},
		"twice":                    {pack(gz, string(pack(gz, `{"t":1}`))), "", "rejected bad_payload: The JSON is not valid UTF-8."},
		"cut":                      {pack(gz, `{"t":1}`)[:20], "", "rejected bad_payload: The gzip of the payload ends too early, behind 7 bytes."},
		"head only":                {[]byte{0x1f, 0x8b, 8}, "", "rejected bad_payload: The payload is no gzip: its head is broken."},
		"not what it says":         {[]byte(`{"t":1}`), "gzip", "rejected bad_payload: The payload is no gzip: its head is broken."},
		"unknown":                  {[]byte(`{"t":1}`), "br", `rejected unsupported: The content encoding is "br". Use gzip, deflate or none.`},
	} {
		got := show(decoder(t, "json", formats.Options{}).Decode(formats.Input{Payload: c.payload, Encoding: c.encoding, Received: received}, nil))
		if got != c.want && (name != "cut" || !strings.Contains(got, "ends too early")) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// [TP-3.17]
func TestNumbersAsTimes(t *testing.T) {
	at := time.Date(2026, 3, 1, 11, 59, 59, 123456789, time.UTC)
	for payload, want := range map[string]time.Time{
		`{"ts":1772366399.123456789,"t":1}`:       at,
		`{"ts":1772366399123.456789,"t":1}`:       at,
		`{"ts":1772366399123456.789,"t":1}`:       at,
		`{"ts":1772366399123456789,"t":1}`:        at,
		`{"ts":"1772366399123456789","t":1}`:      at,
		`{"ts":1.772366399123456789e9,"t":1}`:     at,
		`{"ts":1772366399123456789e-9,"t":1}`:     at,
		`{"ts":0.000000001772366399e18,"t":1}`:    at.Truncate(time.Second),
		`{"ts":1772366399.1234567899,"t":1}`:      at,
		`{"ts":0,"t":1}`:                          time.Unix(0, 0),
		`{"ts":-1.5,"t":1}`:                       time.Unix(-1, -5e8),
		`{"ts":1e99,"t":1}`:                       time.Unix(0, 1<<63-1),
		`{"ts":-1e999999999999,"t":1}`:            time.Unix(0, -1<<63),
		`{"ts":1e-999999999999,"t":1}`:            time.Unix(0, 0),
		`{"ts":"9999-01-01T00:00:00Z","t":1}`:     time.Unix(0, 1<<63-1),
		`{"ts":"2026-03-01T11:59:59+0000","t":1}`: at.Truncate(time.Second),
		`{"ts":"2026-03-01 11:59:59Z","t":1}`:     at.Truncate(time.Second),
	} {
		got := decode(t, "json", formats.Options{}, "", payload)
		if len(got.Samples) != 1 || !got.Samples[0].Time.Equal(want) {
			t.Errorf("%s: %s, want %s", payload, show(got), want.UTC())
		}
	}
}
