package formats

import (
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
)

// senml reads SenML packs, RFC 8428, in JSON and in CBOR. [FM-5]
type senml struct {
	devices bool // the name before the last colon or slash is the device's
}

func openSenML(o Options) (reader, error) {
	if o.Device != "" && o.Device != "name" {
		return nil, devices.Errorf(devices.Invalid, "the option device is %s; the only one for senml is name, which takes what stands before the last colon or slash of a name as the device", quote(o.Device))
	}
	return &senml{devices: o.Device != ""}, nil
}

func (s *senml) read(in *Input, _ *State, c *collector) {
	read := readSenMLJSON
	if cborPack(in.Payload) {
		read = readSenMLCBOR
	}
	pack, refusal := read(in.Payload, c.limits)
	if refusal == nil && len(pack) == 0 {
		refusal = refusef(NoFields, "There is no record in the pack.")
	}
	var measured []senmlMeasured
	var faults []Refusal
	if refusal == nil {
		measured, faults, refusal = resolveSenML(pack, clampNanos(in.Received), c.limits)
	}
	if refusal != nil {
		c.reject(refusal)
		return
	}
	var due senmlDue
	for i := range measured {
		s.sample(&measured[i], &due, c)
	}
	for _, f := range faults {
		c.refuse(f.Path, f.Reason, "%s", f.Detail)
	}
	for _, h := range due.hints {
		c.hint(h, true)
	}
}

// cborPack recognises CBOR by its first byte: a list, or the tag that says CBOR.
// JSON begins with a bracket or a space, which are neither. [FM-5.1]
func cborPack(b []byte) bool {
	return len(b) > 0 && (b[0]>>5 == cborArray || b[0]>>5 == cborTag)
}

// sample takes a record, and notes in due when the next one is due. [FM-5.6]
func (s *senml) sample(m *senmlMeasured, due *senmlDue, c *collector) {
	before, last := "", m.name
	if trimmed := strings.TrimRight(m.name, ":/"); trimmed != "" {
		i := strings.LastIndexAny(trimmed, ":/")
		before, last = trimmed[:max(i, 0)], trimmed[i+1:]
	}
	like := Sample{Channel: m.name, Unit: m.unit, Metric: MetricName(last)}
	if m.timed {
		like.Time, like.Clock = instant(m.nanos), DeviceClock
	}
	if s.devices && before != "" {
		if like.Device = c.device("record "+number(float64(m.record+1)), before); like.Device == "" {
			return
		}
	}
	if m.hasValue {
		value := like
		value.Value = m.value
		c.sample(value, nil)
	}
	if m.hasSum {
		sum := like
		sum.Channel, sum.Metric, sum.Unit = m.name+"#sum", MetricName(last+"_sum"), ""
		sum.Value = numberValue(m.sum)
		c.sample(sum, nil)
	}
	if m.update > 0 {
		due.note(like.Device, ChannelHint{Channel: m.name, Metric: like.Metric, Unit: m.unit, Every: time.Duration(m.update)})
	}
}

// senmlDue collects the update times by device, the latest of each quantity.
// [FM-5.7]
type senmlDue struct {
	hints   []Hint
	devices map[string]int
	places  map[[2]string]int // of a device's channel
}

func (d *senmlDue) note(device string, ch ChannelHint) {
	if d.devices == nil {
		d.devices, d.places = map[string]int{}, map[[2]string]int{}
	}
	i, known := d.devices[device]
	if !known {
		i = len(d.hints)
		d.devices[device] = i
		d.hints = append(d.hints, Hint{Device: device})
	}
	h := &d.hints[i]
	key := [2]string{device, ch.Channel}
	if j, known := d.places[key]; known {
		h.Channels[j] = ch
		return
	}
	d.places[key] = len(h.Channels)
	h.Channels = append(h.Channels, ch)
}
