package demo

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/forecare/forecare/anomaly"
	sim "github.com/forecare/forecare/firmware-sim"
	"github.com/forecare/forecare/outreach"
)

// Live tells what changes, best effort, while ctx lives. The narrator uses
// notices of kind "case", whose id is the case's.
type Live interface {
	Notices(ctx context.Context, handle func(kind, tenant, id, text string)) error
}

// Cases is what the narrator reads; *outreach.Desk is one.
type Cases interface {
	Cases(ctx context.Context, f outreach.CaseFilter) (outreach.CasePage, error)
	Case(ctx context.Context, tenant, id string) (*outreach.Case, error)
	Messages(ctx context.Context, tenant, id string) ([]outreach.Message, error)
}

// NarratorOptions are what a Narrator tells and how. Out must take small
// writes; Mailbox is the address of the demo mailbox, empty if there is none.
type NarratorOptions struct {
	Out     io.Writer
	Tenant  string
	Live    Live
	Cases   Cases
	Fleet   func() sim.Status
	Stored  func() int64 // readings stored since the process started
	Mailbox string
	Began   time.Time // when the process started; times are told from here
}

// Narrator says on the console, in plain words and calmly, what happens in the
// demo: the fleet, then every case from its finding to its proof.
type Narrator struct {
	o     NarratorOptions
	known map[string]*told // by case
	shown bool             // a case was told from its finding to its proof
	err   error            // of Out: nobody listens any more
}

// told is what has been said of a case.
type told struct {
	state    outreach.State
	messages map[string]bool
	number   int
}

// How often the narrator says how the fleet is, and how many cases are told in
// full: who watches has seen the way after two.
const (
	pastPace  = 5 * time.Second
	livePace  = time.Minute
	fullCases = 2
	lookPace  = 3   // seconds between two looks at what no notice told
	manyCases = 200 // most that a demo is looked at
)

// NewNarrator returns a narrator who says nothing before Run.
func NewNarrator(o NarratorOptions) *Narrator {
	if o.Began.IsZero() {
		o.Began = time.Now()
	}
	return &Narrator{o: o, known: make(map[string]*told)}
}

// Run tells until ctx ends, or until nobody listens.
func (n *Narrator) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	news := make(chan string, 256)
	ended := make(chan error, 1)
	go func() { // waited for below
		ended <- n.o.Live.Notices(ctx, func(kind, tenant, id, _ string) {
			if kind != "case" || tenant != n.o.Tenant {
				return
			}
			select {
			case news <- id:
			default: // the next look at what is known tells it
			}
		})
	}()
	n.greet(ctx)
	fleet := newProgress()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	seconds := 0
	for n.err == nil {
		select {
		case <-ctx.Done():
			return <-ended
		case id := <-news:
			if c, err := n.o.Cases.Case(ctx, n.o.Tenant, id); err == nil { // else a later look tells it
				n.tell(ctx, c)
			}
		case <-tick.C:
			if seconds++; seconds%lookPace == 0 {
				n.lookAgain(ctx)
			}
			if s := fleet.next(n.o.Fleet(), n.o.Stored(), time.Since(n.o.Began)); s != "" {
				n.say("%s", s)
			}
		}
	}
	cancel()
	return <-ended
}

// say writes one entry: the time since the start, then the text; further lines
// of the text stand below it.
func (n *Narrator) say(format string, args ...any) {
	gone := time.Since(n.o.Began)
	stamp := fmt.Sprintf("%3d:%02d  ", int(gone.Minutes()), int(gone.Seconds())%60)
	text := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n"+strings.Repeat(" ", len(stamp)))
	if _, err := fmt.Fprintln(n.o.Out, stamp+text); err != nil {
		n.err = err
	}
}

// greet takes what there is from earlier runs as told, and says what of it is
// open.
func (n *Narrator) greet(ctx context.Context) {
	page, err := n.o.Cases.Cases(ctx, outreach.CaseFilter{Tenant: n.o.Tenant, Limit: manyCases})
	if err != nil {
		return // the demo goes on without a greeting
	}
	var open []string
	for _, c := range page.Cases {
		t := n.remember(c)
		if !c.State.Open() {
			continue
		}
		line := fmt.Sprintf("%s, %s", c.Key.Device, strings.ReplaceAll(string(c.State), "_", " "))
		messages, err := n.o.Cases.Messages(ctx, n.o.Tenant, c.ID)
		if err != nil {
			continue
		}
		link := ""
		for _, m := range messages {
			if m.State == outreach.Sent {
				t.messages[m.ID] = true
				link = m.Content.OwnerURL
			}
		}
		if link != "" {
			line += "; its owner's page: " + link
		}
		open = append(open, line)
	}
	if len(open) > 0 {
		n.say("From before, %s open:\n%s", count(len(open), "case is", "cases are"), strings.Join(open, "\n"))
	}
}

