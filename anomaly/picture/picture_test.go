package picture_test

import (
	"bytes"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/anomaly/picture"
	"github.com/forecare/forecare/devices"
)

func drifting() anomaly.Finding {
	r := rand.New(rand.NewPCG(3, 4))
	start := time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)
	f := anomaly.Finding{
		ID: "f", Key: devices.Key{Tenant: "t", Device: "d"}, Metric: "brew_temp", Unit: "°C", Kind: anomaly.Drift,
		Onset: start.Add(40 * time.Hour), Noticeable: 3.5, Expected: 93,
	}
	level := 0.0
	for i := range 200 {
		at := start.Add(time.Duration(i) * 40 * time.Minute)
		if at.After(f.Onset) {
			level = 0.4 * at.Sub(f.Onset).Hours() / 24
		}
		day := 0.2 * math.Sin(float64(i)/6)
		v := 93 + day + level + 0.06*r.NormFloat64()
		if i > 90 && i < 100 {
			v = math.NaN()
		}
		f.Evidence.Time = append(f.Evidence.Time, at)
		f.Evidence.Value = append(f.Evidence.Value, v)
		f.Evidence.Lower = append(f.Evidence.Lower, 92.85+day)
		f.Evidence.Upper = append(f.Evidence.Upper, 93.15+day)
		f.At = at
	}
	f.Level, f.Size = 93+level, level
	f.Forecast = &anomaly.Forecast{P10: f.At.Add(3 * 24 * time.Hour), P50: f.At.Add(4*24*time.Hour + 6*time.Hour), P90: f.At.Add(6 * 24 * time.Hour)}
	return f
}

func options(format string) picture.Options {
	return picture.Options{Format: format, Width: 1200, Height: 520, Title: "Brewing temperature", Unit: "°C"}
}

