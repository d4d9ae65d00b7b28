package outreach

import (
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
)

// Calendar says who can be booked, and when. It is data: read it from
// configuration, or use DefaultCalendar.
type Calendar struct {
	Technicians []Technician `yaml:"technicians"`
}

// Technician is somebody who can be booked or, if Remote, the platform itself,
// which does remedies that need no visit. Tenant "" serves every tenant; no
// Skills means all of them. Hours are in the zone of the site that is visited.
// Slot is the length of a visit at least, and the grid on which visits begin.
// Places is how many may be booked at the same time.
type Technician struct {
	ID     string        `yaml:"id"`
	Tenant string        `yaml:"tenant"`
	Remote bool          `yaml:"remote"`
	Skills []string      `yaml:"skills"`
	Days   []Day         `yaml:"days"`
	From   Clock         `yaml:"from"`
	Until  Clock         `yaml:"until"`
	Slot   time.Duration `yaml:"slot"`
	Places int           `yaml:"places"`
}

// DefaultCalendar has one technician, Monday to Friday from nine to five, and
// the platform, every day from eight to eight.
func DefaultCalendar() Calendar {
	week := []Day{Day(time.Monday), Day(time.Tuesday), Day(time.Wednesday), Day(time.Thursday), Day(time.Friday)}
	return Calendar{Technicians: []Technician{
		{ID: "technician", Days: week, From: 9 * 60, Until: 17 * 60, Slot: 2 * time.Hour, Places: 1},
		{
			ID: "platform", Remote: true, Days: append(slices.Clone(week), Day(time.Saturday), Day(time.Sunday)),
			From: 8 * 60, Until: 20 * 60, Slot: time.Hour, Places: 20,
		},
	}}
}

// Validate says what is wrong with a calendar that somebody wrote.
func (c *Calendar) Validate() error {
	seen := map[string]bool{}
	for _, t := range c.Technicians {
		switch {
		case !devices.ValidID(t.ID):
			return devices.Errorf(devices.Invalid, "calendar: technician id %q: use 1 to 64 letters, digits and : . _ -", t.ID)
		case seen[t.Tenant+"/"+t.ID]:
			return devices.Errorf(devices.Invalid, "calendar: technician %s is listed twice", t.ID)
		case t.From >= t.Until:
			return devices.Errorf(devices.Invalid, "calendar: technician %s: from %s must be before until %s", t.ID, t.From, t.Until)
		case t.Slot < Cell:
			return devices.Errorf(devices.Invalid, "calendar: technician %s: slot must be %s at least", t.ID, Cell)
		case t.Places < 1:
			return devices.Errorf(devices.Invalid, "calendar: technician %s: places must be 1 at least", t.ID)
		}
		seen[t.Tenant+"/"+t.ID] = true
	}
	return nil
}

// Cell is the grain of booked time: a booking holds every cell that it
// touches, and a store lets one booking hold a technician's place in a cell.
// All offsets from UTC in use today are multiples of it.
const Cell = 15 * time.Minute

// Cells returns the numbers of the first cell that a slot touches and of the
// first after it, counted from 1970.
func (s Slot) Cells() (first, end int64) {
	size := int64(Cell / time.Second)
	return s.Start.Unix() / size, (s.End.Unix() + size - 1) / size
}

// SlotQuery asks for free slots of Duration for a site in Zone: not before
// From, and not after Until if enough are free by then. Bookings are the
// active ones of the tenant; those of Except, which is the case that asks, do
// not count.
type SlotQuery struct {
	Tenant   string
	Zone     string
	Remote   bool
	Skill    string
	Duration time.Duration
	Window   Window
	Bookings []Booking
	Except   string
}

// Free returns the free slots, soonest first, one for each start. If fewer
// than three are free inside the window, the next ones after it, up to two
// weeks on, make up for them: an owner is never shown an empty page.
func (c *Calendar) Free(q SlotQuery) []Slot {
	var slots []Slot
	for _, b := range c.candidates(q) {
		if len(slots) == 0 || !slots[len(slots)-1].Start.Equal(b.Start) {
			slots = append(slots, b.Slot)
		}
	}
	return slots
}

// Place returns the booking that a slot's ID stands for, if it is among the
// free ones. If only the technician is taken and a colleague has the same time,
// it is the colleague's.
func (c *Calendar) Place(q SlotQuery, slotID string) (Booking, bool) {
	all := c.candidates(q)
	if i := slices.IndexFunc(all, func(b Booking) bool { return b.ID == slotID }); i >= 0 {
		return all[i], true
	}
	start, ok := slotStart(slotID)
	if !ok {
		return Booking{}, false
	}
	if i := slices.IndexFunc(all, func(b Booking) bool { return b.Start.Equal(start) }); i >= 0 {
		return all[i], true
	}
	return Booking{}, false
}

