package outreach_test

import (
	"testing"

	"github.com/forecare/forecare/outreach"
)

func TestStateAfter(t *testing.T) {
	kinds := []outreach.EventKind{
		outreach.EventOpened, outreach.EventFinding, outreach.EventOffered, outreach.EventMessage, outreach.EventBooked, outreach.EventUnbooked,
		outreach.EventBothering, outreach.EventOptedOut, outreach.EventOptedIn, outreach.EventNote, outreach.EventStarted, outreach.EventCommand,
		outreach.EventDone, outreach.EventVerified, outreach.EventReopened, outreach.EventDismissed, outreach.EventWithdrawn,
	}
	for _, final := range []outreach.State{outreach.Verified, outreach.Dismissed, outreach.Withdrawn} {
		for _, kind := range kinds {
			if got := final.After(kind); got != final {
				t.Errorf("%s became %s by %s", final, got, kind)
			}
		}
	}
	tests := []struct {
		from outreach.State
		kind outreach.EventKind
		want outreach.State
	}{
		{"", outreach.EventOpened, outreach.Opened},
		{outreach.Opened, outreach.EventOffered, outreach.Offered},
		{outreach.Reopened, outreach.EventOffered, outreach.Reopened},
		{outreach.Offered, outreach.EventBooked, outreach.Scheduled},
		{outreach.Scheduled, outreach.EventBooked, outreach.Scheduled},
		{outreach.Scheduled, outreach.EventUnbooked, outreach.Offered},
		{outreach.Scheduled, outreach.EventStarted, outreach.InProgress},
		{outreach.InProgress, outreach.EventCommand, outreach.InProgress},
		{outreach.InProgress, outreach.EventDone, outreach.Done},
		{outreach.Done, outreach.EventVerified, outreach.Verified},
		{outreach.Done, outreach.EventReopened, outreach.Reopened},
		{outreach.Offered, outreach.EventNote, outreach.Offered},
	}
	for _, tt := range tests {
		if got := tt.from.After(tt.kind); got != tt.want {
			t.Errorf("%s after %s is %s, want %s", tt.from, tt.kind, got, tt.want)
		}
	}
}
