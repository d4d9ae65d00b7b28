package outreach

import (
	"context"
	"strings"

	"github.com/forecare/forecare/devices"
)

// onCase runs a decision of somebody on a case that exists.
func (d *Desk) onCase(ctx context.Context, at Ref, step func(*matter) error) error {
	c, err := d.o.Store.Case(ctx, at.Tenant, at.Case)
	if err != nil {
		return err
	}
	s, err := d.lookup(ctx, c.Key, c.Model)
	if err != nil {
		return err
	}
	_, err = d.decide(ctx, at, s, func(m *matter) error {
		if m.c == nil {
			return devices.Errorf(devices.NotFound, "There is no case %s.", at.Case)
		}
		return step(m)
	})
	return err
}

// longestText is how much a person may write into a case at once.
const longestText = 4000

func checkText(what, text string) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", devices.Errorf(devices.Invalid, "Please write %s.", what)
	case len(text) > longestText:
		return "", devices.Errorf(devices.Invalid, "Please write %s in at most %d characters.", what, longestText)
	}
	return text, nil
}

// Note adds an agent's note to a case, open or not. Actor is a user's e-mail
// address, here and below.
func (d *Desk) Note(ctx context.Context, tenant, id, actor, text string) error {
	text, err := checkText("a note", text)
	if err != nil {
		return err
	}
	return d.onCase(ctx, Ref{Tenant: tenant, Case: id}, func(m *matter) error {
		m.record(EventNote, actor, data{"text": text})
		return nil
	})
}

// Dismiss ends a case because there is nothing to do. A booked time is given
// back, and the owner told so. A case that is dismissed already stays as it is;
// one that ended otherwise is devices.Conflict.
func (d *Desk) Dismiss(ctx context.Context, tenant, id, actor, reason string) error {
	reason, err := checkText("the reason", reason)
	if err != nil {
		return err
	}
	return d.onCase(ctx, Ref{Tenant: tenant, Case: id}, func(m *matter) error {
		if m.c.State == Dismissed {
			return nil
		}
		if err := m.mustBeOpen(); err != nil {
			return err
		}
		m.hush()
		var gone *Appointment
		if m.c.State == Scheduled {
			gone = m.giveBack(actor)
		}
		m.change.GiveBack = m.change.GiveBack || m.c.Appointment != nil
		m.record(EventDismissed, actor, data{"reason": reason})
		if gone != nil {
			m.write(Cancellation, gone, false)
		}
		m.close()
		return nil
	})
}

func (m *matter) mustBeOpen() error {
	if m.c.State.Open() {
		return nil
	}
	return devices.Errorf(devices.Conflict, "This case is closed (%s).", m.c.State)
}

// Start says that the remedy begins. Where the remedy has a command it is sent
// to the device, and repeated until it is answered or expires; the device's
// yes makes the case Done. Starting what is under way changes nothing, except
// after the device refused or did not answer: then it is another attempt.
func (d *Desk) Start(ctx context.Context, tenant, id, actor string) error {
	var send *devices.Command
	err := d.onCase(ctx, Ref{Tenant: tenant, Case: id}, func(m *matter) error {
		send = nil
		if err := m.mustBeOpen(); err != nil {
			return err
		}
		if m.c.State == Done {
			return devices.Errorf(devices.Conflict, "The remedy is done; telemetry is about to prove it. Dismiss or note instead.")
		}
		if m.c.State == InProgress && !m.mayRepeat() {
			return nil
		}
		send = m.start(actor)
		return nil
	})
	if err == nil && send != nil {
		d.send(ctx, *send)
	}
	return err
}

// mayRepeat reports whether the newest command has failed.
func (m *matter) mayRepeat() bool {
	k := m.view.Command
	return k != nil && !k.Answered.IsZero() && !k.OK
}

// start begins the remedy and returns the command to send, nil if it is done
// by hand.
func (m *matter) start(actor string) *devices.Command {
	m.hush()
	m.c.Attempt++
	m.c.Attention = ""
	m.rest()
	r := m.remedy()
	if r == nil || r.Command == "" {
		m.record(EventStarted, actor, data{"remedy": m.c.Remedy, "command": ""})
		return nil
	}
	k := devices.Command{
		ID:  CommandID(m.c.Key.Tenant, m.c.ID, r.ID, m.c.Attempt),
		Key: m.c.Key, Name: r.Command, Args: map[string]any{"remedy": r.ID},
		Issued: m.now, Expires: m.now.Add(m.desk.o.Policy.Commands.Expire),
	}
	if f := m.c.Finding(); f != nil && f.Metric != "" {
		k.Args["metric"] = f.Metric
	}
	m.change.Command = &SentCommand{Command: k, Case: m.c.ID, Sent: m.now}
	m.record(EventStarted, actor, data{"remedy": r.ID, "command": k.ID})
	return &k
}

// Finish says that the remedy was done, by hand or otherwise. The case is then
// Done until telemetry has proved it, or Verified at once if it already has.
// Finishing what is finished changes nothing.
func (d *Desk) Finish(ctx context.Context, tenant, id, actor, note string) error {
	note = strings.TrimSpace(note)
	if len(note) > longestText {
		return devices.Errorf(devices.Invalid, "Please write the note in at most %d characters.", longestText)
	}
	return d.onCase(ctx, Ref{Tenant: tenant, Case: id}, func(m *matter) error {
		if m.c.State == Done || m.c.State == Verified {
			return nil
		}
		if err := m.mustBeOpen(); err != nil {
			return err
		}
		m.finish(actor, note)
		return nil
	})
}

func (m *matter) finish(actor, note string) {
	m.hush()
	m.c.Finished = m.now
	m.c.Attention = ""
	m.record(EventDone, actor, data{"note": note})
	m.wakeAt(m.now.Add(m.desk.o.Policy.Proof.Deadline))
	if m.cleared() {
		m.settle() // the device was quicker than the paperwork
	}
}
