package formats

// Limits bound what one payload may make us do. A zero field means its default.
// [FM-1.7]
type Limits struct {
	Payload int // bytes after decompression; default 1 MiB
	Values  int // samples, hints, events and refusals in one payload; default 20,000
	Nodes   int // JSON values or CBOR items in one payload; default 100,000
	Depth   int // how deep values may be nested; default 32
	Text    int // bytes of one text or data value; default 4 KiB

	Name int // bytes of the name of one quantity; default 512

	// What a State remembers.
	Devices  int // edge nodes, bridged devices or discovered entities; default 10,000
	Channels int // what these measure, all together; default 200,000
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		at    *int
		value int
	}{
		{&l.Payload, 1 << 20},
		{&l.Values, 20_000},
		{&l.Nodes, 100_000},
		{&l.Depth, 32},
		{&l.Text, 4 << 10},
		{&l.Name, 512},
		{&l.Devices, 10_000},
		{&l.Channels, 200_000},
	} {
		if *d.at <= 0 {
			*d.at = d.value
		}
	}
	return l
}
