// Package formats reads what devices in the field already send: JSON of any
// shape, SenML, Sparkplug B, and the dialects of ThingsBoard, Tasmota,
// Zigbee2MQTT and Home Assistant. A decoder is a pure function of a payload,
// its topic, the moment of receipt and, where the standard needs a memory, a
// State. It returns samples, hints for the registry, lifecycle events and what
// it refuses, in words. It never panics, and what it allocates is bounded by
// Limits, whatever it is given.
//
// Rules choose the decoder of a topic. docs/formats.md has the clauses that
// the code cites as [FM-n.m].
package formats
