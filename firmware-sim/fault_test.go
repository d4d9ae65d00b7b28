package sim_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/forecare/forecare/devices"
	sim "github.com/forecare/forecare/firmware-sim"
)

// onset is when the faults of these tests begin: after a healthy week.
var onset = monday.Add(7 * 24 * time.Hour)

const day = 24 * time.Hour

// excess returns by how much a metric of a faulty device differs from that of
// the same device in health, averaged over a day.
func excess(t *testing.T, model, metric string, f sim.Fault, from time.Time) float64 {
	t.Helper()
	_, healthy := one(t, 11, model)
	_, faulty := one(t, 11, model, f)
	return stat.Mean(series(faulty, metric, from, 144), nil) - stat.Mean(series(healthy, metric, from, 144), nil)
}

func TestFaultsHaveTheirSignature(t *testing.T) {
	table := []struct {
		fault     sim.Fault
		model     string
		days      float64 // after onset, begin of the day that is looked at
		want, tol float64
	}{
		{sim.Fault{Kind: sim.SlowDrift, Metric: "brew_temp", Slope: 0.25}, "espresso-e1", -1, 0, 0},
		{sim.Fault{Kind: sim.SlowDrift, Metric: "brew_temp", Slope: 0.25}, "espresso-e1", 3.5, 1, 0.01},
		{sim.Fault{Kind: sim.SlowDrift, Metric: "co2", Slope: -10}, "air-a3", 9.5, -100, 0.5},
		{sim.Fault{Kind: sim.Aging, Metric: "cop", Slope: -0.01}, "heatpump-h7", 4.5, -0.25, 0.02},
		{sim.Fault{Kind: sim.Aging, Metric: "cop", Slope: -0.01}, "heatpump-h7", 9.5, -1, 0.02},
		{sim.Fault{Kind: sim.StepChange, Metric: "supply_temp", Size: 3}, "heatpump-h7", 0, 3, 0.01},
		{sim.Fault{Kind: sim.BadRelease, Metric: "pm25", Slope: 1, Release: "2.0"}, "air-a3", 1.5, 2, 0.05},
		{sim.Fault{Kind: sim.BatteryWear, Metric: "battery", Slope: -0.06}, "air-a3", 4.5, -0.3, 0.01},
		{sim.Fault{Kind: sim.BatteryWear, Metric: "battery", Slope: -0.06}, "air-a3", 8.5, -0.9, 0.1}, // gave up at 2.6 V
		{sim.Fault{Kind: sim.BatteryWear, Metric: "battery", Slope: -0.06}, "air-a3", 60, -3.0, 0.2},  // empty, not below 0
	}
	for _, c := range table {
		c.fault.Onset = onset
		from := onset.Add(time.Duration(c.days * float64(day)))
		if got := excess(t, c.model, c.fault.Metric, c.fault, from); math.Abs(got-c.want) > c.tol {
			t.Errorf("%s of %s, %.1f days after its onset: the day deviates by %.3f, want %.3f", c.fault.Kind, c.fault.Metric, c.days, got, c.want)
		}
	}
}

func TestOtherMetricsStayHealthy(t *testing.T) {
	f := sim.Fault{Kind: sim.SlowDrift, Metric: "brew_temp", Onset: onset, Slope: 1}
	if got := excess(t, "espresso-e1", "pump_pressure", f, onset.Add(5*day)); got != 0 {
		t.Errorf("a drift of brew_temp moves pump_pressure by %v", got)
	}
}

func TestStuckRepeatsOneValue(t *testing.T) {
	_, d := one(t, 11, "air-a3", sim.Fault{Kind: sim.StuckValue, Metric: "temperature", Onset: onset})
	before, after := series(d, "temperature", onset.Add(-day), 144), series(d, "temperature", onset, 144)
	if stat.StdDev(before, nil) == 0 || stat.StdDev(after, nil) != 0 {
		t.Errorf("the deviation is %v before and %v after the onset", stat.StdDev(before, nil), stat.StdDev(after, nil))
	}
}

func TestNoiseGrows(t *testing.T) {
	_, d := one(t, 11, "heatpump-h7", sim.Fault{Kind: sim.NoiseGrowth, Metric: "brine_pressure", Onset: onset, Size: 0.2})
	_, h := one(t, 11, "heatpump-h7")
	added := func(from time.Time) float64 {
		diff := series(d, "brine_pressure", from, 144)
		for i, v := range series(h, "brine_pressure", from, 144) {
			diff[i] -= v
		}
		return stat.StdDev(diff, nil)
	}
	if v := added(onset.Add(2 * day)); math.Abs(v-0.2) > 0.03 {
		t.Errorf("two days after the onset the added noise is %.3f", v)
	}
	if v := added(onset); v < 0.05 || v > 0.17 {
		t.Errorf("on the first day the added noise is %.3f, between nothing and all of it", v)
	}
}

