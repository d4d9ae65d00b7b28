// Package devices is the vocabulary that every stage speaks: devices, their
// models and owners, the readings they send, the topics they send them on, and
// the errors that tell a person what to do. It imports the standard library
// only, and nothing in it talks to a network or a database.
//
// Times are instants (time.Time, stored as Unix milliseconds in SQL and Unix
// nanoseconds on the log); "event time" is the device's own time of a reading.
package devices
