package formats

// channelOf writes a way as a channel's name. It is not ok if that is too long.
func (c *collector) channelOf(way path) (string, bool) {
	length := 0
	for _, s := range way {
		length += len(s.key) + 4
	}
	if length > c.limits.Name {
		return "", false
	}
	return way.String(), true
}

// leaf takes a JSON value that holds no others. like has the device, the time
// and the unit. A null is nothing. [FM-1.3]
func (c *collector) leaf(way path, v jsonValue, like Sample) {
	k := v.kind()
	if k == jsonNull || k == jsonAbsent {
		return
	}
	channel, ok := c.channelOf(way)
	if !ok {
		c.refuse("", TooLarge, "The name of a value is longer than %d bytes; it is %d deep in the payload.", c.limits.Name, len(way))
		return
	}
	if len(way) == 0 { // the payload is nothing but a value
		channel, way = "$", path{}
	}
	like.Channel = channel
	if value, ok := c.value(channel, v); ok {
		like.Value = value
		c.sample(like, way)
	}
}

// value reads a JSON value that holds no others. It is not ok after noting a
// fault.
func (c *collector) value(at string, v jsonValue) (Value, bool) {
	switch v.kind() {
	case jsonNumber:
		if f, ok := v.number(); ok {
			return numberValue(f), true
		}
		return Value{}, c.refuse(at, NotANumber, "The value is %s, which is too large for a float64.", quote(v.raw()))
	case jsonTrue, jsonFalse:
		return boolValue(v.kind() == jsonTrue), true
	case jsonString:
		return textValue(v.text()), true
	case jsonNonFinite:
		return Value{}, c.refuse(at, NotANumber, "The value is %s, which is no number.", quote(v.raw()))
	case jsonNull:
		return Value{Kind: Null}, true
	}
	return Value{}, c.refuse(at, NotANumber, "The value is %s. A number, true, false or a text belongs here.", quote(v.raw()))
}

// leaves takes everything in v, but for what skip says.
func (c *collector) leaves(v jsonValue, way path, like Sample, skip func(way path) bool) {
	flatten(v, way, func(way path, v jsonValue) bool {
		if skip == nil || !skip(way) {
			c.leaf(way, v, like)
		}
		return c.going()
	})
}

// parsed reads a payload that must be JSON, rejecting it if it is none.
func (c *collector) parsed() (jsonValue, bool) {
	v, refusal := parseJSON(c.in.Payload, c.limits)
	c.reject(refusal)
	return v, refusal == nil
}
