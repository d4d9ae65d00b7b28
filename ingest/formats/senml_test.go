package formats_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/forecare/forecare/ingest/formats"
)

// unhex reads hexadecimal digits with spaces between them.
func unhex(t testing.TB, s string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// electricity is the RFC's pack of a voltage and a series of currents, in CBOR.
const electricity = `87 a7 21 78 1b 75 72 6e 3a 64 65 76 3a 6f 77 3a
	31 30 65 32 30 37 33 61 30 31 30 38 30 30 36 3a 22 fb 41 d3 03 a1 5b 00 10 62 23 61 41 20 05 00
	67 76 6f 6c 74 61 67 65 01 61 56 02 fb 40 5e 06 66 66 66 66 66 a3 00 67 63 75 72 72 65 6e 74 06
	24 02 fb 3f f3 33 33 33 33 33 33 a3 00 67 63 75 72 72 65 6e 74 06 23 02 fb 3f f4 cc cc cc cc cc
	cd a3 00 67 63 75 72 72 65 6e 74 06 22 02 fb 3f f6 66 66 66 66 66 66 a3 00 67 63 75 72 72 65 6e
	74 06 21 02 f9 3e 00 a3 00 67 63 75 72 72 65 6e 74 06 20 02 fb 3f f9 99 99 99 99 99 9a a3 00 67
	63 75 72 72 65 6e 74 06 00 02 fb 3f fb 33 33 33 33 33 33`

const electricityResolved = `
	urn:dev:ow:10e2073a0108006:current > current = 1.2 A @ 2010-06-08T18:01:11.001Z
	urn:dev:ow:10e2073a0108006:current > current = 1.3 A @ 2010-06-08T18:01:12.001Z
	urn:dev:ow:10e2073a0108006:current > current = 1.4 A @ 2010-06-08T18:01:13.001Z
	urn:dev:ow:10e2073a0108006:current > current = 1.5 A @ 2010-06-08T18:01:14.001Z
	urn:dev:ow:10e2073a0108006:current > current = 1.6 A @ 2010-06-08T18:01:15.001Z
	urn:dev:ow:10e2073a0108006:voltage > voltage = 120.1 V @ 2010-06-08T18:01:16.001Z
	urn:dev:ow:10e2073a0108006:current > current = 1.7 A @ 2010-06-08T18:01:16.001Z`

// The examples of RFC 8428 section 5 and what they mean.
func TestSenMLGoldenVectors(t *testing.T) {
	for _, c := range []struct {
		name, payload, want string
		options             formats.Options
	}{
		{
			"one value", `[{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}]`,
			"urn:dev:ow:10e2073a01080063 > m_10e2073a01080063 = 23.1 Cel @ receipt",
			formats.Options{},
		},
		{
			"two values of one device", `[{"bn":"urn:dev:ow:10e2073a01080063:","n":"voltage","t":0,"u":"V","v":120.1},{"n":"current","t":0,"u":"A","v":1.2}]`,
			`urn:dev:ow:10e2073a01080063: urn:dev:ow:10e2073a01080063:voltage > voltage = 120.1 V @ 2026-11-22T10:00:00Z
				urn:dev:ow:10e2073a01080063: urn:dev:ow:10e2073a01080063:current > current = 1.2 A @ 2026-11-22T10:00:00Z`,
			formats.Options{Device: "name"},
		},
		{
			"base fields and a series, JSON", `[{"bn":"urn:dev:ow:10e2073a0108006:","bt":1276020076.001,"bu":"A","bver":5,"n":"voltage","u":"V","v":120.1},
				{"n":"current","t":-5,"v":1.2},{"n":"current","t":-4,"v":1.30},{"n":"current","t":-3,"v":0.14e1},{"n":"current","t":-2,"v":1.5},
				{"n":"current","t":-1,"v":1.6},{"n":"current","t":0,"v":1.7}]`, electricityResolved, formats.Options{},
		},
		{"base fields and a series, CBOR", unhex(t, electricity), electricityResolved, formats.Options{}},
		{
			"one name, several units", `[{"bn":"urn:dev:ow:10e2073a01080063","bt":1320067464,"bu":"%RH","v":20.0,"t":0},{"v":24.30621,"u":"lon","t":0},{"v":60.07965,"u":"lat","t":0},
				{"v":20.3,"t":60},{"v":98.0,"u":"%EL","t":150}]`,
			`urn:dev:ow:10e2073a01080063 > humidity = 20 %RH @ 2011-10-31T13:24:24Z
				urn:dev:ow:10e2073a01080063 > lon = 24.30621 lon @ 2011-10-31T13:24:24Z
				urn:dev:ow:10e2073a01080063 > lat = 60.07965 lat @ 2011-10-31T13:24:24Z
				urn:dev:ow:10e2073a01080063 > humidity = 20.3 %RH @ 2011-10-31T13:25:24Z
				urn:dev:ow:10e2073a01080063 > battery = 98 %EL @ 2011-10-31T13:26:54Z`,
			formats.Options{Fields: []formats.Field{
				{Path: "urn:dev:ow:10e2073a01080063", OfUnit: "lon", Metric: "lon"},
				{Path: "urn:dev:ow:10e2073a01080063", OfUnit: "lat", Metric: "lat"},
				{Path: "urn:dev:ow:10e2073a01080063", OfUnit: "%EL", Metric: "battery"},
				{Path: "urn:dev:ow:10e2073a01080063", Metric: "humidity"},
			}},
		},
		{
			"several devices", `[{"bn":"2001:db8::2/","bt":1320078429,"n":"temperature","v":25.2,"u":"Cel"},{"n":"humidity","v":30,"u":"%RH"},
				{"bn":"2001:db8::1/","n":"temperature","v":12.3,"u":"Cel"},{"n":"humidity","v":67,"u":"%RH"}]`,
			`2001:db8::2: 2001:db8::2/temperature > temperature = 25.2 Cel @ 2011-10-31T16:27:09Z
				2001:db8::2: 2001:db8::2/humidity > humidity = 30 %RH @ 2011-10-31T16:27:09Z
				2001:db8::1: 2001:db8::1/temperature > temperature = 12.3 Cel @ 2011-10-31T16:27:09Z
				2001:db8::1: 2001:db8::1/humidity > humidity = 67 %RH @ 2011-10-31T16:27:09Z`,
			formats.Options{Device: "name"},
		},
		{
			"an extension", `[{"bn":"urn:dev:ow:10e2073a01080063:","bt":1320078429,"l":"[{\"href\":\"humidity\"}]","n":"temperature","v":27.2,"u":"Cel"}]`,
			"urn:dev:ow:10e2073a01080063:temperature > temperature = 27.2 Cel @ 2011-10-31T16:27:09Z",
			formats.Options{},
		},
		{
			"other kinds of value", `[{"bn":"urn:dev:ow:10e2073a01080063:","n":"temp","u":"Cel","v":23.1},{"n":"label","vs":"Machine Room"},{"n":"open","vb":false},{"n":"nfc-reader","vd":"aGkgCg"}]`,
			`urn:dev:ow:10e2073a01080063:temp > temp = 23.1 Cel @ receipt
				urn:dev:ow:10e2073a01080063:label > label = "Machine Room" @ receipt
				urn:dev:ow:10e2073a01080063:open > open = false @ receipt
				urn:dev:ow:10e2073a01080063:nfc-reader > nfc_reader = 4 bytes @ receipt`,
			formats.Options{},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := decode(t, "senml", c.options, "", c.payload)
			sane(t, got)
			want(t, got, c.want)
		})
	}
}