// lookAgain tells what no notice has told, for notices are best effort.
func (n *Narrator) lookAgain(ctx context.Context) {
	page, err := n.o.Cases.Cases(ctx, outreach.CaseFilter{Tenant: n.o.Tenant, Limit: manyCases})
	if err != nil {
		return
	}
	for _, c := range page.Cases {
		if t := n.known[c.ID]; t == nil || t.state.Open() || t.state != c.State {
			n.tell(ctx, c)
		}
	}
}

// remember notes a case as told in its present state.
func (n *Narrator) remember(c *outreach.Case) *told {
	t := n.known[c.ID]
	if t == nil {
		t = &told{messages: make(map[string]bool), number: len(n.known) + 1}
		n.known[c.ID] = t
	}
	t.state = c.State
	return t
}

// tell says what is new about a case.
func (n *Narrator) tell(ctx context.Context, c *outreach.Case) {
	before, isNew := outreach.State(""), n.known[c.ID] == nil
	if !isNew {
		before = n.known[c.ID].state
	}
	t := n.remember(c)
	full := t.number <= fullCases
	if isNew {
		n.tellFinding(c, full)
	}
	n.tellMessages(ctx, c, t, full)
	if c.State != before {
		n.tellState(c, full)
	}
}

func (n *Narrator) tellFinding(c *outreach.Case, full bool) {
	f := c.Finding()
	if f == nil {
		return
	}
	if !full {
		n.say("Another finding, %s: %s", c.Key.Device, f.Reason)
		return
	}
	first := "Another finding"
	if len(n.known) == 1 {
		first = "The first finding"
	}
	more := ""
	if f.Kind == anomaly.Drift && f.Forecast != nil && f.Forecast.P10.After(time.Now()) {
		more = fmt.Sprintf("\nNobody has noticed. With 90 %% certainty nobody will for the next %s.", days(time.Until(f.Forecast.P10)))
	}
	n.say("%s: %s\n%s%s\nA case is open for it.", first, c.Key.Device, f.Reason, more)
}

func (n *Narrator) tellMessages(ctx context.Context, c *outreach.Case, t *told, full bool) {
	messages, err := n.o.Cases.Messages(ctx, n.o.Tenant, c.ID)
	if err != nil {
		return
	}
	for _, m := range messages {
		if t.messages[m.ID] || m.State == outreach.Pending || m.State == outreach.Sending {
			continue
		}
		t.messages[m.ID] = true
		switch {
		case m.State == outreach.Sent && m.Purpose == outreach.Offer && full:
			text := fmt.Sprintf("Its owner has been written to (%s, in %s).", m.Channel, language(m.Lang))
			if n.o.Mailbox != "" {
				text += "\nRead it as they do:    " + n.o.Mailbox
			}
			if m.Content.OwnerURL != "" {
				text += "\nThe owner's own page:  " + m.Content.OwnerURL + "\nPick a time there, and a technician comes within seconds."
			}
			n.say("%s", text)
		case m.State == outreach.Sent && full:
			n.say("The owner of %s has a message: %s.", c.Key.Device, purpose(m.Purpose))
		case m.State == outreach.Sent && m.Purpose == outreach.Offer:
			n.say("The owner of %s has been written to (%s, in %s).", c.Key.Device, m.Channel, language(m.Lang))
		case m.State == outreach.Failed || m.State == outreach.Suppressed || m.State == outreach.Unknown:
			n.say("A message to the owner of %s was not sent: %s.", c.Key.Device, m.Detail)
		}
	}
}

func (n *Narrator) tellState(c *outreach.Case, full bool) {
	device := c.Key.Device
	switch c.State {
	case outreach.Scheduled:
		if a := c.Appointment; a != nil {
			when := a.Start
			if zone, err := time.LoadLocation(a.Zone); err == nil {
				when = when.In(zone)
			}
			n.say("%s: booked for %s. In this demo the technician comes now.", device, when.Format("Monday 2 January, 15:04 MST"))
		}
	case outreach.InProgress:
		n.say("%s: the remedy is under way (%s).", device, c.Remedy)
	case outreach.Done:
		n.say("%s: done, says the device. Now its telemetry has to prove it.", device)
	case outreach.Verified:
		n.say("%s: verified. Its readings are back among those of its peers.", device)
		if full && !n.shown {
			n.shown = true
			n.say("That was the whole way. Nobody had to complain.")
		}
	case outreach.Reopened:
		n.say("%s: the remedy did not hold; the case is open again.", device)
	case outreach.Withdrawn:
		n.say("%s: it went away by itself; the case is withdrawn.", device)
	case outreach.Dismissed:
		n.say("%s: the case was dismissed.", device)
	case outreach.Opened, outreach.Offered:
		// Told with the finding and the message.
	}
}
