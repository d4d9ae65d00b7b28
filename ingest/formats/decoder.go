package formats

import "time"

// Input is one publish as a decoder sees it. Device is the identifier that the
// topic's rule gives it, "" if the payload names the device or the publisher is
// meant. Encoding is the content encoding that the sender names, "" if none.
type Input struct {
	Topic    string
	Device   string
	Payload  []byte
	Encoding string
	Received time.Time
}

// Decoder reads the payloads of one format with one set of options. It keeps
// nothing, so that any number of goroutines may use it; what a standard makes
// a host remember is in the State.
type Decoder struct {
	format Format
	fields []field
	others bool
	limits Limits
	reader reader
}

// reader reads one format. It may keep parts of the payload in what it returns.
type reader interface {
	read(in *Input, st *State, c *collector)
}

// Format returns what the decoder reads.
func (d *Decoder) Format() Format { return d.format }

// Decode reads one payload. Nothing in the result shares memory with it. st is
// the memory for the messages that belong together, made by NewState; with nil
// each message is the first one. The result depends on the arguments only.
func (d *Decoder) Decode(in Input, st *State) Decoded {
	c := collector{in: &in, fields: d.fields, others: d.others, limits: d.limits}
	payload, refusal := inflate(in.Payload, in.Encoding, d.limits.Payload)
	if refusal != nil {
		return Decoded{Rejected: refusal}
	}
	in.Payload = payload
	in.Received = instant(clampNanos(in.Received))
	if d.format.recall {
		if st == nil {
			st = d.NewState()
		}
		st.mu.Lock()
		defer st.mu.Unlock()
	}
	d.reader.read(&in, st, &c)
	return c.out
}

// NewState returns an empty memory for Decode. Keep one for each tenant and
// format.
func (d *Decoder) NewState() *State { return newState(d.limits) }