// Each of these is read wrongly by a library in wide use.
func TestSenMLWhereOthersStumble(t *testing.T) {
	for _, c := range []struct{ name, payload, want string }{
		{"the base value is carried on", `[{"bv":20,"n":"a","v":1},{"n":"b","v":2}]`, "a = 21 @ receipt\nb = 22 @ receipt"},
		{
			"base fields are reset", `[{"bn":"x","bt":1772366399,"bu":"Cel","bv":20,"n":"a","v":1},{"bn":"","bu":"","bt":0,"bv":0,"n":"b","v":2}]`,
			"xa = 21 Cel @ 2026-03-01T11:59:59Z\nb = 2 @ 2026-11-22T10:00:00Z",
		},
		{"a base sum is a sum", `[{"bs":5,"n":"a","v":1},{"n":"b","v":1,"s":2}]`, "a = 1 @ receipt\na#sum > a_sum = 5 @ receipt\nb = 1 @ receipt\nb#sum > b_sum = 7 @ receipt"},
		{"a base value is a value", `[{"bv":20,"n":"a"},{"n":"b","t":0}]`, "a = 20 @ receipt\nb = 20 @ 2026-11-22T10:00:00Z"},
		{"data in CBOR are bytes", unhex(t, "81 a2 00 61 61 08 43 ff 00 fe"), "a = 3 bytes @ receipt"},
		{"a relative time is counted from now", `[{"n":"a","t":-5.5,"v":1},{"n":"a","t":268435455,"v":2},{"n":"a","t":268435456,"v":3}]`, `
			a = 3 @ 1978-07-04T21:24:16Z
			a = 1 @ 2026-11-22T09:59:54.5Z
			a = 2 @ 2035-05-26T07:24:15Z`},
		{"what is of one time keeps its order", `[{"n":"b","v":1},{"n":"a","v":2},{"n":"c","v":3},{"n":"z","t":-1,"v":4}]`, `
			z = 4 @ 2026-11-22T09:59:59Z
			b = 1 @ receipt
			a = 2 @ receipt
			c = 3 @ receipt`},
		{"what must be understood", `[{"n":"a","v":1,"cal_":1}]`, `rejected unsupported: The field "cal_" must be understood, says its underscore, but is not known here.`},
		{"a version of tomorrow", `[{"bver":11,"n":"a","v":1}]`, "rejected unsupported: The pack is of version 11; versions up to 10 are known here."},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := decode(t, "senml", formats.Options{}, "", c.payload)
			sane(t, got)
			want(t, got, c.want)
		})
	}
}

