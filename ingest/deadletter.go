package ingest

import "bytes"

// newDeadLetter makes a dead letter of a message or of a part of it. It copies
// what it keeps of the payload, which is the door's. [TP-6.1]
func newDeadLetter(m Message, r Reason, detail string, payload []byte, parts int) DeadLetter {
	return DeadLetter{
		Publisher: m.Publisher,
		Topic:     m.Topic,
		Reason:    r,
		Detail:    detail,
		Payload:   bytes.Clone(payload[:min(len(payload), maxDeadLetter)]),
		Size:      len(payload),
		Parts:     parts,
		Received:  m.Received,
	}
}
