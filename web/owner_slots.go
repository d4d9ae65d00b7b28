package web

import (
	"cmp"
	"slices"
	"time"

	"github.com/forecare/forecare/outreach"
)

type ownerDay struct {
	Name  string
	Slots []ownerSlot
}

type ownerSlot struct {
	ID               string
	Day, From, Until string
	Current          bool
	start            time.Time
}

// chosenSlots is how many times are offered before all the others.
const chosenSlots = 4

// ownerDays returns the free slots by the site's days, and before them a few
// that differ from each other: none if that would be all of them anyway.
func (s *Server) ownerDays(lang string, v *outreach.OwnerView, zone *time.Location) (chosen, all []ownerDay) {
	current := ""
	if v.Case.Appointment != nil {
		current = v.Case.Appointment.Slot.ID
	}
	var slots []ownerSlot
	for _, slot := range v.Slots {
		slots = append(slots, s.ownerSlot(lang, slot, zone, current))
	}
	slices.SortFunc(slots, func(a, b ownerSlot) int { return a.start.Compare(b.start) })
	// Another technician at the same time is no other choice.
	slots = slices.CompactFunc(slots, func(a, b ownerSlot) bool { return a.start.Equal(b.start) })
	all = byDay(slots)
	if len(slots) <= chosenSlots {
		return nil, all
	}
	return byDay(choose(all)), all
}

func byDay(slots []ownerSlot) []ownerDay {
	var days []ownerDay
	for _, o := range slots {
		if n := len(days); n == 0 || days[n-1].Name != o.Day {
			days = append(days, ownerDay{Name: o.Day})
		}
		last := &days[len(days)-1]
		last.Slots = append(last.Slots, o)
	}
	return days
}

// choose picks times that suit different people: in turn through the days, once
// in the morning and once in the afternoon.
func choose(days []ownerDay) []ownerSlot {
	const morning, afternoon = 10 * 60, 16 * 60
	var picked []ownerSlot
	for round := 0; len(picked) < chosenSlots; round++ {
		for i, day := range days {
			wish := morning
			if (round+i)%2 == 1 {
				wish = afternoon
			}
			left := slices.DeleteFunc(slices.Clone(day.Slots), func(o ownerSlot) bool { return slices.Contains(picked, o) })
			if len(left) == 0 || len(picked) == chosenSlots {
				continue
			}
			picked = append(picked, slices.MinFunc(left, func(a, b ownerSlot) int {
				return cmp.Compare(away(a.start, wish), away(b.start, wish))
			}))
		}
	}
	slices.SortFunc(picked, func(a, b ownerSlot) int { return a.start.Compare(b.start) })
	return picked
}

// away is how many minutes t is from a time of day.
func away(t time.Time, minutes int) int {
	return max(t.Hour()*60+t.Minute()-minutes, minutes-t.Hour()*60-t.Minute())
}

func (s *Server) ownerSlot(lang string, slot outreach.Slot, zone *time.Location, current string) ownerSlot {
	from, until := slot.Start.In(zone), slot.End.In(zone)
	return ownerSlot{
		ID: slot.ID, Day: s.o.Phrases.Day(lang, from), From: s.o.Phrases.Clock(lang, from), Until: s.o.Phrases.Clock(lang, until),
		Current: slot.ID == current, start: from,
	}
}
