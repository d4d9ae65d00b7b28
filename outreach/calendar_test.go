package outreach_test

import (
	"slices"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
)

func query(zone string, from time.Time, span time.Duration) outreach.SlotQuery {
	return outreach.SlotQuery{Tenant: "acme", Zone: zone, Duration: time.Hour, Window: outreach.Window{From: from, Until: from.Add(span)}, Except: "c-1"}
}

func TestVisitsAreInWorkingHoursOfTheSite(t *testing.T) {
	cal := outreach.DefaultCalendar()
	// From Thursday 16:00 in Auckland, for three days: Friday only.
	loc, err := time.LoadLocation("Pacific/Auckland")
	if err != nil {
		t.Fatal(err)
	}
	got := cal.Free(query("Pacific/Auckland", time.Date(2026, 11, 26, 16, 0, 0, 0, loc), 3*24*time.Hour))
	var starts []string
	for _, s := range got {
		starts = append(starts, s.Start.In(loc).Format("Mon 15:04"))
	}
	want := []string{"Fri 09:00", "Fri 11:00", "Fri 13:00", "Fri 15:00"}
	if !slices.Equal(starts, want) {
		t.Fatalf("slots %v, want %v", starts, want)
	}
}

// A window that holds nothing, such as a weekend, is widened to the next slots.
func TestNeverAnEmptyPage(t *testing.T) {
	cal := outreach.DefaultCalendar()
	saturday := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	got := cal.Free(query("UTC", saturday, 24*time.Hour))
	if len(got) != 3 || got[0].Start.Weekday() != time.Monday {
		t.Fatalf("slots %v, want Monday's first three", got)
	}
}

func TestLongVisitsAndSkills(t *testing.T) {
	cal := outreach.Calendar{Technicians: []outreach.Technician{
		{ID: "ada", Skills: []string{"water"}, Days: outreach.DefaultCalendar().Technicians[0].Days, From: 9 * 60, Until: 17 * 60, Slot: 2 * time.Hour, Places: 1},
		{ID: "bob", Days: outreach.DefaultCalendar().Technicians[0].Days, From: 9 * 60, Until: 17 * 60, Slot: 2 * time.Hour, Places: 1, Tenant: "rival"},
	}}
	q := query("UTC", time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC), 24*time.Hour)
	q.Duration = 3*time.Hour + time.Minute
	q.Skill = "water"
	got := cal.Free(q)
	if len(got) != 3 || got[0].End.Sub(got[0].Start) != 3*time.Hour+15*time.Minute || got[2].Start.Hour() != 13 {
		t.Fatalf("slots %v: a visit of more than three hours ends within the day", got)
	}
	q.Skill = "fire"
	if got := cal.Free(q); len(got) != 0 {
		t.Fatalf("slots %v, but nobody can do it", got)
	}
}

// Bookings that overlap in another zone's grid block the technician as well.
func TestOneTechnicianInTwoZones(t *testing.T) {
	cal := outreach.DefaultCalendar()
	from := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	berlin := cal.Free(query("Europe/Berlin", from, 24*time.Hour))[0] // 08:00-10:00 UTC
	q := query("Asia/Kathmandu", from, 24*time.Hour)                  // offset 5:45
	q.Bookings = []outreach.Booking{{Slot: berlin, Tenant: "acme", Case: "c-2"}}
	for _, s := range cal.Free(q) {
		if s.Start.Before(berlin.End) && berlin.Start.Before(s.End) {
			t.Fatalf("%v overlaps %v", s, berlin)
		}
	}
}

// Whatever is offered can be booked, and nothing else; no two bookings share
// a place at a time; each start is offered once.
func TestOfferEqualsValidation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cal := outreach.DefaultCalendar()
		cal.Technicians[0].Places = rapid.IntRange(1, 2).Draw(t, "places")
		if rapid.Bool().Draw(t, "colleague") {
			c := cal.Technicians[0]
			c.ID = "colleague"
			cal.Technicians = append(cal.Technicians, c)
		}
		zone := rapid.SampledFrom([]string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"})
		from := noon.Add(time.Duration(rapid.IntRange(0, 365*24).Draw(t, "from")) * time.Hour)
		var held []outreach.Booking
		for i := range rapid.IntRange(1, 12).Draw(t, "bookings") {
			q := query(zone.Draw(t, "zone"), from, time.Duration(rapid.IntRange(1, 72).Draw(t, "hours"))*time.Hour)
			q.Remote = rapid.Bool().Draw(t, "remote")
			q.Except = string(rune('a' + i))
			q.Bookings = held
			free := cal.Free(q)
			for n, s := range free {
				if n > 0 && !s.Start.After(free[n-1].Start) {
					t.Fatalf("%v after %v", s, free[n-1])
				}
				if s.Start.Before(q.Window.From) {
					t.Fatalf("%v is before the window", s)
				}
				b, ok := cal.Place(q, s.ID)
				if !ok || b.Slot != s {
					t.Fatalf("%v is offered, but booking it gives %v, %v", s, b, ok)
				}
			}
			if len(free) == 0 {
				continue
			}
			b, _ := cal.Place(q, rapid.SampledFrom(free).Draw(t, "slot").ID)
			for _, o := range held {
				if o.Technician == b.Technician && o.Place == b.Place && o.Start.Before(b.End) && b.Start.Before(o.End) {
					t.Fatalf("%+v and %+v share a place", o, b)
				}
			}
			held = append(held, b)
		}
	})
}

