package compose_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/outreach/compose"
)

func TestAmounts(t *testing.T) {
	c := composer(t)
	for _, a := range []struct {
		size   float64
		unit   string
		en, ar string
	}{
		{-1.83, "°C", "about 1.8 degrees lower", "انخفاضًا في درجة حرارة التحضير بنحو 1.8 درجة "},
		{1.04, "K", "about 1 degree higher", "ارتفاعًا في درجة حرارة التحضير بنحو درجة واحدة "},
		{2, "celsius", "about 2 degrees higher", "بنحو درجتين "},
		{3.02, "degC", "about 3 degrees higher", "بنحو 3 درجات "},
		{11.2, "°F", "about 11 degrees higher", "بنحو 11 درجة "},
		{103, "°C", "about 100 degrees higher", "بنحو 100 درجة "},
		{0.0432, "bar", "about 0.04 bar higher", "بنحو 0.04 بار "},
		{0.96, "bar", "about 1 bar higher", "بنحو بار واحد "},
		{347, "ppm", "about 350 ppm higher", "بنحو 350 جزءًا في المليون "},
		{9.96, "%", "about 10 percentage points higher", "بنحو 10 نقاط مئوية "},
		{1, "%", "about 1 percentage point higher", "بنحو نقطة مئوية واحدة "},
		{2.4, "s", "about 2.4 seconds higher", "بنحو 2.4 ثانية "},
		{23456, "lux", "about 23,000 lux higher", "بنحو \u206823,000 lux\u2069 "},
		{7, "ug/m3", "about 7 µg/m³ higher", "بنحو \u20687 µg/m³\u2069 "},
		{7, "", "has been running higher", "ارتفاعًا في درجة حرارة التحضير مقارنةً"},
		{7, "1", "has been running higher", "ارتفاعًا في درجة حرارة التحضير مقارنةً"},
		{0, "°C", "has been behaving differently", "لاحظنا في درجة حرارة التحضير اختلافًا"},
	} {
		for lang, want := range map[string]string{"en": a.en, "ar": a.ar} {
			f := facts(lang, outreach.Offer)
			f.Finding.Size, f.Finding.Unit = a.size, a.unit
			if got := compose1(t, c, f).Text; !strings.Contains(got, want) {
				t.Errorf("%v %s in %s: want %q in\n%s", a.size, a.unit, lang, want, got)
			}
		}
	}
}

func TestDurations(t *testing.T) {
	c := composer(t)
	for minutes, want := range map[int][2]string{
		1:       {"It takes about 5 minutes.", "يستغرق ذلك نحو 5 دقائق."},
		10:      {"It takes about 10 minutes.", "يستغرق ذلك نحو 10 دقائق."},
		16:      {"It takes about 20 minutes.", "يستغرق ذلك نحو 20 دقيقة."},
		60:      {"It takes about an hour.", "يستغرق ذلك نحو ساعة."},
		75:      {"It takes about an hour and a half.", "يستغرق ذلك نحو ساعة ونصف."},
		120:     {"It takes about 2 hours.", "يستغرق ذلك نحو ساعتين."},
		150:     {"It takes about 2 and a half hours.", "يستغرق ذلك نحو ساعتين ونصف."},
		180:     {"It takes about 3 hours.", "يستغرق ذلك نحو 3 ساعات."},
		24 * 60: {"It takes about 24 hours.", "يستغرق ذلك نحو 24 ساعة."},
	} {
		for i, lang := range []string{"en", "ar"} {
			f := facts(lang, outreach.Offer)
			f.Duration = time.Duration(minutes) * time.Minute
			if got := compose1(t, c, f).Text; !strings.Contains(got, want[i]) {
				t.Errorf("%d minutes in %s: want %q in\n%s", minutes, lang, want[i], got)
			}
		}
	}
	f := facts("en", outreach.Offer)
	f.Duration = 48 * time.Hour
	if got := compose1(t, c, f).Text; strings.Contains(got, "It takes") {
		t.Errorf("two days of work are no short visit:\n%s", got)
	}
}

