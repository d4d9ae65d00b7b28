package broker

import "github.com/mochi-mqtt/server/v2/packets"

// Ending says in one word why a connection ended.
type Ending string

// The endings.
const (
	EndedByDevice     Ending = "device"    // it said so with a DISCONNECT
	EndedByNetwork    Ending = "network"   // closed without a word
	EndedByKeepalive  Ending = "keepalive" // silent for one and a half times its keep-alive
	EndedByTakeover   Ending = "takeover"  // the device connected again with the same client identifier
	EndedByProtocol   Ending = "protocol"  // what it sent is no MQTT
	EndedByPacketSize Ending = "packet_size"
	EndedByRegistry   Ending = "registry" // disabled, removed, or its token was changed
	EndedByFault      Ending = "fault"    // a passing fault of ours: it is to send again
	EndedByStop       Ending = "stop"     // the broker stops
)

// code is the reason code of the MQTT 5 DISCONNECT, 0 if there is none to send.
func (e Ending) code() byte {
	switch e {
	case EndedByKeepalive:
		return packets.ErrKeepAliveTimeout.Code
	case EndedByTakeover:
		return packets.ErrSessionTakenOver.Code
	case EndedByProtocol:
		return packets.ErrMalformedPacket.Code
	case EndedByPacketSize:
		return packets.ErrPacketTooLarge.Code
	case EndedByRegistry:
		return packets.ErrNotAuthorized.Code
	case EndedByFault:
		return packets.ErrServerBusy.Code
	case EndedByStop:
		return packets.ErrServerShuttingDown.Code
	default:
		return 0
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
