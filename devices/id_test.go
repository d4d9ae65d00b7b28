package devices_test

import (
	"strings"
	"testing"

	"github.com/forecare/forecare/devices"
)

func TestValidID(t *testing.T) {
	tests := []struct {
		id   string
		want bool
	}{
		{"a", true},
		{"0", true},
		{"urn:dev:mac:0024befffe804ff1", true},
		{"a.b_c-d:e", true},
		{"..", true},
		{strings.Repeat("a", 64), true},
		{"", false},
		{strings.Repeat("a", 65), false},
		{"a b", false},
		{"a/b", false},
		{"a+", false},
		{"#", false},
		{"a,b", false},
		{"a=b", false},
		{"a\n", false},
		{"a\x00", false},
		{"ä", false},
		{"a@b", false},
		{"[", false},
		{"`", false},
		{"{", false},
	}
	for _, tt := range tests {
		if got := devices.ValidID(tt.id); got != tt.want {
			t.Errorf("ValidID(%q) = %v", tt.id, got)
		}
	}
}

func TestValidMetric(t *testing.T) {
	tests := []struct {
		name string
		want bool
	}{
		{"t", true},
		{"Temp_2", true},
		{strings.Repeat("a", 64), true},
		{"times", true},
		{"TS", true},
		{"", false},
		{"_t", false},
		{"2t", false},
		{"a-b", false},
		{"a.b", false},
		{"a b", false},
		{"é", false},
		{strings.Repeat("a", 65), false},
	}
	for _, reserved := range devices.ReservedMetrics() {
		tests = append(tests, struct {
			name string
			want bool
		}{reserved, false})
	}
	for _, tt := range tests {
		if got := devices.ValidMetric(tt.name); got != tt.want {
			t.Errorf("ValidMetric(%q) = %v", tt.name, got)
		}
	}
}
