// Package anomaly sees a device drift away from its healthy self and from its
// peers. The Engine is a fold over the log: it consumes TELEMETRY in sequence
// order and yields Findings, and its state is saved together with the sequence
// it has reached, so that a restart replays and repeats nothing.
//
// The fleet is the control group: a reading is judged by its residual against
// the robust centre of its cohort at the same time, less the device's own
// learned offset.
package anomaly
