// Package packet reads and writes the control packets of MQTT 3.1.1 and 5.
//
// Decoding works on one whole packet in memory and copies nothing: what it
// yields are slices of that memory, valid as long as its owner leaves it alone.
// It is strict. What the standard calls malformed or a protocol error is an
// *Error with the reason code that MQTT 5 has for it. Clauses are cited as
// [MQTT-3.3.1-4]; where the two versions number one clause differently, the
// number is that of MQTT 5.
//
// Encoding appends to a slice and expects sensible values: it is for packets of
// our own making.
package packet