func TestSenMLDetails(t *testing.T) {
	for _, c := range []struct{ name, payload, want string }{
		{"only base fields set the stage", `[{"bn":"d:","bt":1772366399},{"n":"a","v":1}]`, "d:a > a = 1 @ 2026-03-01T11:59:59Z"},
		{"a sum alone", `[{"n":"a","s":1.5}]`, "a#sum > a_sum = 1.5 @ receipt"},
		{"exact to the nanosecond", `[{"bt":1772366399.123456789,"n":"a","t":0.000000001,"v":1}]`, "a = 1 @ 2026-03-01T11:59:59.12345679Z"},
		{"update time", `[{"n":"a","v":1,"ut":90},{"n":"b","v":1,"ut":0.5}]`, `a = 1 @ receipt
			b = 1 @ receipt
			hint  name="" maker="" model="" fw="" serial="" via="" gone=false
			has a > a unit="" type="" class="" every=1m30s
			has b > b unit="" type="" class="" every=500ms`},
		{"the base value does not touch text", `[{"bv":1,"n":"a","vs":"x"},{"n":"b","vb":true}]`, "a = \"x\" @ receipt\nb = true @ receipt"},
		{"padding", `[{"n":"a","vd":"aGk="}]`, "a = 2 bytes @ receipt"},
		{"text labels in CBOR", unhex(t, "81 a2 61 6e 61 61 61 76 01"), "a = 1 @ receipt"},
		{"lists and maps without a length", unhex(t, "9f bf 00 61 61 02 f9 3c 00 ff ff"), "a = 1 @ receipt"},
		{"texts in pieces", unhex(t, "81 a2 00 7f 61 61 61 62 ff 02 01"), "ab = 1 @ receipt"},
		{"a decimal fraction", unhex(t, "81 a2 00 61 61 02 c4 82 21 19 6a b3"), "a = 273.15 @ receipt"},
		{"a decimal fraction as a time", unhex(t, "81 a3 00 61 61 02 01 06 c4 82 22 3a 00 00 02 57"), "a = 1 @ 2026-11-22T09:59:59.4Z"},
		{"self-described CBOR", unhex(t, "d9 d9 f7 81 a2 00 61 61 02 20"), "a = -1 @ receipt"},
		{"floats of four bytes", unhex(t, "81 a2 00 61 61 02 fa 3f c0 00 00"), "a = 1.5 @ receipt"},
		{"unknown labels with lists in CBOR", unhex(t, "81 a4 00 61 61 02 01 18 63 82 01 a1 01 c1 02 61 78 f6"), "a = 1 @ receipt"},
		{"NaN in CBOR", unhex(t, "82 a2 00 61 61 02 f9 7e 00 a2 00 61 62 02 01"), "b = 1 @ receipt\nrefused record 1 not_a_number: The field 2 of record 1 comes twice or is not of its type, which is a finite number."},
		{"two values", `[{"n":"a","v":1,"vs":"x"},{"n":"b","v":1}]`, "b = 1 @ receipt\nrefused record 1 bad_payload: The record has 2 values. One of v, vs, vb and vd belongs in a record."},
		{"no value", `[{"n":"a"}]`, "refused record 1 bad_payload: The record has no value: none of v, vs, vb, vd and s, and no base value is in force."},
		{"no name", `[{"v":1}]`, `refused record 1 bad_payload: The name is "". It begins with a letter or digit and goes on with letters, digits and - : . / _`},
		{"a bad name", `[{"n":"_a","v":1},{"n":"a b","v":1}]`, `
			refused record 1 bad_payload: The name is "_a". It begins with a letter or digit and goes on with letters, digits and - : . / _
			refused record 2 bad_payload: The name is "a b". It begins with a letter or digit and goes on with letters, digits and - : . / _`},
		{"a wrong type", `[{"n":"a","v":"1"},{"n":"b","vb":1},{"n":"c","vd":"%"}]`, `
			refused record 1 not_a_number: The field v of record 1 comes twice or is not of its type, which is a finite number.
			refused record 2 bad_payload: The field vb of record 2 comes twice or is not of its type, which is true or false.
			refused record 3 bad_payload: The field vd of record 3 comes twice or is not of its type, which is bytes, in JSON as base64url.`},
		{"a wrong type of a base field", `[{"bt":"x","n":"a","v":1}]`, "rejected bad_payload: The field bt of record 1 comes twice or is not of its type, which is a finite number."},
		{"too large together", `[{"bv":1.7e308,"n":"a","v":1.7e308}]`, "refused record 1 not_a_number: The value is too large for a float64."},
		{"two versions", `[{"bver":9,"n":"a","v":1},{"bver":10,"n":"b","v":1}]`, "rejected bad_payload: Record 2 has another version (bver) than the records before it."},
		{"no version", `[{"bver":1.5,"n":"a","v":1}]`, "rejected bad_payload: The version (bver) is 1.5, which is no positive integer."},
		{"a negative update time", `[{"n":"a","v":1,"ut":-1}]`, "refused record 1 bad_payload: The update time (ut) is negative."},
		{"twice", `[{"n":"a","v":1},{"n":"a","v":2}]`, "a = 1 @ receipt\nrefused a bad_payload: The metric a comes twice at the instant 2026-11-22T10:00:00Z. Give each value a name of its own by fields in the rule."},
		{"an empty pack", `[]`, "rejected no_fields: There is no record in the pack."},
		{"no pack", `{}`, `rejected bad_payload: A SenML pack is a list of records, but this is "{}".`},
		{"no record", `[1]`, `rejected bad_payload: Record 1 of the pack is "1" where an object belongs.`},
		{"must be understood in CBOR", unhex(t, "81 a3 00 61 61 02 01 62 78 5f 01"), `rejected unsupported: The field "x_" must be understood, says its underscore, but is not known here.`},
		{"no record in CBOR", unhex(t, "81 01"), "rejected bad_payload: The CBOR is broken at byte 3: record 1 of the pack is no map."},
		{"cut CBOR", unhex(t, "81 a2 00 61"), "rejected bad_payload: The CBOR is broken at byte 5: a string of 1 bytes is longer than what is left."},
		{"a lying length", unhex(t, "9b 00 00 00 ff ff ff ff ff"), "rejected bad_payload: The CBOR is broken at byte 10: it ends too early."},
		{"a lying string", unhex(t, "81 a1 00 7b 7f ff ff ff ff ff ff ff"), "rejected bad_payload: The CBOR is broken at byte 13: a string of 9223372036854775807 bytes is longer than what is left."},
		{"behind the end", unhex(t, "81 a2 00 61 61 02 01 00"), "rejected bad_payload: The CBOR is broken at byte 8: there is something behind the end."},
		{"deep CBOR", unhex(t, "81 a1 18 63"+strings.Repeat(" 81", 40)+" 00"), "rejected bad_payload: The CBOR is broken at byte 36: it is nested more than 32 deep."},
		{"a label of bytes", unhex(t, "81 a1 41 61 01"), "rejected bad_payload: The CBOR is broken at byte 6: a label is neither a number nor a text."},
		{"an end too early", unhex(t, "81 bf 00 ff ff"), "rejected bad_payload: The CBOR is broken at byte 5: there is an end where none belongs."},
		{"not UTF-8", unhex(t, "81 a2 00 61 ff 02 01"), "rejected bad_payload: The CBOR is broken at byte 6: a text is not valid UTF-8."},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := decode(t, "senml", formats.Options{}, "", c.payload)
			sane(t, got)
			want(t, got, c.want)
		})
	}
	if _, err := formats.NewDecoder("senml", formats.Options{Device: "bn"}, formats.Limits{}); err == nil || !strings.Contains(err.Error(), "the only one for senml is name") {
		t.Error(err)
	}
}

