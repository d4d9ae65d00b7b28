package outreach_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
	"github.com/forecare/forecare/outreach"
)

func TestOwnerBooksChangesAndCancels(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		h := newHouse(t, db)
		key := h.device("d1")
		h.find(key, "flow", 1, anomaly.Opened)
		h.deliver()
		c := h.only(key)
		g := h.grant(c)
		slots := h.slots(c)
		first, second := slots[0], slots[1]
		if first.End.Sub(first.Start) != 2*time.Hour || first.Zone != "Europe/Berlin" || first.Technician != "technician" {
			t.Fatalf("slot %+v", first)
		}
		for range 2 { // a double click is one booking
			got, err := h.desk.Book(t.Context(), g, first.ID)
			h.must(err)
			if got.State != outreach.Scheduled || got.Appointment.ID != first.ID || got.Appointment.Sequence != 0 {
				t.Fatalf("case %+v", got)
			}
		}
		if again := h.slots(c); !slices.Contains(again, first) {
			t.Fatal("one's own slot is not there to be kept")
		}
		h.turn(time.Second)
		got, err := h.desk.Book(t.Context(), g, second.ID)
		h.must(err)
		if got.Appointment.ID != second.ID || got.Appointment.Sequence != 1 {
			t.Fatalf("appointment %+v", got.Appointment)
		}
		held, err := h.db.Bookings(t.Context(), "acme", h.clock())
		if h.must(err); len(held) != 1 || held[0].ID != second.ID {
			t.Fatalf("bookings %+v, want only %s", held, second.ID)
		}
		h.turn(time.Second)
		for range 2 {
			h.must(h.desk.Unbook(t.Context(), g))
		}
		c = h.wantState(key, outreach.Offered)
		h.wantWrote(c, "offer/1 sent", "confirmation/1 suppressed", "confirmation/2 suppressed", "cancellation/1 pending")
		if want := "opened offered booked booked booking_canceled"; h.kinds(c) != want {
			t.Fatalf("events %q, want %q", h.kinds(c), want)
		}
		if !strings.Contains(h.messages(c)[3].Content.Calendar, "STATUS:CANCELLED\r\n") { //nolint:misspell // RFC 5545 spells it so
			t.Error("the cancellation takes nothing out of the calendar")
		}
		h.turn(time.Second)
		got, err = h.desk.Book(t.Context(), g, first.ID)
		h.must(err)
		if got.Appointment.Sequence != 3 {
			t.Fatalf("sequence %d, want 3: a calendar must see it as newer", got.Appointment.Sequence)
		}
	})
}

func TestBookRefuses(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "flow", 1, anomaly.Opened)
	c := h.only(key)
	good := h.slots(c)[0].ID
	for _, id := range []string{"", "nonsense", "technician-", "technician-20261125T0300Z", "technician-29991125T0900Z", "platform-" + good[len("technician-"):] + "x"} {
		_, err := h.desk.Book(t.Context(), h.grant(c), id)
		wantCode(t, err, devices.Conflict)
		var taken *outreach.TakenError
		if !errors.As(err, &taken) || len(taken.Slots) < 3 {
			t.Errorf("%q: no next best slots in %v", id, err)
		}
	}
	for name, g := range map[string]outreach.Grant{
		"somebody else":  {Tenant: "acme", Case: c.ID, Contact: "thief", Purpose: outreach.GrantOwner, Expires: noon.Add(time.Hour)},
		"another tenant": {Tenant: "rival", Case: c.ID, Contact: c.Owner, Purpose: outreach.GrantOwner, Expires: noon.Add(time.Hour)},
	} {
		if _, err := h.desk.Book(t.Context(), g, good); devices.CodeOf(err) != devices.NotFound {
			t.Errorf("%s: %v, want not found", name, err)
		}
	}
	unsubscribe := h.grant(c)
	unsubscribe.Purpose = outreach.GrantUnsubscribe
	_, err := h.desk.Book(t.Context(), unsubscribe, good)
	wantCode(t, err, devices.Forbidden)
	h.wantState(key, outreach.Offered)

	h.must(h.desk.Start(t.Context(), "acme", c.ID, ann))
	_, err = h.desk.Book(t.Context(), h.grant(c), good)
	wantCode(t, err, devices.Conflict)
	if len(h.slots(c)) != 0 {
		t.Error("slots are offered although the work has begun")
	}
}

// A device that changed hands is nothing to its former owner.
func TestFormerOwner(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "flow", 1, anomaly.Opened)
	c := h.only(key)
	d, err := h.db.Device(t.Context(), key)
	h.must(err)
	d.Owner = "somebody"
	h.must(h.db.UpdateDevice(t.Context(), d))
	_, err = h.desk.OwnerView(t.Context(), h.grant(c))
	wantCode(t, err, devices.NotFound)
}

// Fifty people, ten places: ten get one, and the others get what is next.
func TestFiftyBookersTenPlaces(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		h := newHouse(t, db, func(o *outreach.DeskOptions) {
			o.Calendar = outreach.DefaultCalendar()
			o.Calendar.Technicians[0].Places = 10
		})
		var cases []*outreach.Case
		for i := range 50 {
			key := h.device(fmt.Sprintf("d%02d", i))
			h.find(key, "flow", 1, anomaly.Opened)
			cases = append(cases, h.only(key))
		}
		slot := h.slots(cases[0])[0]
		var wg sync.WaitGroup
		errs := make([]error, len(cases))
		for i, c := range cases {
			wg.Go(func() { // waited for below
				// A busy database is a passing fault; the page would try again.
				for errs[i] = devices.Errorf(devices.Unavailable, ""); devices.CodeOf(errs[i]) == devices.Unavailable; {
					_, errs[i] = h.desk.Book(t.Context(), h.grant(c), slot.ID)
				}
			})
		}
		wg.Wait()
		won := 0
		for i, err := range errs {
			var taken *outreach.TakenError
			switch {
			case err == nil:
				won++
			case !errors.As(err, &taken):
				t.Errorf("booker %d: %v", i, err)
			case len(taken.Slots) == 0 || slices.ContainsFunc(taken.Slots, func(s outreach.Slot) bool { return s.Start.Equal(slot.Start) }):
				t.Errorf("booker %d is offered %v", i, taken.Slots)
			}
		}
		held, err := h.db.Bookings(t.Context(), "acme", h.clock())
		h.must(err)
		places := map[int]bool{}
		for _, b := range held {
			places[b.Place] = true
		}
		if won != 10 || len(held) != 10 || len(places) != 10 {
			t.Fatalf("%d won, %d bookings in %d places, want 10", won, len(held), len(places))
		}
	})
}

