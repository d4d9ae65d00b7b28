// Package demo is what `make run` shows: a simulated fleet that uploads its
// past at one day per ten seconds and then goes on in real time, the owners of
// its devices, a technician who comes as soon as a visit is booked, and a
// narrator who says in plain words what happens. Forecare itself knows nothing
// of all this: the fleet speaks MQTT to it, the technician its public API.
package demo
