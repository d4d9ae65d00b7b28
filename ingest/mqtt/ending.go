package mqtt

import "github.com/forecare/forecare/ingest/mqtt/packet"

// Ending says in one word why a connection ended.
type Ending string

// The endings.
const (
	EndedByDevice     Ending = "device"    // it said so with a DISCONNECT
	EndedByNetwork    Ending = "network"   // closed without a word
	EndedByKeepalive  Ending = "keepalive" // silent for one and a half times its keep-alive
	EndedByTakeover   Ending = "takeover"  // the same user connected again with the same client identifier
	EndedByProtocol   Ending = "protocol"  // what it sent is no MQTT
	EndedByPacketSize Ending = "packet_size"
	EndedByRegistry   Ending = "registry" // disabled, removed, or its token was changed
	EndedByFault      Ending = "fault"    // a passing fault of ours: it is to send again
	EndedByStop       Ending = "stop"     // the server stops
)

// code is the reason code of the MQTT 5 DISCONNECT, Success if there is none to
// send.
func (e Ending) code() packet.Code {
	switch e {
	case EndedByKeepalive:
		return packet.KeepAliveTimeout
	case EndedByTakeover:
		return packet.TakenOver
	case EndedByProtocol:
		return packet.Malformed
	case EndedByPacketSize:
		return packet.PacketTooLarge
	case EndedByRegistry:
		return packet.NotAuthorized
	case EndedByFault:
		return packet.ServerBusy
	case EndedByStop:
		return packet.ShuttingDown
	default:
		return packet.Success
	}
}

// sentence is the reason string of the DISCONNECT.
func (e Ending) sentence() string {
	switch e {
	case EndedByKeepalive:
		return "Nothing was heard for one and a half times the keep-alive."
	case EndedByTakeover:
		return "The device has connected again with the same client identifier."
	case EndedByProtocol:
		return "The packet is malformed."
	case EndedByPacketSize:
		return "The packet exceeds the Maximum Packet Size that CONNACK announced."
	case EndedByRegistry:
		return "The device was disabled or removed, or its token was changed."
	case EndedByFault:
		return "Messages cannot be kept at the moment. Send what was not acknowledged again."
	case EndedByStop:
		return "The server is stopping. Connect again in a moment."
	default:
		return ""
	}
}