// candidates is the one place that knows what is free: what is offered and
// what is accepted cannot differ. It is sorted by start, and within a start by
// how little the technician has to do.
func (c *Calendar) candidates(q SlotQuery) []Booking {
	const least, horizon = 3, 14 * 24 * time.Hour
	loc := location(q.Zone)
	busy := occupied(q)
	var all []Booking
	for i := range c.Technicians {
		t := &c.Technicians[i]
		if !t.serves(q) {
			continue
		}
		for slot := range t.slots(loc, q.Duration, q.Window.From, q.Window.From.Add(horizon)) {
			if place, ok := busy.place(t, slot, q.Except); ok {
				all = append(all, Booking{Slot: slot, Tenant: q.Tenant, Case: q.Except, Place: place})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Booking) int {
		if d := a.Start.Compare(b.Start); d != 0 {
			return d
		}
		return busy.load[a.Technician] - busy.load[b.Technician]
	})
	starts := 0
	for i, b := range all {
		if i == 0 || !b.Start.Equal(all[i-1].Start) {
			if b.End.After(q.Window.Until) && starts >= least {
				return all[:i]
			}
			starts++
		}
	}
	return all
}

func (t *Technician) serves(q SlotQuery) bool {
	return t.Remote == q.Remote && (t.Tenant == "" || t.Tenant == q.Tenant) &&
		(q.Skill == "" || len(t.Skills) == 0 || slices.Contains(t.Skills, q.Skill))
}

// slots yields the slots on the technician's grid that begin between from and
// until. A slot whose clock time does not exist, exists twice, or in which the
// clocks change, is left out: nobody could agree on it.
func (t *Technician) slots(loc *time.Location, duration time.Duration, from, until time.Time) func(yield func(Slot) bool) {
	length := max(t.Slot, (duration + Cell - 1).Truncate(Cell))
	grid := Clock(t.Slot / time.Minute)
	return func(yield func(Slot) bool) {
		day := from.In(loc)
		for n := 0; ; n++ {
			y, m, d := day.Year(), day.Month(), day.Day()+n
			noon := time.Date(y, m, d, 12, 0, 0, 0, time.UTC)
			if noon.Add(-36 * time.Hour).After(until) {
				return
			}
			if !slices.Contains(t.Days, Day(noon.Weekday())) {
				continue
			}
			for at := t.From; time.Duration(at)*time.Minute+length <= time.Duration(t.Until)*time.Minute; at += grid {
				start, ok := at.on(y, m, d, loc)
				if !ok || start.Before(from) || start.After(until) {
					continue
				}
				end := start.Add(length)
				if _, change := start.ZoneBounds(); !change.IsZero() && change.Before(end) {
					continue
				}
				slot := Slot{ID: slotID(t.ID, start), Technician: t.ID, Start: start.UTC(), End: end.UTC(), Zone: loc.String()}
				if !yield(slot) {
					return
				}
			}
		}
	}
}

const slotTime = "20060102T1504Z"

func slotID(technician string, start time.Time) string {
	return technician + "-" + start.UTC().Format(slotTime)
}

func slotStart(id string) (time.Time, bool) {
	i := strings.LastIndexByte(id, '-')
	if i < 0 {
		return time.Time{}, false
	}
	t, err := time.Parse(slotTime, id[i+1:])
	return t, err == nil
}

// occupancy knows which places are held in which cells.
type occupancy struct {
	held map[heldCell]bool
	load map[string]int // cells held, by technician
}

type heldCell struct {
	technician string
	cell       int64
	place      int
}

func occupied(q SlotQuery) occupancy {
	o := occupancy{held: map[heldCell]bool{}, load: map[string]int{}}
	for _, b := range q.Bookings {
		if b.Case == q.Except {
			continue
		}
		first, end := b.Cells()
		for cell := first; cell < end; cell++ {
			o.held[heldCell{b.Technician, cell, b.Place}] = true
		}
		o.load[b.Technician] += int(end - first)
	}
	return o
}

// place returns a place that is free through the whole slot. Each case begins
// to look at another one, so that two who book at once seldom meet.
func (o *occupancy) place(t *Technician, s Slot, caseID string) (int, bool) {
	h := fnv.New32a()
	h.Write([]byte(caseID))
	begin := int(h.Sum32() % uint32(t.Places))
	first, end := s.Cells()
	for n := range t.Places {
		place := (begin + n) % t.Places
		free := true
		for cell := first; cell < end && free; cell++ {
			free = !o.held[heldCell{t.ID, cell, place}]
		}
		if free {
			return place, true
		}
	}
	return 0, false
}

// TakenError is the cause of a devices.Conflict from Desk.Book: the time is no
// longer free. Slots are the next best ones.
type TakenError struct {
	Slots []Slot
}

// Error says that the time is taken.
func (e *TakenError) Error() string { return "the slot is taken" }