func TestDropoutAndEmptyBatteryLoseReadings(t *testing.T) {
	for _, c := range []struct {
		fault  sim.Fault
		at     time.Time
		lo, hi float64
	}{
		{sim.Fault{Kind: sim.Dropout, Onset: onset, Share: 0.5}, onset, 0.4, 0.6},
		{sim.Fault{Kind: sim.Dropout, Onset: onset, Share: 0.5}, onset.Add(-2 * day), 0, 0},
		{sim.Fault{Kind: sim.Dropout, Onset: onset, Share: 1}, onset, 1, 1},
		{sim.Fault{Kind: sim.BatteryWear, Metric: "battery", Onset: onset, Slope: -0.06}, onset.Add(4 * day), 0, 0},
		{sim.Fault{Kind: sim.BatteryWear, Metric: "battery", Onset: onset, Slope: -0.06}, onset.Add(12 * day), 0.5, 0.7},
	} {
		_, d := one(t, 11, "air-a3", c.fault)
		lost := 0.0
		for i := range 500 {
			if d.Loses(c.at.Add(time.Duration(i) * time.Minute)) {
				lost++
			}
		}
		if share := lost / 500; share < c.lo || share > c.hi {
			t.Errorf("%+v loses %.2f at %s", c.fault, share, c.at)
		}
	}
}

func TestClockSkewGrows(t *testing.T) {
	_, d := one(t, 11, "air-a3", sim.Fault{Kind: sim.ClockSkew, Onset: onset, Size: -20, Slope: -40})
	for days, want := range map[float64]time.Duration{-1: 0, 0: -20 * time.Second, 3: -140 * time.Second} {
		at := onset.Add(time.Duration(days * float64(day)))
		if got := d.Stamp(at).Sub(at); got != want {
			t.Errorf("%.0f days after the onset the clock is off by %s, want %s", days, got, want)
		}
	}
}

func TestOfflineEnds(t *testing.T) {
	_, d := one(t, 11, "air-a3", sim.Fault{Kind: sim.Offline, Onset: onset, Until: onset.Add(8 * time.Hour)})
	for hours, want := range map[int]bool{-1: true, 0: false, 7: false, 8: true} {
		if got := d.Online(onset.Add(time.Duration(hours) * time.Hour)); got != want {
			t.Errorf("%d hours after the onset online is %t", hours, got)
		}
	}
}

func TestRemediesCureWhatTheyShould(t *testing.T) {
	drift := sim.Fault{Kind: sim.SlowDrift, Metric: "co2", Onset: onset, Slope: 50}
	table := []struct {
		fault  sim.Fault
		remedy string
		cures  bool
	}{
		{drift, "calibration", true},
		{drift, "battery-change", false},
		{drift, "restart", false}, // no restart mends a worn sensor
		{sim.Fault{Kind: sim.StuckValue, Metric: "co2", Onset: onset}, "restart", true},
		{sim.Fault{Kind: sim.StuckValue, Metric: "co2", Onset: onset}, "calibration", true},
		{sim.Fault{Kind: sim.Dropout, Onset: onset, Share: 0.5}, "restart", true},
		{sim.Fault{Kind: sim.Dropout, Onset: onset, Share: 0.5}, "calibration", false},
		{sim.Fault{Kind: sim.BatteryWear, Metric: "battery", Onset: onset, Slope: -0.1}, "battery-change", true},
	}
	for _, c := range table {
		_, d := one(t, 11, "air-a3", c.fault)
		at := onset.Add(2 * day)
		if err := d.Cure(c.remedy, at, false); err != nil {
			t.Fatal(err)
		}
		if cured := !d.Truths()[0].Cured.IsZero(); cured != c.cures {
			t.Errorf("%s against %s of %q: cured is %t", c.remedy, c.fault.Kind, c.fault.Metric, cured)
		}
	}

	_, d := one(t, 11, "air-a3", drift)
	_, h := one(t, 11, "air-a3")
	at := onset.Add(3 * day)
	if err := d.Cure("calibration", at, false); err != nil {
		t.Fatal(err)
	}
	if before := at.Add(-time.Second); sample(d, "co2", before)-sample(h, "co2", before) < 100 {
		t.Error("a cure changed the past")
	}
	if sample(d, "co2", at) != sample(h, "co2", at) {
		t.Error("after the cure the device is not as it was in health")
	}
	if err := d.Cure("prayer", at, false); devices.CodeOf(err) != devices.NotFound {
		t.Errorf("an unknown remedy: %v", err)
	}
}

func TestACureDoesNotPreventLaterFaults(t *testing.T) {
	_, d := one(t, 11, "air-a3", sim.Fault{Kind: sim.StepChange, Metric: "co2", Onset: onset, Size: 500})
	if err := d.Cure("calibration", onset.Add(-day), false); err != nil {
		t.Fatal(err)
	}
	if v := sample(d, "co2", onset.Add(time.Hour)); v < 800 {
		t.Errorf("co2 is %v although the fault began after the remedy", v)
	}
}