// In no zone, on no day on which the clocks change, is a time offered that the
// site's clocks skip, show twice, or change in.
func TestSlotsWhereClocksChange(t *testing.T) {
	everyDay := outreach.DefaultCalendar().Technicians[1].Days
	cal := outreach.Calendar{Technicians: []outreach.Technician{{ID: "night", Days: everyDay, From: 0, Until: 24 * 60, Slot: time.Hour, Places: 1}}}
	for _, loc := range zones(t) {
		for _, change := range changes(loc) {
			seen := map[string]bool{}
			for _, s := range cal.Free(query(loc.String(), change.Add(-30*time.Hour), 60*time.Hour)) {
				start, end := s.Start.In(loc), s.End.In(loc)
				clock := start.Format("2006-01-02 15:04")
				_, a := start.Zone()
				_, b := end.Add(-time.Second).Zone()
				if seen[clock] || a != b || start.Minute() != 0 || s.Zone != loc.String() {
					t.Fatalf("%s: slot %s to %s", loc, start, end)
				}
				seen[clock] = true
			}
			if len(seen) < 50 {
				t.Fatalf("%s: only %d slots", loc, len(seen))
			}
		}
	}
}

func TestBerlinClockChange(t *testing.T) {
	everyDay := outreach.DefaultCalendar().Technicians[1].Days
	cal := outreach.Calendar{Technicians: []outreach.Technician{{ID: "night", Days: everyDay, From: 60, Until: 5 * 60, Slot: time.Hour, Places: 1}}}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[int][]string{
		28: {"01:00", "03:00", "04:00"},          // in March 02:00 is skipped
		29: {"01:00", "02:00", "03:00", "04:00"}, // an ordinary day
	} {
		var got []string
		from := time.Date(2027, 3, day, 0, 0, 0, 0, berlin)
		for _, s := range cal.Free(query("Europe/Berlin", from, 6*time.Hour)) {
			if s.Start.In(berlin).Day() == day {
				got = append(got, s.Start.In(berlin).Format("15:04"))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("March %d: %v, want %v", day, got, want)
		}
	}
	var got []string
	for _, s := range cal.Free(query("Europe/Berlin", time.Date(2026, 10, 25, 0, 0, 0, 0, berlin), 7*time.Hour)) {
		if s.Start.In(berlin).Day() == 25 {
			got = append(got, s.Start.In(berlin).Format("15:04"))
		}
	}
	if want := []string{"01:00", "03:00", "04:00"}; !slices.Equal(got, want) {
		t.Errorf("October 25: %v, want %v: 02:00 comes twice", got, want)
	}
}

func TestCalendarFromYAML(t *testing.T) {
	var cal outreach.Calendar
	err := yaml.Unmarshal([]byte(`
technicians:
  - {id: ada, days: [mon, sat], from: "07:30", until: "12:00", slot: 90m, places: 1, skills: [water]}
`), &cal)
	if err != nil {
		t.Fatal(err)
	}
	if err := cal.Validate(); err != nil {
		t.Fatal(err)
	}
	a := cal.Technicians[0]
	if !slices.Equal(a.Days, []outreach.Day{outreach.Day(time.Monday), outreach.Day(time.Saturday)}) || a.From != 450 || a.Slot != 90*time.Minute {
		t.Fatalf("technician %+v", a)
	}
	for name, edit := range map[string]func(*outreach.Technician){
		"id":     func(t *outreach.Technician) { t.ID = "a b" },
		"hours":  func(t *outreach.Technician) { t.From = t.Until },
		"slot":   func(t *outreach.Technician) { t.Slot = time.Minute },
		"places": func(t *outreach.Technician) { t.Places = 0 },
	} {
		bad := outreach.Calendar{Technicians: []outreach.Technician{a}}
		edit(&bad.Technicians[0])
		if err := bad.Validate(); devices.CodeOf(err) != devices.Invalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	if err := yaml.Unmarshal([]byte(`{technicians: [{id: a, days: [friday]}]}`), &cal); err == nil {
		t.Error("friday is taken for a day")
	}
}
