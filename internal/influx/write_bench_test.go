package influx_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// BenchmarkWrite writes bodies of 5,000 four-field lines of 1,000 devices, one
// after the other.
func BenchmarkWrite(b *testing.B) {
	dir := b.TempDir()
	db, err := run(dir, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer db.stop()
	const perBody = 5_000
	body := func(n int) []byte {
		var s strings.Builder
		for i := range perBody {
			at := noon.Add(time.Duration(n*perBody/1000+i/1000) * time.Second)
			fmt.Fprintf(&s, "telemetry,device=d%03d,model=m,tenant=bench hum=%.1f,power=%.2f,pressure=%.2f,temp=%.2f %d\n",
				i%1000, 40+float64(i%70)/10, float64(n%911)/7, 9+float64((i+n)%31)/100, 20+float64((i*7+n)%500)/100, at.UnixNano())
		}
		return []byte(s.String())
	}
	bodies := make([][]byte, b.N)
	for n := range bodies {
		bodies[n] = body(n)
	}
	b.ResetTimer()
	for _, lines := range bodies {
		if err := db.Write(b.Context(), lines); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*perBody)/b.Elapsed().Seconds(), "lines/s")
}
