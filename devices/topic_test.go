package devices_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
)

func TestParseTopic(t *testing.T) {
	key := devices.Key{Tenant: "acme", Device: "p-1"}
	long := strings.Repeat("x", 64)
	tests := []struct {
		topic string
		want  devices.Topic
		says  string // part of the error
	}{
		{topic: "fleet/acme/p-1/telemetry", want: devices.Topic{Key: key, Kind: devices.TopicTelemetry}},
		{topic: "fleet/acme/p-1/event", want: devices.Topic{Key: key, Kind: devices.TopicEvent}},
		{topic: "fleet/acme/p-1/state", want: devices.Topic{Key: key, Kind: devices.TopicState}},
		{topic: "fleet/acme/p-1/cmd/42", want: devices.Topic{Key: key, Kind: devices.TopicCommand, Command: "42"}},
		{topic: "fleet/acme/p-1/cmd/42/ack", want: devices.Topic{Key: key, Kind: devices.TopicAck, Command: "42"}},
		{topic: "fleet/acme/p-1/cmd/ack", want: devices.Topic{Key: key, Kind: devices.TopicCommand, Command: "ack"}},
		{topic: "fleet/acme/p-1/cmd/ack/ack", want: devices.Topic{Key: key, Kind: devices.TopicAck, Command: "ack"}},
		{topic: "fleet/A:z.0_-/" + long + "/event", want: devices.Topic{Key: devices.Key{Tenant: "A:z.0_-", Device: long}, Kind: devices.TopicEvent}},

		{topic: "", says: "does not begin with fleet/"},
		{topic: "fleet", says: "does not begin with fleet/"},
		{topic: "/fleet/acme/p-1/telemetry", says: "does not begin with fleet/"},
		{topic: "Fleet/acme/p-1/telemetry", says: "does not begin with fleet/"},
		{topic: "fleets/acme/p-1/telemetry", says: "does not begin with fleet/"},
		{topic: "$SYS/broker", says: "does not begin with fleet/"},
		{topic: "fleet/", says: "the tenant"},
		{topic: "fleet//p-1/telemetry", says: "the tenant"},
		{topic: "fleet/acme", says: "the device"},
		{topic: "fleet/acme/", says: "the device"},
		{topic: "fleet/acme//telemetry", says: "the device"},
		{topic: "fleet/+/p-1/telemetry", says: "the tenant"},
		{topic: "fleet/acme/#", says: "the device"},
		{topic: "fleet/acme/+/telemetry", says: "the device"},
		{topic: "fleet/acme/p 1/telemetry", says: "the device"},
		{topic: "fleet/acme/p\x001/telemetry", says: "the device"},
		{topic: "fleet/acmé/p-1/telemetry", says: "the tenant"},
		{topic: "fleet/acme/" + long + "x/telemetry", says: "the device"},
		{topic: "fleet/acme/p-1", says: "none of the known forms"},
		{topic: "fleet/acme/p-1/", says: "none of the known forms"},
		{topic: "fleet/acme/p-1/Telemetry", says: "none of the known forms"},
		{topic: "fleet/acme/p-1/telemetry/", says: "none of the known forms"},
		{topic: "fleet/acme/p-1/telemetry/x", says: "none of the known forms"},
		{topic: "fleet/acme/p-1/event/state", says: "none of the known forms"},
		{topic: "fleet/acme/p-1/cmd", says: "none of the known forms"},
		{topic: "fleet/acme/p-1/cmd/", says: "the command"},
		{topic: "fleet/acme/p-1/cmd//ack", says: "the command"},
		{topic: "fleet/acme/p-1/cmd/42/", says: "the command"},
		{topic: "fleet/acme/p-1/cmd/42/ack/", says: "the command"},
		{topic: "fleet/acme/p-1/cmd/42/nack", says: "the command"},
		{topic: "fleet/acme/p-1/cmd/+", says: "the command"},
		{topic: "fleet/acme/p-1/" + strings.Repeat("y", 10_000), says: "(cut)"},
	}
	for _, tt := range tests {
		t.Run(tt.topic, func(t *testing.T) {
			got, err := devices.ParseTopic(tt.topic)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if tt.says == "" {
				if err != nil {
					t.Error(err)
				}
				if got.String() != tt.topic {
					t.Errorf("String gives %q", got.String())
				}
				return
			}
			if devices.CodeOf(err) != devices.Invalid || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error is %v, want Invalid with %q", err, tt.says)
			}
			if err != nil && len(err.Error()) > 500 {
				t.Errorf("the error has %d characters", len(err.Error()))
			}
		})
	}
}

func TestTopicOfNoKindIsNoTopic(t *testing.T) {
	if got := (devices.Topic{Key: devices.Key{Tenant: "a", Device: "b"}}).String(); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestParseTopicDoesNotAllocate(t *testing.T) {
	for _, topic := range []string{"fleet/acme/p-1/telemetry", "fleet/acme/p-1/cmd/42/ack"} {
		if n := testing.AllocsPerRun(100, func() {
			if _, err := devices.ParseTopic(topic); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", topic, n)
		}
	}
}

func FuzzParseTopic(f *testing.F) {
	for _, s := range []string{"fleet/acme/p-1/telemetry", "fleet/acme/p-1/cmd/42/ack", "fleet/acme/p-1/cmd/42", "fleet//x/state", "fleet/+/#"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := devices.ParseTopic(s)
		if err != nil {
			if got != (devices.Topic{}) || devices.CodeOf(err) != devices.Invalid {
				t.Errorf("%q gives %+v with %v", s, got, err)
			}
			return
		}
		// What is taken has one spelling, and nothing in it but identifiers.
		if got.String() != s {
			t.Errorf("%q comes back as %q", s, got.String())
		}
		for level := range strings.SplitSeq(s, "/") {
			if !devices.ValidID(level) {
				t.Errorf("%q was taken with the level %q", s, level)
			}
		}
	})
}

func BenchmarkParseTopic(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := devices.ParseTopic("fleet/acme/device-000123/telemetry"); err != nil {
			b.Fatal(err)
		}
	}
}
