// Package bus is the log between the stages: JetStream, embedded in the
// process or dialled. It owns the streams and the only loops that fetch and
// acknowledge; stages see plain functions and domain types. [TP-9]
package bus
