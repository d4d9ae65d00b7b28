package formats_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/ingest/formats"
)

// received is the moment of receipt in all tests.
var received = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// show writes what became of a payload, one line for each thing, so that a test
// reads as the facts of a standard do.
func show(d formats.Decoded) string {
	var out []string
	add := func(format string, args ...any) { out = append(out, strings.TrimSpace(fmt.Sprintf(format, args...))) }
	if d.Rejected != nil {
		add("rejected %s: %s", d.Rejected.Reason, d.Rejected.Detail)
	}
	for _, s := range d.Samples {
		name := s.Metric
		if s.Channel != s.Metric {
			name = s.Channel + " > " + s.Metric
		}
		if s.Device != "" {
			name = s.Device + ": " + name
		}
		if s.Unit != "" {
			s.Unit = " " + s.Unit
		}
		when := s.Time.Format(time.RFC3339Nano)
		if s.Clock == formats.ReceivedClock {
			when = "receipt"
			if !s.Time.Equal(received) {
				when = "receipt, but " + s.Time.String()
			}
		}
		late := ""
		if s.Historical {
			late = " historical"
		}
		add("%s = %s%s @ %s%s", name, s.Value, s.Unit, when, late)
	}
	for _, h := range d.Hints {
		add("hint %s name=%q maker=%q model=%q fw=%q serial=%q via=%q gone=%v", h.Device, h.Name, h.Maker, h.Model, h.Firmware, h.Serial, h.Via, h.Gone)
		for _, c := range h.Channels {
			add("  has %s > %s unit=%q type=%q class=%q every=%s", c.Channel, c.Metric, c.Unit, c.Type, c.Class, c.Every)
		}
		for _, k := range slices.Sorted(maps.Keys(h.Attributes)) {
			add("  fact %s=%s", k, h.Attributes[k])
		}
	}
	for _, e := range d.Events {
		add("event %s id=%q %s %s", strings.TrimSpace(e.Device+" "+string(e.Kind)), e.ID, e.Payload, e.Error)
	}
	for _, r := range d.Requests {
		add("request %s %d bytes: %s", r.Topic, len(r.Payload), r.Why)
	}
	for _, r := range d.Refused {
		add("refused %s: %s", strings.TrimSpace(r.Path+" "+string(r.Reason)), r.Detail)
	}
	for _, r := range d.Skipped {
		add("skipped %s: %s", strings.TrimSpace(r.Path+" "+string(r.Reason)), r.Detail)
	}
	if d.Unlisted > 0 {
		add("%d unlisted", d.Unlisted)
	}
	return strings.Join(out, "\n")
}

// want compares what became of a payload with lines, whose indentation does not
// matter.
func want(t *testing.T, got formats.Decoded, lines string) {
	t.Helper()
	if diff := cmp.Diff(trimmed(lines), trimmed(show(got))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func trimmed(s string) []string {
	var out []string
	for line := range strings.SplitSeq(s, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// decoder returns a decoder or ends the test.
func decoder(t testing.TB, format string, o formats.Options) *formats.Decoder {
	t.Helper()
	d, err := formats.NewDecoder(format, o, formats.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// decode reads one payload as the first that there is.
func decode(t testing.TB, format string, o formats.Options, topic, payload string) formats.Decoded {
	t.Helper()
	return decoder(t, format, o).Decode(formats.Input{Topic: topic, Payload: []byte(payload), Received: received}, nil)
}

// sane checks what holds for any result whatever.
func sane(t *testing.T, d formats.Decoded) {
	t.Helper()
	if r := d.Rejected; r != nil && (r.Reason == "" || r.Detail == "" || len(d.Samples)+len(d.Hints)+len(d.Events)+len(d.Requests) > 0) {
		t.Fatalf("rejected as %+v with %+v", r, d)
	}
	type id struct {
		device, metric string
		at             time.Time
	}
	seen := map[id]bool{}
	for _, s := range d.Samples {
		i := id{s.Device, s.Metric, s.Time}
		switch {
		case seen[i]:
			t.Fatalf("%+v twice", i)
		case formats.MetricName(s.Metric) != s.Metric || s.Device != "" && formats.DeviceID(s.Device) != s.Device:
			t.Fatalf("names of %+v", s)
		case s.Value.Number-s.Value.Number != 0:
			t.Fatalf("%+v is not finite", s)
		case s.Clock != formats.DeviceClock && s.Clock != formats.ReceivedClock:
			t.Fatalf("%+v has no clock", s)
		case len(s.Channel) > 1100 || len(s.Value.Text) > 4096 || len(s.Value.Data) > 4096:
			t.Fatalf("%.100v is too long", s)
		}
		seen[i] = true
	}
	for _, r := range slices.Concat(d.Refused, d.Skipped) {
		if r.Reason == "" || r.Detail == "" || len(r.Detail) > 2000 {
			t.Fatalf("refusal %+v", r)
		}
	}
	for _, e := range d.Events {
		if e.Kind == "" || e.Time.IsZero() {
			t.Fatalf("event %+v", e)
		}
	}
}
