package formats_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/forecare/forecare/ingest/formats"
)

// FuzzMapping feeds any bytes to the decoder of JSON. What it takes without the
// words for what is no number, encoding/json takes too.
func FuzzMapping(f *testing.F) {
	for _, s := range []string{
		`{"ts":1772366399.5,"a":{"b":[1,"2",true,null,NaN]},"\u0061b":1}`, `[{"rows":[{"id":"x","v":1e400}]}]`, `[[[1]],{}]`, `"\ud800"`, "\x1f\x8b\x08", `{"a":1}x`,
	} {
		f.Add([]byte(s))
	}
	decoders := []*formats.Decoder{
		decoder(f, "json", formats.Options{}),
		decoder(f, "json", formats.Options{Each: "*[*]", Time: "$.ts", Device: "id", Zone: "Europe/Berlin"}),
		decoder(f, "json", formats.Options{Name: "n", Value: "v"}),
		decoder(f, "json", formats.Options{Others: "keep", Fields: []formats.Field{{Path: "a.*[*]", Metric: "a_{1}_{2}", Scale: ptr(1e300), ParseText: true}}}),
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := bytes.Clone(payload)
		for i, d := range decoders {
			got := d.Decode(formats.Input{Payload: payload, Received: received}, nil)
			sane(t, got)
			if !bytes.Equal(before, payload) {
				t.Fatal("the payload was changed")
			}
			if i == 0 && len(got.Samples) > 0 && len(got.Refused) == 0 && !json.Valid(payload) && payload[0] != 0x1f && payload[0] != 0x78 {
				t.Fatalf("%q is no JSON, but was read as %s", payload, show(got))
			}
		}
	})
}
