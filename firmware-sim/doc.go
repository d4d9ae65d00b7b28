// Package sim is a fleet of simulated devices and the ways to run one: against
// any MQTT broker, at any speed of time, with faults that a command really
// cures. It also replays recorded telemetry and stands in for an owner's mail
// program.
//
// Physics and transport are apart. What a device measures is a pure function
// of the plan (which holds the seed), the instant, and the remedies done so
// far: the same plan yields the same readings on every run, and a reading that
// was not acknowledged is computed again instead of being kept. How readings
// travel (one MQTT connection per device, QoS 1, persistent session) knows
// nothing of physics; a reading counts as delivered only when its PUBACK came.
//
// Times are event time, the instant in the device's own world, unless a name
// says wall. The two meet when a simulated past has caught up with the present.
package sim