// pack draws a SenML pack whose records are all good.
func pack(t *rapid.T) string {
	number := rapid.Float64Range(-1e6, 1e6)
	var records []string
	for i := range rapid.IntRange(1, 6).Draw(t, "records") {
		r := fmt.Sprintf(`"n":"m%d"`, i)
		for _, field := range []struct {
			name string
			draw func() string
		}{
			{"bn", func() string { return fmt.Sprintf("%q", rapid.SampledFrom([]string{"", "urn:x:", "d/"}).Draw(t, "bn")) }},
			{"bu", func() string { return fmt.Sprintf("%q", rapid.SampledFrom([]string{"", "Cel", "%RH"}).Draw(t, "bu")) }},
			{"bt", func() string { return fmt.Sprint(rapid.SampledFrom([]float64{0, 1772366399.25, -7.5}).Draw(t, "bt")) }},
			{"bv", func() string { return fmt.Sprint(number.Draw(t, "bv")) }},
			{"bs", func() string { return fmt.Sprint(number.Draw(t, "bs")) }},
			{"t", func() string { return fmt.Sprint(rapid.Float64Range(-1e5, 1e5).Draw(t, "t")) }},
			{"s", func() string { return fmt.Sprint(number.Draw(t, "s")) }},
			{"u", func() string { return `"V"` }},
			{"ut", func() string { return fmt.Sprint(rapid.Float64Range(0, 1e5).Draw(t, "ut")) }},
			{"ext", func() string { return `{"a":[1]}` }},
		} {
			if rapid.Bool().Draw(t, field.name+"?") {
				r += fmt.Sprintf(`,%q:%s`, field.name, field.draw())
			}
		}
		switch rapid.IntRange(0, 3).Draw(t, "value") {
		case 0:
			r += `,"v":` + fmt.Sprint(number.Draw(t, "v"))
		case 1:
			r += `,"vs":"x"`
		case 2:
			r += `,"vb":true`
		default:
			r += `,"vd":"aGk"`
		}
		records = append(records, "{"+r+"}")
	}
	return "[" + strings.Join(records, ",") + "]"
}

