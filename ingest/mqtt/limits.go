package mqtt

import "time"

// Limits bound what clients can make the server hold and do. A zero field means
// its default.
type Limits struct {
	Packet        int // bytes of one MQTT packet; default 4 MiB [TP-7.2]
	Connect       int // bytes of a CONNECT, the will included, and of every other packet but PUBLISH; default 64 KiB
	Large         int // bytes of all packets over 32 KiB that are being received or dealt with; default 64 MiB
	Clients       int // clients connected at once; default 20,000
	Handshakes    int // connections that have not sent a valid CONNECT yet; another one waits a second and is then refused; default 1,000
	Sessions      int // sessions of one device or application, connected or not; default 8
	Subscriptions int // of one session; default 32
	Filter        int // bytes of one topic filter; default 512
	Inflight      int // messages of one connection that wait for their acknowledgement; default 512. MQTT 5 is told (Receive Maximum)
	InflightBytes int // payloads of these together; default 1 MiB. A single message may be larger
	Unanswered    int // messages that a client is sent without acknowledging any; default 64
	Queue         int // messages of QoS 1 and 2 that wait for one session; default 100
	QueueBytes    int // payloads of these together, and of what is to be written to one connection; default 256 KiB. A single message may be larger
	Retained      int // bytes of a state that is kept for subscribers; default 4 KiB
	RetainedBytes int // of all these together; default 64 MiB

	ConnectRate  int // connections let in per second, others wait; default 1,000, with TLS 200
	ConnectBurst int // connections let in at once after a quiet time; default 1,000, with TLS 200
	FailedBurst  int // failed logins from one address until all from there are refused; default 100
	FailedRate   int // failed logins per second from one address that are forgotten; default 10

	Handshake time.Duration // for TLS and CONNECT; default 10 s
	Transfer  time.Duration // for one packet, from its first byte to its last; default 60 s
	Keepalive time.Duration // longest keep-alive; default 20 min. MQTT 5 is told, MQTT 3.1.1 keeps its own
	Session   time.Duration // for which a session survives its connection; default 1 h
	Write     time.Duration // for one write to a client that does not read; default 10 s
	Stop      time.Duration // for outstanding acknowledgements when the server stops; default 15 s
}

func (l Limits) withDefaults(tls bool) Limits {
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
	number(&l.Large, 64<<20)
	number(&l.Clients, 20_000)
	number(&l.Handshakes, 1_000)
	number(&l.Sessions, 8)
	number(&l.Subscriptions, 32)
	number(&l.Filter, 512)
	number(&l.Inflight, 512)
	number(&l.InflightBytes, 1<<20)
	number(&l.Unanswered, 64)
	number(&l.Queue, 100)
	number(&l.QueueBytes, 256<<10)
	number(&l.Retained, 4<<10)
	number(&l.RetainedBytes, 64<<20)
	rate := 1_000
	if tls {
		rate = 200 // a handshake costs a processor about a millisecond
	}
	number(&l.ConnectRate, rate)
	number(&l.ConnectBurst, rate)
	number(&l.FailedBurst, 100)
	number(&l.FailedRate, 10)
	span(&l.Handshake, 10*time.Second)
	span(&l.Transfer, time.Minute)
	span(&l.Keepalive, 20*time.Minute)
	span(&l.Session, time.Hour)
	span(&l.Write, 10*time.Second)
	span(&l.Stop, 15*time.Second)
	l.Inflight = min(l.Inflight, 65_535)
	l.Unanswered = min(l.Unanswered, 65_535)
	l.Packet = min(l.Packet, l.Large)
	l.Keepalive = min(l.Keepalive, 65_535*time.Second)
	return l
}

// topicAliases is how many topics a connection may abbreviate (MQTT 5).
const topicAliases = 16

// maxTopic is how much of a topic is kept. The longest good one has 208 bytes,
// so that a cut one is never good.
const maxTopic = 512

// maxClientID is the longest client identifier, in bytes.
const maxClientID = 256