func TestTruthDatesTheCrossing(t *testing.T) {
	table := []struct {
		fault sim.Fault
		model string
		days  float64 // until the limit is reached; below 0: never
	}{
		{sim.Fault{Kind: sim.SlowDrift, Metric: "brew_temp", Slope: -0.35}, "espresso-e1", 10},
		{sim.Fault{Kind: sim.Aging, Metric: "brew_temp", Slope: 0.035}, "espresso-e1", 10},
		{sim.Fault{Kind: sim.StepChange, Metric: "brew_temp", Size: 4}, "espresso-e1", 0},
		{sim.Fault{Kind: sim.StepChange, Metric: "brew_temp", Size: 1}, "espresso-e1", -1},
		{sim.Fault{Kind: sim.StuckValue, Metric: "brew_temp"}, "espresso-e1", -1},
		{sim.Fault{Kind: sim.BatteryWear, Metric: "battery", Slope: -0.06}, "air-a3", 7.75},
	}
	for _, c := range table {
		c.fault.Onset = onset
		_, d := one(t, 1, c.model, c.fault)
		got := d.Truths()[0].Crosses
		switch {
		case c.days < 0 && !got.IsZero():
			t.Errorf("%s crosses at %s, though it never should", c.fault.Kind, got)
		case c.days >= 0 && got.Sub(onset).Round(time.Minute) != time.Duration(c.days*float64(day)).Round(time.Minute):
			t.Errorf("%s crosses after %s, want %.2f days", c.fault.Kind, got.Sub(onset), c.days)
		}
	}
}

func TestSpoilChoosesHealthyDevicesOfDifferentOwners(t *testing.T) {
	p, err := sim.NewPlan(sim.PlanOptions{Seed: 2, Start: monday})
	if err != nil {
		t.Fatal(err)
	}
	owners := map[string]bool{}
	for _, kind := range sim.FaultKinds() {
		id, err := p.Spoil(kind, "", "", onset)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range p.Devices {
			if u.Key.Device == id {
				if owners[u.Owner] {
					t.Errorf("%s: the owner of %s has another faulty device", kind, id)
				}
				owners[u.Owner] = true
			}
		}
	}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	if _, err := p.Spoil(sim.BatteryWear, "heatpump-h7", "", onset); devices.CodeOf(err) != devices.NotFound {
		t.Errorf("a heat pump got a battery: %v", err)
	}
}

func TestReleaseReachesTheWholeCohort(t *testing.T) {
	p, err := sim.NewPlan(sim.PlanOptions{Seed: 2, Start: monday, Devices: 9})
	if err != nil {
		t.Fatal(err)
	}
	n, err := p.Release("2.0.0", "air-a3", "co2", onset)
	if err != nil || n != 3 {
		t.Fatalf("%d devices, %v", n, err)
	}
	d, err := p.Device("air-a3-002")
	if err != nil {
		t.Fatal(err)
	}
	if d.Firmware(onset.Add(-time.Second)) == "2.0.0" || d.Firmware(onset) != "2.0.0" {
		t.Errorf("the firmware is %s before and %s after", d.Firmware(onset.Add(-time.Second)), d.Firmware(onset))
	}
	if _, err := p.Release("2.0.0", "toaster", "", onset); err == nil {
		t.Error("firmware was released for an unknown model")
	}
}

func TestFaultsThatMakeNoSense(t *testing.T) {
	for name, c := range map[string]struct {
		fault sim.Fault
		want  string
	}{
		"no onset":       {sim.Fault{Kind: sim.SlowDrift, Metric: "co2", Slope: 1}, "onset"},
		"no such metric": {sim.Fault{Kind: sim.SlowDrift, Metric: "mood", Slope: 1, Onset: onset}, "mood"},
		"no slope":       {sim.Fault{Kind: sim.SlowDrift, Metric: "co2", Onset: onset}, "slope"},
		"no battery":     {sim.Fault{Kind: sim.BatteryWear, Metric: "co2", Slope: -1, Onset: onset}, "battery"},
		"charging":       {sim.Fault{Kind: sim.BatteryWear, Metric: "battery", Slope: 1, Onset: onset}, "negative"},
		"quiet noise":    {sim.Fault{Kind: sim.NoiseGrowth, Metric: "co2", Onset: onset}, "size"},
		"more than all":  {sim.Fault{Kind: sim.Dropout, Share: 2, Onset: onset}, "share"},
		"no end":         {sim.Fault{Kind: sim.Offline, Onset: onset}, "end"},
		"metric of all":  {sim.Fault{Kind: sim.Dropout, Metric: "co2", Share: 0.5, Onset: onset}, "whole device"},
		"no skew":        {sim.Fault{Kind: sim.ClockSkew, Onset: onset}, "size or a slope"},
		"no step":        {sim.Fault{Kind: sim.StepChange, Metric: "co2", Onset: onset}, "size"},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := one(t, 1, "air-a3")
			p.Devices[0].Faults = []sim.Fault{c.fault}
			if err := p.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("it says: %v", err)
			}
		})
	}
}
