package formats

import (
	"fmt"
	"time"
)

// collector takes what a decoder finds, gives it names and holds the limits, so
// that a decoder knows its format only.
type collector struct {
	out    Decoded
	in     *Input
	fields []field
	others bool // values that no field names are kept
	limits Limits
	count  int
	seen   map[sampleID]struct{}
	names  map[string]string // by device identifier, the name that became it in this payload
}

type sampleID struct {
	device, metric string
	nanos          int64
}

// full reports whether the payload holds more than the limit; then it is
// rejected and nothing more is taken.
func (c *collector) full() bool {
	if c.out.Rejected != nil {
		return true
	}
	if c.count++; c.count > c.limits.Values {
		c.reject(refusef(TooLarge, "The message holds more than %d values. Send them in several messages.", c.limits.Values))
		return true
	}
	return false
}

// reject refuses the whole payload and forgets what was found in it.
func (c *collector) reject(r *Refusal) {
	if r != nil && c.out.Rejected == nil {
		c.out = Decoded{Rejected: r}
	}
}

// refuse notes a part that is wrong. It is false, for decoders that stop there.
func (c *collector) refuse(at string, r Reason, format string, args ...any) bool {
	if !c.full() {
		c.out.Refused = append(c.out.Refused, Refusal{r, at, fmt.Sprintf(format, args...)})
	}
	return false
}

// skip notes a part that is right, but no measurement or not for Forecare.
func (c *collector) skip(at string, r Reason, format string, args ...any) {
	if !c.full() {
		c.out.Skipped = append(c.out.Skipped, Refusal{r, at, fmt.Sprintf(format, args...)})
	}
}

func (c *collector) event(e Event) {
	if e.Time.IsZero() {
		e.Time = c.in.Received
	}
	if e.Device == "" {
		e.Device = c.in.Device
	}
	if !c.full() {
		c.out.Events = append(c.out.Events, e)
	}
}

// hint takes a hint and names its channels as samples are named.
func (c *collector) hint(h Hint, literal bool) {
	if h.Device == "" {
		h.Device = c.in.Device
	}
	kept := h.Channels[:0]
	for _, ch := range h.Channels {
		if c.full() {
			return
		}
		steps := path{{key: ch.Channel}}
		if !literal {
			if p, err := parsePath(ch.Channel); err == nil {
				steps = p
			}
		}
		s := Sample{Channel: ch.Channel, Unit: ch.Unit, Metric: ch.Metric}
		if listed, refusal := c.named(&s, steps); listed && refusal == nil && s.Metric != "" {
			ch.Metric, ch.Unit = s.Metric, s.Unit
			kept = append(kept, ch)
		}
	}
	h.Channels = kept
	if !h.empty() && !c.full() {
		c.out.Hints = append(c.out.Hints, h)
	}
}

// request asks for a message to be sent back.
func (c *collector) request(r Request) {
	if !c.full() {
		c.out.Requests = append(c.out.Requests, r)
	}
}

// device makes an identifier of a name in the payload; at says where. It is ""
// after noting a fault.
func (c *collector) device(at, name string) string {
	id := DeviceID(name)
	if id == "" {
		c.refuse(at, BadPayload, "The device is called %s, of which no identifier of 1 to 64 letters, digits, colons, dots, underscores and hyphens can be made.", quote(name))
		return ""
	}
	if other, there := c.names[id]; there && other != name {
		c.refuse(at, BadPayload, "The devices %s and %s would both become %s. Rename one of them.", quote(other), quote(name), id)
		return ""
	}
	if c.names == nil {
		c.names = map[string]string{}
	}
	c.names[id] = name
	return id
}

// named gives a sample its metric. It is not listed if the options name other
// values only.
func (c *collector) named(s *Sample, steps path) (listed bool, _ *Refusal) {
	for i := range c.fields {
		f := &c.fields[i]
		if f.OfUnit != "" && f.OfUnit != s.Unit {
			continue
		}
		if captures, ok := f.steps.matches(steps); ok {
			return true, f.apply(s, captures)
		}
	}
	if !c.others {
		return false, nil
	}
	if s.Metric == "" {
		s.Metric = MetricName(s.Channel)
	}
	return true, nil
}

// sample takes a value. steps is the way to it in JSON; a format of another
// make gives nil, and its channel is one step. A metric that is set already is
// the format's own default.
func (c *collector) sample(s Sample, steps path) {
	if c.full() {
		return
	}
	if s.Time.IsZero() {
		s.Time, s.Clock = c.in.Received, ReceivedClock
	}
	if s.Device == "" {
		s.Device = c.in.Device
	}
	if steps == nil {
		steps = path{{key: s.Channel}}
	}
	listed, refusal := c.named(&s, steps)
	switch {
	case !listed:
		c.out.Unlisted++
		return
	case refusal != nil:
		c.refuse(s.Channel, refusal.Reason, "%s", refusal.Detail)
		return
	case s.Metric == "":
		c.refuse(s.Channel, BadPayload, "No metric's name of 1 to 64 letters, digits and underscores can be made of %s. Give it one by a field in the rule.", quote(s.Channel))
		return
	case len(s.Value.Text) > c.limits.Text || len(s.Value.Data) > c.limits.Text:
		c.refuse(s.Channel, TooLarge, "The value is longer than %d bytes.", c.limits.Text)
		return
	}
	id := sampleID{s.Device, s.Metric, s.Time.UnixNano()}
	if _, twice := c.seen[id]; twice {
		c.refuse(s.Channel, BadPayload, "The metric %s comes twice at the instant %s. Give each value a name of its own by fields in the rule.", s.Metric, s.Time.UTC().Format(time.RFC3339Nano))
		return
	}
	if c.seen == nil {
		c.seen = map[sampleID]struct{}{}
	}
	c.seen[id] = struct{}{}
	c.out.Samples = append(c.out.Samples, s)
}

// going reports whether the payload is still worth reading.
func (c *collector) going() bool { return c.out.Rejected == nil }
