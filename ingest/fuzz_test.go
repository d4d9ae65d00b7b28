package ingest_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

// FuzzDecode feeds any bytes to the decoders. Whatever they are: the lines that
// come out are readable, of this device, within the model's bounds, at a sane
// time and with known fields; everything that went in is accounted for; and of
// JSON nothing is stored that encoding/json would not have read, with the same
// values.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"temp":21.4,"flow":3,"on":true,"count":null}`, `[{"temp":1,"ts":1772366399.5},{"temp":NaN},{"x":{"a":[1,"\ud83d\ude00"]}}]`,
		`{"te\u006dp":-0.0e-1}`, `[1,"a",[],{}]`, `{"ts":"2026-03-01T09:30:00Z","temp":1e2}`, "telemetry,tenant=acme temp=1,count=2i 1772366399000000000\n#\n\ntelemetry on=t",
		`telemetry te\,mp=1`, `{"temp":1}x`, "\xff{", `{"temp":"` + strings.Repeat(`\u0041`, 10) + `"}`, `{"temp":+inf,"count":01}`,
	} {
		f.Add([]byte(s))
	}
	device, model, _ := fleet().Lookup(key("d1"))
	var decoder ingest.DecodeForTest
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := bytes.Clone(payload)
		lines, stored, refused, whole := decoder.Decode(device, model, received, payload)
		if !bytes.Equal(before, payload) {
			t.Fatal("the payload was changed")
		}
		if whole != nil {
			if whole.Reason == "" || whole.Detail == "" || !utf8.ValidString(whole.Detail) || len(whole.Detail) > 1000 {
				t.Fatalf("rejection %+v", whole)
			}
			return
		}
		if stored+refused == 0 || len(decoder.Reasons()) == 0 && refused > 0 {
			t.Fatalf("%d stored, %d refused: where is the message?", stored, refused)
		}
		values := checkLines(t, lines, stored, model)
		if c := bytes.TrimLeft(payload, " \t\r\n"); len(c) > 0 && (c[0] == '{' || c[0] == '[') {
			compareWithStandard(t, payload, stored, refused, values)
		}
	})
}

// checkLines returns the stored readings' fields.
func checkLines(t *testing.T, lines []byte, stored int, model *devices.Model) []map[string]float64 {
	var values []map[string]float64
	scan := devices.ScanLines(lines)
	for scan.Next() {
		if string(scan.Tenant()) != "acme" || string(scan.Device()) != "d1" || string(scan.Model()) != "k2" {
			t.Fatalf("line %q is of another device", scan.Line())
		}
		at := time.Unix(0, scan.UnixNano())
		if at.After(received.Add(5*time.Minute)) || at.Before(received.AddDate(-11, 0, 0)) {
			t.Fatalf("line %q is of %v", scan.Line(), at)
		}
		fields := map[string]float64{}
		for name, v, ok := scan.NextField(); ok; name, v, ok = scan.NextField() {
			m, known := model.Metric(string(name))
			if !known || m.Min != nil && v < *m.Min || m.Max != nil && v > *m.Max || math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("line %q has the field %s", scan.Line(), name)
			}
			fields[string(name)] = v
		}
		values = append(values, fields)
	}
	if err := scan.Err(); err != nil || len(values) != stored {
		t.Fatalf("%d lines for %d readings: %v\n%q", len(values), stored, err, lines)
	}
	return values
}

// compareWithStandard decodes with encoding/json. Only NaN and the like make
// valid for us what is invalid for it.
func compareWithStandard(t *testing.T, payload []byte, stored, refused int, values []map[string]float64) {
	if !json.Valid(payload) {
		if !bytes.Contains(bytes.ToLower(payload), []byte("nan")) && !bytes.Contains(bytes.ToLower(payload), []byte("inf")) {
			t.Fatalf("%q was decoded, but is no JSON", payload)
		}
		return
	}
	var elements []json.RawMessage
	if bytes.TrimLeft(payload, " \t\r\n")[0] == '{' {
		elements = []json.RawMessage{payload}
	} else if err := json.Unmarshal(payload, &elements); err != nil {
		t.Fatal(err)
	}
	if len(elements) != stored+refused {
		t.Fatalf("%d elements, but %d readings and %d refused", len(elements), stored, refused)
	}
	next := 0
	for _, e := range elements {
		var object map[string]any
		if json.Unmarshal(e, &object) != nil || next == len(values) || !sameValues(object, values[next]) {
			continue // refused
		}
		next++
	}
	if next != len(values) {
		t.Fatalf("of %v only %d are in %q", values, next, payload)
	}
}

func sameValues(object map[string]any, fields map[string]float64) bool {
	n := 0
	for name, v := range object {
		if name == "ts" || v == nil {
			continue
		}
		n++
		want, ok := v.(float64)
		if b, isBool := v.(bool); isBool && b {
			want, ok = 1, true
		} else if isBool {
			want, ok = 0, true
		}
		if got, has := fields[name]; !ok || !has || got != want {
			return false
		}
	}
	return n == len(fields)
}

// FuzzAccept feeds any topic and payload to the door: every message has one
// outcome, and it is either stored or a dead letter.
func FuzzAccept(f *testing.F) {
	f.Add("d1", "fleet/acme/d1/telemetry", []byte(`{"temp":1}`))
	f.Add("gw", "fleet/acme/d2/cmd/1/ack", []byte(`{"ok":true}`))
	f.Add("d1", "fleet/acme/+/telemetry", []byte(`[{},{"temp":1}]`))
	f.Add("off", "fleet/acme/off/state", []byte(``))
	f.Fuzz(func(t *testing.T, publisher, topic string, payload []byte) {
		d := openDoor(t, ingest.Limits{})
		o := d.send(t, key(publisher), topic, string(payload))
		if o.Err != nil || (o.Rejected != nil) != (o.Stored == 0) || (o.Rejected != nil) != (o.DeadLetters > 0 && o.Stored == 0) {
			t.Fatalf("outcome %+v", o)
		}
		kept := len(d.log.event) + strings.Count(d.log.text(), "\n")
		parts := 0
		for _, l := range d.log.dead {
			parts += l.Parts
		}
		if kept != o.Stored || parts != o.DeadLetters {
			t.Fatalf("outcome %+v, but %d are kept and %d are dead letters", o, kept, parts)
		}
	})
}
