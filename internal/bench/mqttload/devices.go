package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/proving"
)

const (
	tenant = "bench"
	// interval is the time between two readings of a device, in event time.
	interval = 10 * time.Second
)

// fleet returns n heat pumps with four metrics.
func fleet(n int) proving.Fleet {
	f := proving.Fleet{Model: devices.Model{
		Tenant: tenant, ID: "heatpump", Name: "Heat pump", Interval: interval,
		Metrics: []devices.Metric{
			{Name: "supply_temp", Unit: "°C", Noticeable: 8, Tolerance: 3},
			{Name: "return_temp", Unit: "°C", Noticeable: 8, Tolerance: 3},
			{Name: "compressor_power", Unit: "W", Noticeable: 900, Tolerance: 400},
			{Name: "condenser_pressure", Unit: "bar", Noticeable: 0.8, Tolerance: 0.4},
		},
	}}
	for i := range n {
		f.Devices = append(f.Devices, devices.Device{
			Key: key(i), Model: "heatpump", Firmware: "1.0", Site: devices.Site{ID: "site", Zone: "Europe/Berlin"},
		})
	}
	return f
}

func key(i int) devices.Key {
	return devices.Key{Tenant: tenant, Device: fmt.Sprintf("pump-%04d", i)}
}

// pump makes the readings of one device.
type pump struct {
	rnd   *rand.Rand
	begin int64 // event time of the first, Unix milliseconds
	buf   []byte
}

func newPump(i int, readings int) *pump {
	// The newest of them is an hour old.
	begin := time.Now().Add(-time.Hour - time.Duration(readings)*interval)
	return &pump{rnd: rand.New(rand.NewPCG(uint64(i), 1)), begin: begin.UnixMilli()}
}

// payload returns reading n as JSON of about 120 bytes. It is good until the
// next call.
func (p *pump) payload(n int) []byte {
	b := append(p.buf[:0], `{"ts":`...)
	b = strconv.AppendInt(b, p.begin+int64(n)*interval.Milliseconds(), 10)
	b = p.value(append(b, `,"supply_temp":`...), 45, 0.2, 4)
	b = p.value(append(b, `,"return_temp":`...), 38, 0.2, 4)
	b = p.value(append(b, `,"compressor_power":`...), 2150, 40, 1)
	b = p.value(append(b, `,"condenser_pressure":`...), 1.52, 0.01, 4)
	p.buf = append(b, '}')
	return p.buf
}

func (p *pump) value(b []byte, centre, spread float64, digits int) []byte {
	return strconv.AppendFloat(b, centre+spread*(2*p.rnd.Float64()-1), 'f', digits, 64)
}