func TestMoments(t *testing.T) {
	c := composer(t)
	at := func(zone, local string) time.Time {
		l, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		m, err := time.ParseInLocation("2006-01-02 15:04", local, l)
		if err != nil {
			t.Fatal(err)
		}
		return m.UTC()
	}
	for _, m := range []struct {
		zone, until, en, ar string
	}{
		{"Europe/Berlin", "2026-11-26 20:00", "until Thursday evening, 26 November (Berlin time)", "حتى مساء الخميس 26 نوفمبر (بتوقيت برلين)"},
		{"Europe/Berlin", "2026-11-26 17:59", "until Thursday afternoon, 26 November", "حتى عصر الخميس 26 نوفمبر"},
		{"Europe/Berlin", "2026-11-26 12:00", "until Thursday noon, 26 November", "حتى ظهر الخميس 26 نوفمبر"},
		{"Europe/Berlin", "2026-11-26 09:00", "until Thursday morning, 26 November", "حتى صباح الخميس 26 نوفمبر"},
		{"Europe/Berlin", "2026-11-26 08:59", "until Wednesday evening, 25 November", "حتى مساء الأربعاء 25 نوفمبر"},
		{"Europe/Berlin", "2026-12-01 00:30", "until Monday evening, 30 November", "حتى مساء الاثنين 30 نوفمبر"},
		{"Pacific/Auckland", "2026-11-26 20:00", "until Thursday evening, 26 November (Auckland time)", "(بتوقيت أوكلاند)"},
		{"America/Argentina/Buenos_Aires", "2026-11-26 20:00", "(Buenos Aires time)", "(بتوقيت \u2068Buenos Aires\u2069)"},
		{"UTC", "2026-11-26 20:00", "(UTC)", "(بتوقيت \u2068UTC\u2069)"},
		{"Etc/GMT+3", "2026-11-26 20:00", "until Thursday evening, 26 November (UTC−3)", "(بتوقيت \u2068UTC−3\u2069)"},
	} {
		for lang, want := range map[string]string{"en": m.en, "ar": m.ar} {
			f := facts(lang, outreach.Offer)
			f.Zone, f.Window.Until = m.zone, at(m.zone, m.until)
			if got := compose1(t, c, f).Text; !strings.Contains(got, want) {
				t.Errorf("%s %s in %s: want %q in\n%s", m.zone, m.until, lang, want, got)
			}
		}
	}
	// The hour that comes twice is told apart by its distance from UTC, and an
	// appointment that ends in another day or offset is still right.
	for _, m := range []struct {
		zone   string
		start  time.Time
		en, ar string
	}{
		{"Europe/Berlin", time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC), "02:30 to 02:00, Berlin time (UTC+2)", "من الساعة 2:30 ليلًا إلى الساعة 2:00 ليلًا، بتوقيت برلين (\u2068UTC+2\u2069)"},
		{"Europe/Berlin", time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC), "02:30 to 03:00, Berlin time (UTC+1)", "إلى الساعة 3:00 فجرًا"},
		{"Asia/Kathmandu", time.Date(2026, 6, 1, 6, 15, 0, 0, time.UTC), "12:00 to 12:30, Kathmandu time (UTC+5:45)", "من الساعة 12:00 ظهرًا إلى الساعة 12:30 ظهرًا، بتوقيت \u2068Kathmandu\u2069 (\u2068UTC+5:45\u2069)"},
		{"America/Los_Angeles", time.Date(2026, 6, 2, 4, 0, 0, 0, time.UTC), "Monday, 1 June 2026\n21:00 to 21:30, Los Angeles time (UTC−7)", "الاثنين 1 يونيو 2026\nمن الساعة 9:00 مساءً"},
		{"Etc/GMT+3", time.Date(2026, 6, 2, 4, 0, 0, 0, time.UTC), "01:00 to 01:30, UTC−3", "بتوقيت \u2068UTC−3\u2069"},
		{"", time.Date(2026, 6, 2, 0, 0, 0, 0, time.UTC), "00:00 to 00:30, UTC", "من الساعة 12:00 بعد منتصف الليل"},
	} {
		for lang, want := range map[string]string{"en": m.en, "ar": m.ar} {
			f := facts(lang, outreach.Confirmation)
			f.Zone, f.Appointment.Start, f.Appointment.End = m.zone, m.start, m.start.Add(30*time.Minute)
			if got := compose1(t, c, f).Text; !strings.Contains(got, want) {
				t.Errorf("%s %s in %s: want %q in\n%s", m.zone, m.start, lang, want, got)
			}
		}
	}
}

