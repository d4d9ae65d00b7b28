// Package outreach cares: a finding opens or joins a case, the case offers the
// owner a remedy at their convenience through one message that policy allows,
// the remedy is done, and telemetry verifies it.
//
// The Desk decides. Each decision is a pure function of what one transaction
// has read (View) to what the same transaction stores (Change): case, event,
// finding, messages and booking together, or nothing. That makes every
// operation safe to repeat, and safe beside another process. A case is the
// projection of its append-only events; State.After is the whole state machine.
//
// The Dispatcher sends. A message is marked before it is sent, so that after a
// crash it is known which ones may have gone out; those are never sent again
// where that could be seen.
//
// Policy and Calendar are data. Policy.Decide is asked before a message is
// composed and again before it is sent, and its Decision stays with the
// message. Calendar.Free and Calendar.Place share one function, so that what is
// offered is what is accepted.
//
// Cases, bookings, leases and deadlines are in wall clock; findings are in
// event time, which is a device's own and never ahead of ours.
package outreach
