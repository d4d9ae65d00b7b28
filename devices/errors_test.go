package devices_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/forecare/forecare/devices"
)

func TestErrorsTellUsersTheMessageOnly(t *testing.T) {
	cause := errors.New("dial tcp 10.0.0.1: refused")
	tests := []struct {
		name          string
		err           error
		code          devices.Code
		message, text string
	}{
		{"none", nil, "", "", ""},
		{"plain", devices.Errorf(devices.Invalid, "lat is %v", 91), devices.Invalid, "lat is 91", "lat is 91"},
		{"with a cause", devices.Wrap(cause, devices.Unavailable, "Try again."), devices.Unavailable, "Try again.", "Try again.: dial tcp 10.0.0.1: refused"},
		{"in a chain", fmt.Errorf("saving: %w", devices.Errorf(devices.Conflict, "There is one.")), devices.Conflict, "There is one.", "saving: There is one."},
		{"foreign", cause, devices.Internal, "Something went wrong on our side. It has been logged.", cause.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := devices.CodeOf(tt.err); got != tt.code {
				t.Errorf("code is %q, want %q", got, tt.code)
			}
			if tt.err == nil {
				return
			}
			if got := devices.MessageOf(tt.err); got != tt.message {
				t.Errorf("message is %q, want %q", got, tt.message)
			}
			if got := tt.err.Error(); got != tt.text {
				t.Errorf("text is %q, want %q", got, tt.text)
			}
		})
	}
	if !errors.Is(devices.Wrap(cause, devices.Internal, "x"), cause) {
		t.Error("the cause is not in the chain")
	}
}

func TestAddressIsAllowedByTheLaterDecision(t *testing.T) {
	yes, no := time.UnixMilli(1000), time.UnixMilli(2000)
	tests := []struct {
		address devices.Address
		want    bool
	}{
		{devices.Address{}, false},
		{devices.Address{Consent: yes}, true},
		{devices.Address{Withdrawn: no}, false},
		{devices.Address{Consent: yes, Withdrawn: no}, false},
		{devices.Address{Consent: no, Withdrawn: yes}, true},
	}
	for _, tt := range tests {
		if got := tt.address.Allowed(); got != tt.want {
			t.Errorf("%+v: allowed is %v", tt.address, got)
		}
	}
}
