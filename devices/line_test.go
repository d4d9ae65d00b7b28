package devices_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/forecare/forecare/devices"
)

func TestAppendLine(t *testing.T) {
	tests := []struct {
		name    string
		reading devices.Reading
		want    string
	}{
		{
			"fields in order", reading(time.Unix(1732233600, 5), "temp", 21.4, "load", 3, "amps", -0.5),
			"telemetry,device=p-1,model=press,tenant=acme amps=-0.5,load=3,temp=21.4 1732233600000000005\n",
		},
		{"before 1970", reading(time.Unix(0, -1), "t", 1), "telemetry,device=p-1,model=press,tenant=acme t=1 -1\n"},
		{"1970", reading(time.Unix(0, 0), "t", 1), "telemetry,device=p-1,model=press,tenant=acme t=1 0\n"},
		{"minus zero", reading(time.Unix(0, 1), "t", math.Copysign(0, -1)), "telemetry,device=p-1,model=press,tenant=acme t=0 1\n"},
		{"large", reading(time.Unix(0, 1), "t", 1e15, "u", 999999999999999), "telemetry,device=p-1,model=press,tenant=acme t=1e+15,u=999999999999999 1\n"},
		{"small", reading(time.Unix(0, 1), "t", 1e-7, "u", 0.000001), "telemetry,device=p-1,model=press,tenant=acme t=1e-07,u=0.000001 1\n"},
		{"largest", reading(time.Unix(0, 1), "t", -math.MaxFloat64), "telemetry,device=p-1,model=press,tenant=acme t=-1.7976931348623157e+308 1\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := string(tt.reading.AppendLine([]byte("before ")))
			if diff := cmp.Diff("before "+tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// reading returns a reading with the fields name, value, name, value...
func reading(at time.Time, fields ...any) devices.Reading {
	r := devices.Reading{Key: devices.Key{Tenant: "acme", Device: "p-1"}, Model: "press", Time: at}
	for i := 0; i < len(fields); i += 2 {
		var v float64
		switch x := fields[i+1].(type) {
		case int:
			v = float64(x)
		case float64:
			v = x
		}
		r.Fields = append(r.Fields, devices.Field{Name: fields[i].(string), Value: v})
	}
	return r
}

// scan reads everything that is in body.
func scan(body []byte) (out []devices.Reading, err error) {
	s := devices.ScanLines(body)
	for s.Next() {
		r := devices.Reading{
			Key: devices.Key{Tenant: string(s.Tenant()), Device: string(s.Device())}, Model: string(s.Model()), Time: time.Unix(0, s.UnixNano()),
		}
		for name, v, ok := s.NextField(); ok; name, v, ok = s.NextField() {
			r.Fields = append(r.Fields, devices.Field{Name: string(name), Value: v})
		}
		out = append(out, r)
	}
	return out, s.Err()
}

func TestScannedIsWhatWasAppended(t *testing.T) {
	id := rapid.StringMatching(`[A-Za-z0-9:._-]{1,64}`)
	metric := rapid.StringMatching(`[A-Za-z][A-Za-z0-9_]{0,63}`).Filter(devices.ValidMetric)
	value := rapid.Float64().Filter(func(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) && (v != 0 || !math.Signbit(v)) })
	rapid.Check(t, func(rt *rapid.T) {
		var want []devices.Reading
		var body []byte
		for range rapid.IntRange(0, 5).Draw(rt, "lines") {
			r := devices.Reading{
				Key:   devices.Key{Tenant: id.Draw(rt, "tenant"), Device: id.Draw(rt, "device")},
				Model: id.Draw(rt, "model"), Time: time.Unix(0, rapid.Int64().Draw(rt, "time")),
			}
			for name, v := range rapid.MapOfN(metric, value, 1, 6).Draw(rt, "fields") {
				r.Fields = append(r.Fields, devices.Field{Name: name, Value: v})
			}
			start := len(body)
			body = r.AppendLine(body)
			if again := r.AppendLine(nil); !bytes.Equal(again, body[start:]) {
				rt.Errorf("appended again it is %q, not %q", again, body[start:])
			}
			want = append(want, r) // AppendLine has sorted the fields
		}
		got, err := scan(body)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Error(diff)
		}
	})
}

func TestLineScannerRefusesOtherLines(t *testing.T) {
	const good = "telemetry,device=p-1,model=press,tenant=acme t=1 5\n"
	long := strings.Repeat("x", 65)
	tests := []struct{ line, says string }{
		{"telemetry,device=p-1,model=press,tenant=acme t=1 5", "line feed"},
		{"\n", "begin with"},
		{"# comment\n", "begin with"},
		{"Telemetry,device=p-1,model=press,tenant=acme t=1 5\n", "begin with"},
		{"telemetry t=1 5\n", "begin with"},
		{"telemetry,tenant=acme,device=p-1,model=press t=1 5\n", "begin with"},
		{"telemetry,device=,model=press,tenant=acme t=1 5\n", "device"},
		{"telemetry,device=" + long + ",model=press,tenant=acme t=1 5\n", "device"},
		{"telemetry,device=p\\ 1,model=press,tenant=acme t=1 5\n", "device"},
		{"telemetry,device=p-1,tenant=acme t=1 5\n", "device"},
		{"telemetry,device=p-1,model=,tenant=acme t=1 5\n", "model"},
		{"telemetry,device=p-1,model=press t=1 5\n", "model"},
		{"telemetry,device=p-1,model=press,tenant= t=1 5\n", "tenant"},
		{"telemetry,device=p-1,model=press,tenant=acme,zone=x t=1 5\n", "tenant"},
		{"telemetry,device=p-1,model=press,tenant=acme\n", "tenant"},
		{"telemetry,device=p-1,model=press,tenant=acme \n", "timestamp"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1\n", "timestamp"},
		{"telemetry,device=p-1,model=press,tenant=acme  5\n", "timestamp"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1 \n", "timestamp"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1 5.0\n", "timestamp"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1 05\n", "timestamp"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1 -0\n", "timestamp"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1 -\n", "timestamp"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1 +5\n", "timestamp"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1 9223372036854775808\n", "timestamp"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1 -9223372036854775809\n", "timestamp"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1 99999999999999999999\n", "timestamp"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1 5\r\n", "timestamp"},
		{"telemetry,device=p-1,model=press,tenant=acme  t=1 5\n", "valid name"},
		{"telemetry,device=p-1,model=press,tenant=acme t 5\n", "valid name"},
		{"telemetry,device=p-1,model=press,tenant=acme =1 5\n", "valid name"},
		{"telemetry,device=p-1,model=press,tenant=acme _t=1 5\n", "valid name"},
		{"telemetry,device=p-1,model=press,tenant=acme time=1 5\n", "valid name"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1,,u=2 5\n", "valid name"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1, 5\n", "no field behind"},
		{"telemetry,device=p-1,model=press,tenant=acme u=1,t=1 5\n", "order"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1,t=1 5\n", "order"},
		{"telemetry,device=p-1,model=press,tenant=acme t= 5\n", "number"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1i 5\n", "number"},
		{"telemetry,device=p-1,model=press,tenant=acme t=true 5\n", "number"},
		{"telemetry,device=p-1,model=press,tenant=acme t=\"x\" 5\n", "number"},
		{"telemetry,device=p-1,model=press,tenant=acme t=NaN 5\n", "number"},
		{"telemetry,device=p-1,model=press,tenant=acme t=Inf 5\n", "number"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1e999 5\n", "number"},
		{"telemetry,device=p-1,model=press,tenant=acme t=0x1 5\n", "number"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1_0 5\n", "number"},
		{"telemetry,device=p-1,model=press,tenant=acme t=+1 5\n", "number"},
		{"telemetry,device=p-1,model=press,tenant=acme t=1-2 5\n", "number"},
		{"telemetry,device=p-1,model=press,tenant=acme t=" + strings.Repeat("1", 33) + " 5\n", "number"},
		{"telemetry,device=p-1,model=press,tenant=acme a=1,t=x,u=1 5\n", "number"},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			got, err := scan([]byte(good + tt.line + good))
			if strings.HasSuffix(tt.says, "line feed") {
				got, err = scan([]byte(good + tt.line))
			}
			if devices.CodeOf(err) != devices.Invalid || !strings.Contains(fmt.Sprint(err), "line 2 ") || !strings.Contains(fmt.Sprint(err), tt.says) {
				t.Errorf("error is %v, want one of line 2 with %q", err, tt.says)
			}
			if len(got) > 2 {
				t.Errorf("%d lines were read past the bad one", len(got))
			}
			// Whoever skips the fields learns of it as well.
			s := devices.ScanLines([]byte(good + tt.line))
			for s.Next() {
			}
			if s.Err() == nil {
				t.Error("with its fields skipped, the line was taken")
			}
		})
	}
}

func TestLineScannerGivesLinesWhole(t *testing.T) {
	a, b := reading(time.Unix(0, 1), "t", 1, "u", 2), reading(time.Unix(0, 2), "t", 3)
	body := b.AppendLine(a.AppendLine(nil))
	s := devices.ScanLines(body)
	var got []byte
	for s.Next() {
		got = append(got, s.Line()...)
	}
	if !bytes.Equal(got, body) || s.Err() != nil {
		t.Errorf("got %q, %v; want %q", got, s.Err(), body)
	}
	if s.Next() || s.Line() != nil {
		t.Error("there is a line behind the end")
	}
	if _, _, ok := s.NextField(); ok {
		t.Error("there is a field behind the end")
	}
}

func FuzzLineScanner(f *testing.F) {
	a, b := reading(time.Unix(0, math.MaxInt64), "t", 1.5, "u", 2), reading(time.Unix(0, math.MinInt64), "t", 1e300)
	f.Add(b.AppendLine(a.AppendLine(nil)))
	f.Add([]byte("telemetry,device=p-1,model=press,tenant=acme t=1 5"))
	f.Add([]byte("telemetry,device=p-1,model=press,tenant=acme t=1,t=2 5\n\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		readings, err := scan(body)
		if err != nil {
			if devices.CodeOf(err) != devices.Invalid {
				t.Errorf("the error is %v", err)
			}
			return
		}
		// What is taken means the same after it was written by AppendLine.
		var again []byte
		for i := range readings {
			if len(readings[i].Fields) == 0 {
				t.Fatalf("a line without fields was taken: %q", body)
			}
			again = readings[i].AppendLine(again)
		}
		back, err := scan(again)
		if err != nil {
			t.Fatalf("%q was taken, but not %q: %v", body, again, err)
		}
		if diff := cmp.Diff(readings, back); diff != "" {
			t.Error(diff)
		}
	})
}

// batch is what group commit makes of 500 readings with four fields each.
func batch() []byte {
	var body []byte
	for i := range 500 {
		r := reading(time.Unix(1732233600, int64(i)), "pressure", 8.97, "temp", 92.8125, "flow", 3.1, "cycles", 1042+i)
		r.Key.Device = fmt.Sprintf("device-%06d", i)
		body = r.AppendLine(body)
	}
	return body
}

func scanBatch(t testing.TB, body []byte) (fields int) {
	s := devices.ScanLines(body)
	for s.Next() {
		for _, _, ok := s.NextField(); ok; _, _, ok = s.NextField() {
			fields++
		}
	}
	if err := s.Err(); err != nil || fields != 2000 {
		t.Fatalf("%d fields, %v", fields, err)
	}
	return fields
}

func TestLinesDoNotAllocate(t *testing.T) {
	body := batch()
	if n := testing.AllocsPerRun(10, func() { scanBatch(t, body) }); n != 0 {
		t.Errorf("scanning takes %v allocations", n)
	}
	r := reading(time.Unix(1732233600, 0), "pressure", 8.97, "temp", 92.8125, "flow", 3.1)
	dst := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(10, func() { dst = r.AppendLine(dst[:0]) }); n != 0 {
		t.Errorf("appending takes %v allocations", n)
	}
}

func BenchmarkLineScanner(b *testing.B) {
	body := batch()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		scanBatch(b, body)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500, "ns/line")
}

func BenchmarkAppendLine(b *testing.B) {
	r := reading(time.Unix(1732233600, 0), "pressure", 8.97, "temp", 92.8125, "flow", 3.1, "cycles", 1042)
	dst := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		dst = r.AppendLine(dst[:0])
	}
}
