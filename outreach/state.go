package outreach

// After returns the state that a case in state s has once kind has happened to
// it. It is the whole state machine: a case's State is the fold of its events
// with After, starting from "". Nothing moves a final state.
func (s State) After(kind EventKind) State {
	if !s.Open() {
		return s
	}
	switch kind {
	case EventOpened:
		return Opened
	case EventOffered:
		// A reopened case stays visible as such although the owner has a new offer.
		if s == Opened {
			return Offered
		}
	case EventBooked:
		return Scheduled
	case EventUnbooked:
		return Offered
	case EventStarted:
		return InProgress
	case EventDone:
		return Done
	case EventVerified:
		return Verified
	case EventReopened:
		return Reopened
	case EventDismissed:
		return Dismissed
	case EventWithdrawn:
		return Withdrawn
	}
	return s
}
