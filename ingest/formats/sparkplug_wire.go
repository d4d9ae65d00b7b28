package formats

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// spPayload is a Sparkplug B payload, as far as a host needs it. Byte slices
// share memory with the message. [FM-6.2]
type spPayload struct {
	timestamp, seq  uint64
	hasTime, hasSeq bool
	metrics         []spMetric
	uuid            string
	body            []byte
}

// spMetric is one metric of it. field is the number of the value's field, 0 if
// none is set; bits is the value of a scalar, bytes of anything longer.
type spMetric struct {
	name                        []byte
	alias, timestamp            uint64
	datatype                    spType
	hasAlias, hasTime           bool
	historical, transient, null bool
	properties                  []byte
	field                       protowire.Number
	bits                        uint64
	bytes                       []byte
}

// The fields of a metric that may hold its value.
const (
	spInt      protowire.Number = 10
	spLong     protowire.Number = 11
	spFloat    protowire.Number = 12
	spDouble   protowire.Number = 13
	spBoolean  protowire.Number = 14
	spString   protowire.Number = 15
	spBytes    protowire.Number = 16
	spDataSet  protowire.Number = 17
	spTemplate protowire.Number = 18
)

// protoField is one field of a message on the wire.
type protoField struct {
	number protowire.Number
	kind   protowire.Type
	bits   uint64 // of a scalar
	bytes  []byte // of a string, bytes or message
}

// protoFields calls f for every field of a message in its order, until f
// returns false. It returns the offset of what is no protobuf, -1 if all is.
// Groups are skipped: no field of Sparkplug is one.
func protoFields(b []byte, f func(protoField) bool) int {
	whole := len(b)
	for len(b) > 0 {
		at := whole - len(b)
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return at
		}
		b = b[n:]
		field := protoField{number: number, kind: kind}
		switch kind {
		case protowire.VarintType:
			field.bits, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			field.bits = uint64(v)
		case protowire.Fixed64Type:
			field.bits, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			field.bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return at
		}
		b = b[n:]
		if kind != protowire.StartGroupType && !f(field) {
			return -1
		}
	}
	return -1
}

// parseSparkplug reads a payload. A field of an unexpected wire type is skipped
// as an unknown one is.
func parseSparkplug(b []byte, l Limits) (spPayload, *Refusal) {
	var p spPayload
	var refusal *Refusal
	broken := protoFields(b, func(f protoField) bool {
		switch {
		case f.number == 1 && f.kind == protowire.VarintType:
			p.timestamp, p.hasTime = f.bits, true
		case f.number == 2 && f.kind == protowire.BytesType:
			if len(p.metrics) == l.Values {
				refusal = refusef(TooLarge, "The payload holds more than %d metrics. Send them in several messages.", l.Values)
				return false
			}
			m, at := parseSparkplugMetric(f.bytes)
			if at >= 0 {
				refusal = refusef(BadPayload, "Metric %d of the payload is no protobuf from its byte %d on.", len(p.metrics)+1, at+1)
				return false
			}
			p.metrics = append(p.metrics, m)
		case f.number == 3 && f.kind == protowire.VarintType:
			p.seq, p.hasSeq = f.bits, true
		case f.number == 4 && f.kind == protowire.BytesType:
			p.uuid = string(f.bytes[:min(len(f.bytes), 64)])
		case f.number == 5 && f.kind == protowire.BytesType:
			p.body = f.bytes
		}
		return true
	})
	if broken >= 0 {
		refusal = refusef(BadPayload, "The payload is no protobuf from byte %d on.", broken+1)
	}
	return p, refusal
}

func parseSparkplugMetric(b []byte) (m spMetric, broken int) {
	broken = protoFields(b, func(f protoField) bool {
		scalar := f.kind == protowire.VarintType
		switch f.number {
		case 1:
			m.name = f.bytes
		case 2:
			m.alias, m.hasAlias = f.bits, scalar
		case 3:
			m.timestamp, m.hasTime = f.bits, scalar
		case 4:
			m.datatype = spType(min(f.bits, 1<<16))
		case 5:
			m.historical = f.bits != 0
		case 6:
			m.transient = f.bits != 0
		case 7:
			m.null = f.bits != 0
		case 9:
			m.properties = f.bytes
		case spInt, spLong, spBoolean:
			if scalar {
				m.field, m.bits = f.number, f.bits
			}
		case spFloat:
			if f.kind == protowire.Fixed32Type {
				m.field, m.bits = f.number, f.bits
			}
		case spDouble:
			if f.kind == protowire.Fixed64Type {
				m.field, m.bits = f.number, f.bits
			}
		case spString, spBytes, spDataSet, spTemplate:
			if f.kind == protowire.BytesType {
				m.field, m.bytes = f.number, f.bytes
			}
		}
		return true
	})
	return m, broken
}

// spProperties are the properties of a metric that matter here.
type spProperties struct {
	quality    int64
	hasQuality bool
	unit       string
}

// parseSparkplugProperties reads the quality and the engineering unit out of a
// property set, whose keys and values are two lists. [FM-6.7]
func parseSparkplugProperties(b []byte) spProperties {
	var keys [][]byte
	var values [][]byte
	protoFields(b, func(f protoField) bool {
		switch {
		case f.kind != protowire.BytesType:
		case f.number == 1:
			keys = append(keys, f.bytes)
		case f.number == 2:
			values = append(values, f.bytes)
		}
		return len(keys) < 100 && len(values) < 100
	})
	var p spProperties
	for i := range min(len(keys), len(values)) {
		switch string(keys[i]) {
		case "Quality":
			protoFields(values[i], func(f protoField) bool {
				if (f.number == 3 || f.number == 4) && f.kind == protowire.VarintType {
					p.quality, p.hasQuality = int64(int32(f.bits)), true
				}
				return true
			})
		case "engUnit":
			protoFields(values[i], func(f protoField) bool {
				if f.number == 8 && len(f.bytes) <= 32 {
					p.unit = validText(f.bytes)
				}
				return true
			})
		}
	}
	return p
}

// rebirthCommand is the payload that asks an edge node for its births: one
// metric, by name. [FM-6.6]
func rebirthCommand(now uint64) []byte {
	var m []byte
	m = protowire.AppendTag(m, 1, protowire.BytesType)
	m = protowire.AppendString(m, "Node Control/Rebirth")
	m = protowire.AppendTag(m, 3, protowire.VarintType)
	m = protowire.AppendVarint(m, now)
	m = protowire.AppendTag(m, 4, protowire.VarintType)
	m = protowire.AppendVarint(m, uint64(spTypeBoolean))
	m = protowire.AppendTag(m, spBoolean, protowire.VarintType)
	m = protowire.AppendVarint(m, 1)
	var b []byte
	b = protowire.AppendTag(b, 1, protowire.VarintType)
	b = protowire.AppendVarint(b, now)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	return protowire.AppendBytes(b, m)
}
