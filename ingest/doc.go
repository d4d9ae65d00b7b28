// Package ingest takes a device's message to durable storage. Accept decodes,
// validates and stamps it, group commit appends what arrives together to the
// log as InfluxDB line protocol, and only that append releases the PUBACK. The
// Writer carries the log into the readings store. What cannot be accepted is
// kept as a DeadLetter with its reason, never dropped.
package ingest
