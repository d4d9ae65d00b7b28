package formats

import "time"

// Reading is what one device measured at one instant: the unit that is accepted
// as a whole or not at all [TP-3.2]. Samples hold numbers and booleans only.
type Reading struct {
	Device     string
	Time       time.Time
	Clock      Clock
	Historical bool
	Samples    []Sample
}

// Readings puts together the samples that can be stored, by device and instant,
// in the order in which these first come. What is historical stands apart.
func (d *Decoded) Readings() []Reading {
	type id struct {
		device     string
		nanos      int64
		historical bool
	}
	var out []Reading
	at := map[id]int{}
	for _, s := range d.Samples {
		if !s.Value.Numeric() {
			continue
		}
		key := id{s.Device, s.Time.UnixNano(), s.Historical}
		i, known := at[key]
		if !known {
			i = len(out)
			at[key] = i
			out = append(out, Reading{Device: s.Device, Time: s.Time, Clock: s.Clock, Historical: s.Historical})
		}
		out[i].Samples = append(out[i].Samples, s)
	}
	return out
}
