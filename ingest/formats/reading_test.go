package formats_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/ingest/formats"
)

func TestReadingsAreOfOneDeviceAndInstant(t *testing.T) {
	d := decode(t, "senml", formats.Options{Device: "name"}, "", `[{"bn":"d1:","n":"a","t":-1,"v":1},{"n":"b","t":-1,"vb":true},{"n":"c","t":-1,"vs":"x"},{"n":"a","v":2},{"bn":"d2:","n":"a","t":-1,"v":3}]`)
	var got []string
	for _, r := range d.Readings() {
		line := fmt.Sprintf("%s %s", r.Device, received.Sub(r.Time))
		for _, s := range r.Samples {
			line += fmt.Sprintf(" %s=%s", s.Metric, s.Value)
		}
		got = append(got, line)
	}
	if diff := cmp.Diff([]string{"d1 1s a=1 b=true", "d2 1s a=3", "d1 0s a=2"}, got); diff != "" {
		t.Error(diff)
	}
	p := newPlant(t, formats.Options{})
	p.births()
	late := p.send("g/DDATA/e/d", 2, pb(2, 2, 12, float32(22)), pb(2, 3, 10, 1, 5, true))
	if r := late.Readings(); len(r) != 2 || r[0].Historical || !r[1].Historical {
		t.Errorf("%+v", r)
	}
	if r := (&formats.Decoded{}).Readings(); r != nil {
		t.Errorf("%+v", r)
	}
}
