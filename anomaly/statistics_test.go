package anomaly_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"

	"github.com/forecare/forecare/anomaly"
)

// TestChartRunLengths compares the chart's average run length with the exact
// values of a Brook-Evans chain.
func TestChartRunLengths(t *testing.T) {
	for _, tt := range []struct{ slack, limit, shift, want float64 }{
		{.5, 4, 0, 168},
		{.5, 5, 0, 465},
		{.5, 5, 1, 10.4},
		{.5, 8, .5, 84},
		{.5, 8, 1, 16.4},
		{.5, 8, 2, 6.0},
		{.5, 12, 1, 24.4},
		{.5, 12, 3, 5.4},
		{.25, 12, .5, 45},
		{.25, 16, 1, 22.1},
	} {
		rnd := rand.New(rand.NewPCG(1, 2))
		const runs = 4000
		total := 0
		for range runs {
			var c anomaly.Chart
			for n := 1; ; n++ {
				if c.Add(tt.shift+rnd.NormFloat64(), tt.slack, tt.limit) {
					total += n
					break
				}
			}
		}
		if got := float64(total) / runs; math.Abs(got-tt.want) > 0.05*tt.want {
			t.Errorf("slack %g, limit %g, shift %g: run length %.1f, want %.1f", tt.slack, tt.limit, tt.shift, got, tt.want)
		}
	}
}

func TestTheilSen(t *testing.T) {
	ramp := func(slope float64, n int) (x, y []float64) {
		for i := range n {
			x, y = append(x, float64(i)), append(y, 1+slope*float64(i))
		}
		return x, y
	}
	t.Run("exact, and deaf to three outliers of ten", func(t *testing.T) {
		x, y := ramp(0.5, 10)
		y[2], y[5], y[9] = 50, -50, 50
		slope, _, _, now, ok := anomaly.TheilSen(x, y, 1)
		if !ok || math.Abs(slope-0.5) > 1e-9 || math.Abs(now-5.5) > 1e-9 {
			t.Errorf("slope %v, now %v, %v", slope, now, ok)
		}
	})
	t.Run("too few", func(t *testing.T) {
		x, y := ramp(1, 4)
		if _, _, _, _, ok := anomaly.TheilSen(x, y, 1); ok {
			t.Error("four values make no trend")
		}
	})
	t.Run("interval covers", func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(3, 4))
		covered := 0
		const runs = 2000
		for range runs {
			x, y := ramp(0.1, 24)
			for i := range y {
				y[i] += rnd.NormFloat64()
			}
			_, lower, upper, _, _ := anomaly.TheilSen(x, y, 1)
			if lower <= 0.1 && 0.1 <= upper {
				covered++
			}
		}
		if share := float64(covered) / runs; math.Abs(share-0.8) > 0.04 {
			t.Errorf("the 80 %% interval covers %.3f", share)
		}
	})
	t.Run("autocorrelation widens", func(t *testing.T) {
		x, y := ramp(0.1, 24)
		rnd := rand.New(rand.NewPCG(5, 6))
		for i := range y {
			y[i] += rnd.NormFloat64()
		}
		_, a, b, _, _ := anomaly.TheilSen(x, y, 1)
		_, c, d, _, _ := anomaly.TheilSen(x, y, 4)
		if d-c < 1.5*(b-a) {
			t.Errorf("%v..%v became %v..%v", a, b, c, d)
		}
	})
}

func TestKindOf(t *testing.T) {
	series := func(n int, f func(i int) float64) []float64 {
		rnd := rand.New(rand.NewPCG(8, 9))
		var y []float64
		for i := range n {
			y = append(y, f(i)+0.3*rnd.NormFloat64())
		}
		return y
	}
	for _, tt := range []struct {
		name  string
		y     []float64
		kind  anomaly.Kind
		onset int
	}{
		{"step", series(20, func(i int) float64 {
			if i >= 12 {
				return 3
			}
			return 0
		}), anomaly.Step, 12},
		{"step within a block", series(20, func(i int) float64 {
			switch {
			case i > 12:
				return 3
			case i == 12:
				return 1.7
			}
			return 0
		}), anomaly.Step, 12},
		{"ramp", series(24, func(i int) float64 { return 0.4 * math.Max(0, float64(i-11)) }), anomaly.Drift, 12},
		{"ever faster", series(24, func(i int) float64 { return 0.05 * math.Pow(math.Max(0, float64(i-11)), 2) }), anomaly.Drift, 13},
		{"off from the start", series(20, func(int) float64 { return 2 }), anomaly.Drift, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			kind, onset := anomaly.KindOf(tt.y)
			if kind != tt.kind || onset < tt.onset-1 || onset > tt.onset+2 {
				t.Errorf("%s at %d, want %s at %d", kind, onset, tt.kind, tt.onset)
			}
		})
	}
}

func TestDeviationOfIsTheMedianOfDeviations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(-100, 100), 1, 30).Draw(t, "x")
		slices.Sort(x)
		centre := rapid.Float64Range(-120, 120).Draw(t, "centre")
		d := make([]float64, len(x))
		for i, v := range x {
			d[i] = math.Abs(v - centre)
		}
		slices.Sort(d)
		want := d[len(d)/2]
		if len(d)%2 == 0 {
			want = (d[len(d)/2-1] + want) / 2
		}
		if got := anomaly.DeviationOf(x, centre); got != want {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

func TestScale(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, rho := range []float64{0, 0.3, 0.6} {
		var sds, rhos []float64
		for range 300 {
			x := make([]float64, 48)
			v := rnd.NormFloat64()
			for i := range x {
				v = rho*v + math.Sqrt(1-rho*rho)*rnd.NormFloat64()
				x[i] = 2 * v
			}
			_, r := anomaly.Scale(x)
			x[20] = 100 // one wild value does not matter
			sd, _ := anomaly.Scale(x)
			sds, rhos = append(sds, sd), append(rhos, r)
		}
		if m := stat.Mean(sds, nil); m < 1.7 || m > 2.5 {
			t.Errorf("rho %g: standard deviation %.2f, want 2", rho, m)
		}
		if m := stat.Mean(rhos, nil); math.Abs(m-rho) > 0.12 {
			t.Errorf("rho %g estimated as %.2f", rho, m)
		}
	}
}

func TestQuantity(t *testing.T) {
	for _, tt := range []struct {
		v    float64
		unit string
		want string
	}{
		{1.8432, "°C", "1.84 °C"},
		{-0.5, "°C", "-0.5 °C"},
		{1234.5, "ppm", "1234 ppm"},
		{12.34, "%", "12.3%"},
		{0, "bar", "0 bar"},
		{0.000123, "bar", "0.000123 bar"},
		{1e-12, "", "0"},
		{93, "°C", "93 °C"},
	} {
		if got := anomaly.Quantity(tt.v, tt.unit); got != tt.want {
			t.Errorf("%v %s: %q, want %q", tt.v, tt.unit, got, tt.want)
		}
	}
}

// middle returns the median.
func middle(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	if len(s) == 0 {
		return math.NaN()
	}
	return s[len(s)/2]
}
