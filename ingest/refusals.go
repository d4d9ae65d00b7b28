package ingest

// maxDeadLetter is how much of a payload a dead letter keeps. [TP-6.1]
const maxDeadLetter = 64 << 10

// payloadFormat is how a message writes several readings.
type payloadFormat int

const (
	formatJSON payloadFormat = iota
	formatLines
)

// refusals are the bad readings of one message, put together by reason so that
// a week of readings with one unknown metric is a few dead letters and not
// thousands. [TP-6.2]
type refusals struct {
	format  payloadFormat
	total   int
	letters []refusal
}

// refusal will be one dead letter.
type refusal struct {
	reason  Reason
	detail  string // of the first part
	parts   int
	payload []byte // complete only after refusals.payload
}

func (r *refusals) reset(format payloadFormat) {
	clear(r.letters)
	r.format, r.total, r.letters = format, 0, r.letters[:0]
}

// add copies raw, since the payload belongs to the door.
func (r *refusals) add(reason Reason, detail string, raw []byte) {
	r.total++
	for i := range r.letters {
		l := &r.letters[i]
		if l.reason != reason || len(l.payload)+len(raw)+2 > maxDeadLetter {
			continue
		}
		l.parts++
		l.payload = append(l.payload, r.separator())
		l.payload = append(l.payload, raw...)
		return
	}
	// The first byte is for the bracket of a list, should it become one.
	payload := make([]byte, 1, 1+len(raw))
	payload[0] = '['
	r.letters = append(r.letters, refusal{reason: reason, detail: detail, parts: 1, payload: append(payload, raw...)})
}

func (r *refusals) separator() byte {
	if r.format == formatLines {
		return '\n'
	}
	return ','
}

// body returns a letter's payload in a form that could be sent again.
func (r *refusals) body(l *refusal) []byte {
	if r.format == formatJSON && l.parts > 1 {
		return append(l.payload, ']')
	}
	return l.payload[1:]
}
