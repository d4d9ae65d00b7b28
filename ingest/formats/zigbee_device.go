package formats

// zbBridge is what a bridge has said about the devices behind it. [FM-9.2]
type zbBridge struct {
	devices map[string]*zbDevice // by friendly name
	count   int                  // properties of all
}

// zbDevice is a device behind the bridge.
type zbDevice struct {
	id         string
	properties map[string]*zbProperty // by the way to it
}

// zbProperty is one of the things that a device exposes. on and off are the
// texts or booleans of a binary one, as they stand in JSON.
type zbProperty struct {
	unit, kind string
	on, off    string
}

// expose collects what a device exposes. Properties that belong together stand
// one below the other. [FM-9.3]
func (d *zbDevice) expose(list jsonValue, under path, depth int, room *int, c *collector) {
	for e := range list.inside() {
		kind := e.member("type").text()
		way := under
		if p := e.member("property").text(); p != "" {
			way = append(under[:len(under):len(under)], step{key: p})
		}
		if features := e.member("features"); features.kind() == jsonArray {
			if depth < 4 {
				d.expose(features, way, depth+1, room, c)
			}
			continue
		}
		name, fits := c.channelOf(way)
		if len(way) == len(under) || !fits || *room <= 0 {
			continue
		}
		*room--
		d.properties[name] = &zbProperty{
			unit: short(e.member("unit")), kind: kind, on: onWord(e.member("value_on")), off: onWord(e.member("value_off")),
		}
	}
}

func onWord(v jsonValue) string {
	if len(v.raw()) > 64 {
		return ""
	}
	return string(v.raw())
}