func TestWhenItWouldBeNoticed(t *testing.T) {
	c := composer(t)
	for name, n := range map[string]struct {
		change change
		en     string
	}{
		"this week":  {func(f *outreach.Facts) { f.Finding.Forecast.P10 = noon.AddDate(0, 0, 2) }, "not notice before Wednesday."},
		"next month": {func(f *outreach.Facts) { f.Finding.Forecast.P10 = noon.AddDate(0, 0, 20) }, "not notice before 13 December."},
		"next year":  {func(f *outreach.Facts) { f.Finding.Forecast.P10 = noon.AddDate(0, 0, 50) }, "not notice before 12 January 2027."},
		"in a year":  {func(f *outreach.Facts) { f.Finding.Forecast.P10 = noon.AddDate(1, 0, 0) }, "You would not notice for months."},
		"today":      {func(f *outreach.Facts) { f.Finding.Forecast.P10 = noon.Add(5 * time.Hour) }, "begins to be noticeable."},
		"past":       {func(f *outreach.Facts) { f.Finding.Forecast.P10 = noon.AddDate(0, 0, -3) }, "begins to be noticeable."},
		"past by now": {func(f *outreach.Facts) {
			f.Finding.At = noon.AddDate(0, 0, -9)
			f.Finding.Forecast.P10 = noon.AddDate(0, 0, -1)
		}, "begins to be noticeable."},
		"large enough":     {func(f *outreach.Facts) { f.Finding.Size = 3.5 }, "begins to be noticeable."},
		"limit not known":  {func(f *outreach.Facts) { f.Finding.Size, f.Finding.Noticeable = 99, 0 }, "not notice before Thursday evening."},
		"nothing is known": {func(f *outreach.Facts) { f.Finding.Forecast = nil }, "put it right before you notice."},
	} {
		f := facts("en", outreach.Offer)
		n.change(&f)
		if got := compose1(t, c, f).Text; !strings.Contains(got, n.en) {
			t.Errorf("%s: want %q in\n%s", name, n.en, got)
		}
	}
}

func TestHowLong(t *testing.T) {
	c := composer(t)
	for hours, want := range map[int]string{
		10: "Since yesterday or so", 80: "Over the last few days", 300: "Over the last week or two",
		700: "Over the last few weeks", 3000: "Over the last few months",
	} {
		f := facts("en", outreach.Offer)
		f.Finding.Onset = noon.Add(-time.Duration(hours) * time.Hour)
		if got := compose1(t, c, f).Text; !strings.Contains(got, want) {
			t.Errorf("%d hours: want %q in\n%s", hours, want, got)
		}
		f.Finding.Kind = anomaly.Noise
		if got := compose1(t, c, f).Text; !strings.Contains(got, "Since ") {
			t.Errorf("%d hours: no beginning in\n%s", hours, got)
		}
	}
}

func TestLanguages(t *testing.T) {
	c := composer(t)
	if diff := cmp.Diff([]string{"en", "ar"}, c.Languages()); diff != "" {
		t.Error(diff)
	}
	for tag, want := range map[string]string{"ar": "rtl", "ar-AE": "rtl", "AR_eg": "rtl", "en-GB": "ltr", "de": "ltr", "": "ltr", "arc": "ltr"} {
		f := facts("en", outreach.Offer)
		f.Lang = tag
		if got := compose1(t, c, f); got.Dir != want || !strings.Contains(got.HTML, fmt.Sprintf("dir=%q", want)) {
			t.Errorf("%q is written %s", tag, got.Dir)
		}
	}
}

func TestForeignNamesKeepTheirDirection(t *testing.T) {
	c := composer(t)
	f := facts("en", outreach.Offer)
	f.Name, f.Site = "سلمى", "مقهى 7"
	got := compose1(t, c, f)
	for _, want := range []string{"Hello \u2068سلمى\u2069,", "(\u2068مقهى 7\u2069)"} {
		if !strings.Contains(got.Text, want) {
			t.Errorf("want %q in\n%s", want, got.Text)
		}
	}
	f = facts("ar", outreach.Offer)
	f.Name, f.Device = "Hannah (2nd)", "E1"
	got = compose1(t, c, f)
	for where, want := range map[string]string{got.Text: "مرحبًا \u2068Hannah (2nd)\u2069،", got.HTML: "مرحبًا <bdi>Hannah (2nd)</bdi>،", got.Subject: "(\u2068E1\u2069)"} {
		if !strings.Contains(where, want) {
			t.Errorf("want %q in\n%s", want, where)
		}
	}
}

func TestUnknownZoneIsTheOneConfigured(t *testing.T) {
	zone, err := time.LoadLocation("Asia/Dubai")
	if err != nil {
		t.Fatal(err)
	}
	c, err := compose.New(compose.Options{Zone: zone})
	if err != nil {
		t.Fatal(err)
	}
	f := facts("en", outreach.Confirmation)
	f.Zone = "Nowhere/Land"
	if got := compose1(t, c, f).Text; !strings.Contains(got, "17:00 to 17:30, Dubai time (UTC+4)") {
		t.Error(got)
	}
}

func TestTwoAtOnce(t *testing.T) {
	c := composer(t)
	want := compose1(t, c, facts("ar", outreach.Offer))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if diff := cmp.Diff(want, compose1(t, c, facts("ar", outreach.Offer))); diff != "" {
				t.Error(diff)
			}
		})
	}
	all.Wait()
}

func compose1(t *testing.T, c *compose.Composer, f outreach.Facts) outreach.Content {
	t.Helper()
	got, err := c.Compose(f)
	if err != nil {
		t.Error(err)
	}
	return got
}