func TestPictureHasItsSizeAndIsDeterministic(t *testing.T) {
	var first, second bytes.Buffer
	for _, into := range []*bytes.Buffer{&first, &second} {
		if err := picture.Draw(into, drifting(), options("png")); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same finding gives different bytes")
	}
	if path := os.Getenv("FORECARE_PICTURE"); path != "" {
		if err := os.WriteFile(path, first.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	img, err := png.Decode(&first)
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != 1200 || b.Dy() != 520 {
		t.Errorf("the picture is %d by %d", b.Dx(), b.Dy())
	}
}

func TestWordsOnlyWhereTheyCanBeShaped(t *testing.T) {
	for lang, want := range map[string]bool{"en": true, "": true, "ar": false} {
		o := options("svg")
		o.Lang = lang
		var b bytes.Buffer
		if err := picture.Draw(&b, drifting(), o); err != nil {
			t.Fatal(err)
		}
		for _, words := range []string{"this device", "noticeable", "Brewing temperature"} {
			if got := strings.Contains(b.String(), words); got != want {
				t.Errorf("lang %q: %q in the picture is %v, want %v", lang, words, got, want)
			}
		}
	}
}

func TestWordsAndDates(t *testing.T) {
	months := strings.Fields("Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.")
	german := picture.Labels{Own: "Ihr Gerät", Peers: "andere", Noticeable: "spürbar", Began: "Beginn", Crosses: "etwa am", Months: months}
	for _, tt := range []struct {
		name   string
		lang   string
		labels picture.Labels
		want   []string
		not    []string
	}{
		{"English by default", "", picture.Labels{}, []string{"this device", "its peers", "began", "about 26 Nov", "20 Nov"}, nil},
		{"own words", "en-GB", picture.Labels{Own: "your machine"}, []string{"your machine", "its peers"}, []string{"this device"}},
		{"German", "de", german, []string{"Ihr Gerät", "spürbar", "etwa am 26 Nov.", "20 Nov."}, []string{"peers", "about"}},
		{"a language without words", "fr", picture.Labels{}, []string{"26/11"}, []string{"peers", "about", "noticeable"}},
		{"Arabic", "ar", picture.Labels{Own: "جهازك", Crosses: "حوالي"}, []string{"26/11", "°C"}, []string{"جهازك", "peers", "about"}},
		{"letters that the font lacks", "ja", picture.Labels{Own: "あなたの機器", Peers: "peers"}, []string{"peers"}, []string{"機器"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options("svg")
			o.Lang, o.Labels = tt.lang, tt.labels
			var b bytes.Buffer
			if err := picture.Draw(&b, drifting(), o); err != nil {
				t.Fatal(err)
			}
			for _, w := range tt.want {
				if !strings.Contains(b.String(), ">"+w+"<") {
					t.Errorf("the picture lacks %q", w)
				}
			}
			for _, w := range tt.not {
				if strings.Contains(b.String(), w) {
					t.Errorf("the picture has %q", w)
				}
			}
		})
	}
}

func TestDatesAreOfTheZone(t *testing.T) {
	f := drifting()
	f.Forecast.P50 = time.Date(2026, 11, 26, 20, 0, 0, 0, time.UTC)
	o := options("svg")
	o.Zone = time.FixedZone("Auckland", 13*3600)
	var b bytes.Buffer
	if err := picture.Draw(&b, f, o); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "about 27 Nov") {
		t.Error("the crossing is not dated in the zone")
	}
}

func TestOnlyWhatMovesHasALimit(t *testing.T) {
	for kind, want := range map[anomaly.Kind]bool{anomaly.Drift: true, anomaly.Step: true, anomaly.Stuck: false, anomaly.Noise: false} {
		f := drifting()
		f.Kind = kind
		var b bytes.Buffer
		if err := picture.Draw(&b, f, options("svg")); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(b.String(), "noticeable"); got != want {
			t.Errorf("%s: a limit is drawn: %v", kind, got)
		}
	}
}

func TestOddEvidence(t *testing.T) {
	nan := math.NaN()
	for name, edit := range map[string]func(*anomaly.Finding){
		"no forecast":     func(f *anomaly.Finding) { f.Forecast = nil },
		"crossed already": func(f *anomaly.Finding) { f.Forecast.P10, f.Forecast.P50, f.Forecast.P90 = f.At, f.At, f.At },
		"no limit":        func(f *anomaly.Finding) { f.Noticeable = 0 },
		"far forecast": func(f *anomaly.Finding) {
			f.Forecast.P90 = f.At.AddDate(9, 0, 0)
			f.Forecast.P50 = f.At.AddDate(5, 0, 0)
		},
		"a constant": func(f *anomaly.Finding) {
			fill(f.Evidence.Value, 7)
			fill(f.Evidence.Lower, 7)
			fill(f.Evidence.Upper, 7)
			f.Noticeable = 0
		},
		"nothing but gaps": func(f *anomaly.Finding) {
			fill(f.Evidence.Value, nan)
			fill(f.Evidence.Lower, nan)
			fill(f.Evidence.Upper, nan)
		},
		"no peers": func(f *anomaly.Finding) { fill(f.Evidence.Lower, nan); fill(f.Evidence.Upper, nan) },
		"infinite": func(f *anomaly.Finding) { f.Evidence.Value[3] = math.Inf(1); f.Expected = math.Inf(1) },
		"one instant": func(f *anomaly.Finding) {
			for i := range f.Evidence.Time {
				f.Evidence.Time[i] = f.At
			}
		},
		"downwards":         func(f *anomaly.Finding) { f.Size = -f.Size },
		"one value alone":   func(f *anomaly.Finding) { f.Evidence.Value[94] = 93 },
		"onset long before": func(f *anomaly.Finding) { f.Onset = f.Onset.AddDate(-1, 0, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			f := drifting()
			edit(&f)
			var b bytes.Buffer
			if err := picture.Draw(&b, f, options("png")); err != nil {
				t.Fatal(err)
			}
			if _, err := png.Decode(&b); err != nil {
				t.Error(err)
			}
		})
	}
}

func fill(s anomaly.Series, v float64) {
	for i := range s {
		s[i] = v
	}
}

func TestRefusals(t *testing.T) {
	for name, edit := range map[string]func(*anomaly.Finding, *picture.Options){
		"no evidence": func(f *anomaly.Finding, _ *picture.Options) { f.Evidence = anomaly.Evidence{} },
		"format":      func(_ *anomaly.Finding, o *picture.Options) { o.Format = "gif" },
		"too large":   func(_ *anomaly.Finding, o *picture.Options) { o.Width = 1 << 20 },
		"no size":     func(_ *anomaly.Finding, o *picture.Options) { o.Height = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			f, o := drifting(), options("png")
			edit(&f, &o)
			if err := picture.Draw(&bytes.Buffer{}, f, o); devices.CodeOf(err) != devices.Invalid {
				t.Errorf("got %v, want a devices.Invalid", err)
			}
		})
	}
}

func BenchmarkDrawPNG(b *testing.B) {
	f, o := drifting(), options("png")
	for b.Loop() {
		if err := picture.Draw(&bytes.Buffer{}, f, o); err != nil {
			b.Fatal(err)
		}
	}
}