// What is resolved stands for itself: resolved again, even at another moment, it
// is the same. [FM-5.3]
func TestSenMLResolveIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		once, err := formats.ResolveSenMLForTest([]byte(pack(t)), received)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := formats.ResolveSenMLForTest([]byte(once), received.Add(time.Hour))
		if err != nil || once != twice {
			t.Fatalf("%v\n%s\n%s", err, once, twice)
		}
	})
}

func FuzzSenML(f *testing.F) {
	for _, s := range []string{electricity, "9f bf 00 7f 61 61 ff 02 c4 82 21 19 6a b3 ff ff", "d9d9f7 81 a3 06 3b ffffffffffffffff 02 fb 7ff8000000000000 04 f5"} {
		f.Add([]byte(unhex(f, s)))
	}
	f.Add([]byte(`[{"bn":"a","bt":1e9,"bv":1,"bs":-1,"bver":10,"bu":"V"},{"n":"b","t":-1e300,"v":1,"ut":1},{"vd":"aGk=","s":1}]`))
	decoders := []*formats.Decoder{decoder(f, "senml", formats.Options{}), decoder(f, "senml", formats.Options{Device: "name"})}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, d := range decoders {
			got := d.Decode(formats.Input{Payload: payload, Received: received}, nil)
			sane(t, got)
			if got.Rejected == nil && len(got.Samples)+len(got.Refused) > 3*len(payload) {
				t.Fatal("more comes out than went in")
			}
		}
		once, err := formats.ResolveSenMLForTest(payload, received)
		if err != nil || strings.Contains(once, `"t":-`) || strings.Contains(once, ".-") {
			return
		}
		for second := range strings.SplitSeq(once, `"t":`) { // times below 2^28 s are relative again
			if i := strings.IndexByte(second, '.'); i >= 0 && i < 9 {
				return
			}
		}
		if twice, err := formats.ResolveSenMLForTest([]byte(once), received); err != nil || once != twice {
			t.Fatalf("%v\n%s\n%s", err, once, twice)
		}
	})
}
