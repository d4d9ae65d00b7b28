// Package mqtt is the door for devices: an MQTT server, 3.1.1 and 5, that hands
// every message to one function, ingest's Accept, and acknowledges it when that
// says that it is durable, many in one write. Commands go the other way. What
// devices say about their state reaches their gateway; applications, if there
// are any, read what the devices of their tenant say. The reactions are those
// of docs/protocol.md. DESIGN.md tells why it is made so.
package mqtt