func TestBothering(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	c := h.only(key)
	for range 2 {
		h.must(h.desk.Bothering(t.Context(), h.grant(c), " the coffee is cold "))
	}
	again := h.only(key)
	if again.Urgency <= c.Urgency || !again.Bothering.Equal(noon) || h.kinds(again) != "opened offered bothering" {
		t.Fatalf("case %+v, events %q", again, h.kinds(again))
	}
	wantCode(t, h.desk.Bothering(t.Context(), h.grant(c), strings.Repeat("x", 5000)), devices.Invalid)
	h.find(key, "temp", 2, anomaly.Updated)
	if still := h.only(key); still.Urgency < again.Urgency-0.01 {
		t.Error("the next finding forgot it")
	}
}

func TestConsent(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1", func(d *devices.Device, c *devices.Contact) {
		c.Addresses = append(c.Addresses, devices.Address{Channel: "webhook", Value: "https://example.org/h", Preference: 5, Consent: noon.Add(-time.Hour)})
	})
	h.find(key, "temp", 1, anomaly.Opened)
	c := h.only(key)
	g := h.grant(c)
	unsubscribe := g
	unsubscribe.Purpose = outreach.GrantUnsubscribe
	reach := func() string {
		v, err := h.desk.OwnerView(t.Context(), g)
		h.must(err)
		return fmt.Sprint(v.Reach)
	}
	h.turn(time.Second)
	for range 2 {
		h.must(h.desk.OptOut(t.Context(), unsubscribe, "email"))
	}
	if got := reach(); got != "[{email false} {webhook true}]" {
		t.Fatalf("reach %s", got)
	}
	wantCode(t, h.desk.OptIn(t.Context(), unsubscribe, "email"), devices.Forbidden)
	h.turn(time.Second)
	h.must(h.desk.OptIn(t.Context(), g, "email"))
	h.turn(time.Second)
	h.must(h.desk.OptOut(t.Context(), g, outreach.All))
	if got := reach(); got != "[{email false} {webhook false}]" {
		t.Fatalf("reach %s", got)
	}
	c = h.only(key)
	if want := "opened offered opted_out opted_in opted_out"; h.kinds(c) != want {
		t.Fatalf("events %q, want %q", h.kinds(c), want)
	}
	if !strings.Contains(c.Attention, "does not want to be written to") {
		t.Errorf("attention %q", c.Attention)
	}
	wantCode(t, h.desk.OptIn(t.Context(), g, "pigeon"), devices.Invalid)
	h.must(h.desk.OptOut(t.Context(), unsubscribe, "pigeon")) // nothing to stop
	if again := h.only(key); again.Version != c.Version {
		t.Fatalf("events %q", h.kinds(again))
	}
}

func TestSubscribe(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	c := h.only(key)
	// The browser's own order and extras do not make it another subscription.
	good := `{"endpoint":"https://push.example.org/1","expirationTime":null,"keys":{"p256dh":"BAAA","auth":"AAAA"}}`
	other := `{"keys":{"auth":"AAAA","p256dh":"BAAA"},"endpoint":"https://push.example.org/1"}`
	for _, s := range []string{good, other, good} {
		if err := h.desk.Subscribe(t.Context(), h.grant(c), []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	contact, err := h.db.Contact(t.Context(), "acme", "owner-d1")
	h.must(err)
	if len(contact.Addresses) != 2 || contact.Addresses[0].Channel != "webpush" || !contact.Addresses[0].Allowed() {
		t.Fatalf("addresses %+v, want webpush first", contact.Addresses)
	}
	if want := "opened offered opted_in"; h.kinds(c) != want {
		t.Fatalf("events %q, want %q", h.kinds(c), want)
	}
	for _, s := range []string{"", "{}", `{"endpoint":"http://push.example.org/1","keys":{"p256dh":"BAAA","auth":"AAAA"}}`, strings.Repeat(" ", 5000) + good} {
		wantCode(t, h.desk.Subscribe(t.Context(), h.grant(c), []byte(s)), devices.Invalid)
	}
}

// What the owner's page reads changes nothing, however often it is read.
func TestReadingChangesNothing(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1")
	h.find(key, "temp", 1, anomaly.Opened)
	h.book(h.only(key), 0)
	c := h.only(key)
	before := len(h.notices)
	for range 3 {
		_, err := h.desk.OwnerView(t.Context(), h.grant(c))
		h.must(err)
		_, err = h.desk.Calendar(t.Context(), h.grant(c))
		h.must(err)
		_, err = h.desk.Open(t.Context(), token(h.links.Owner("acme", c.ID, c.Owner, h.clock().Add(time.Hour))))
		h.must(err)
	}
	if again := h.only(key); again.Version != c.Version || len(h.notices) != before {
		t.Fatal("reading left a trace")
	}
}

func token(url string) string { return url[strings.LastIndexByte(url, '/')+1:] }
