package broker

import (
	"log/slog"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
)

// Limits bound what devices can make the broker hold. A zero field means its
// default.
type Limits struct {
	Packet        int           // bytes of one MQTT packet; default 4 MiB [TP-7.2]
	Connect       int           // bytes of a CONNECT, the will included; default 64 KiB
	Clients       int           // devices connected at once; default 20,000
	Handshakes    int           // connections that have not sent a valid CONNECT yet; default 1,000
	Sessions      int           // sessions of one device, connected or not; default 8
	Subscriptions int           // of one connection; default 32
	Inflight      int           // messages of one connection that wait for their PUBACK; default 256. MQTT 5 is told (Receive Maximum)
	InflightBytes int           // payloads of these together; default 1 MiB. A single message may be larger
	Retained      int           // bytes of a state that is kept for subscribers; default 4 KiB
	Handshake     time.Duration // for TLS and CONNECT; default 10 s
	Keepalive     time.Duration // longest keep-alive; default 20 min. MQTT 5 is told, MQTT 3.1.1 keeps its own
	Session       time.Duration // for which subscriptions survive their connection; default 1 h
	Write         time.Duration // for one write to a device that does not read; default 10 s
	Stop          time.Duration // for outstanding acknowledgements when the broker stops; default 15 s
}

func (l Limits) withDefaults() Limits {
	number := func(p *int, d int) {
		if *p <= 0 {
			*p = d
		}
	}
	span := func(p *time.Duration, d time.Duration) {
		if *p <= 0 {
			*p = d
		}
	}
	number(&l.Packet, 4<<20)
	number(&l.Connect, 64<<10)
	number(&l.Clients, 20_000)
	number(&l.Handshakes, 1_000)
	number(&l.Sessions, 8)
	number(&l.Subscriptions, 32)
	number(&l.Inflight, 256)
	number(&l.InflightBytes, 1<<20)
	number(&l.Retained, 4<<10)
	span(&l.Handshake, 10*time.Second)
	span(&l.Keepalive, 20*time.Minute)
	span(&l.Session, time.Hour)
	span(&l.Write, 10*time.Second)
	span(&l.Stop, 15*time.Second)
	l.Inflight = min(l.Inflight, 65_535)
	l.Keepalive = min(l.Keepalive, maxKeepalive*time.Second)
	return l
}

// maxKeepalive is the longest keep-alive, in seconds, of which mochi-mqtt can
// compute one and a half times without an overflow.
const maxKeepalive = 43_690

// topicAliases is how many topics a connection may abbreviate (MQTT 5).
const topicAliases = 16

// mochi returns the options of the server inside. Packet sizes are checked
// before it sees them; see framing.
func (l Limits) mochi() *mqtt.Options {
	c := mqtt.NewDefaultServerCapabilities()
	c.MaximumClients = int64(l.Clients)
	c.MaximumClientWritesPending = 64
	c.MaximumInflight = 64
	c.MaximumSessionExpiryInterval = uint32(l.Session / time.Second)
	c.ReceiveMaximum = uint16(l.Inflight)
	c.TopicAliasMaximum = topicAliases
	c.SharedSubAvailable = 0
	return &mqtt.Options{
		Capabilities: c,
		InlineClient: true, // publishes states of devices that are gone
		// It reads the memory statistics, for topics that nobody here may read.
		SysTopicResendInterval: int64((24 * time.Hour) / time.Second),
		// It would log whole packets, with passwords and payloads.
		Logger: slog.New(slog.DiscardHandler),
	}
}
