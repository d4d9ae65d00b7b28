package outreach

import (
	"context"
	"slices"
	"time"
)

// tick is how often the Desk looks at the clock. A command is repeated as
// often as policy says, if that is not more often.
const tick = time.Second

// Run does what is due by the clock until ctx ends: it repeats commands that
// are not answered, gives up on expired ones, starts remote remedies whose
// time has come, reopens cases without proof, and offers again what had to
// wait. Two processes may run it on one store.
func (d *Desk) Run(ctx context.Context) error {
	t := time.NewTicker(tick)
	defer t.Stop()
	var failing bool
	for n := 0; ; n++ {
		err := d.Tend(ctx)
		if err == nil && n%15 == 0 { // counting reads the whole table
			err = d.countCases(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !failing:
			d.o.Logger.Warn("what is due cannot be done, trying again every second", "error", err)
		case err == nil && failing:
			d.o.Logger.Info("what was due is done again")
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// Tend does once what Run does all the time. It returns the first error after
// having tried everything.
func (d *Desk) Tend(ctx context.Context) error {
	var first error
	for _, work := range []func(context.Context) error{d.wakeCases, d.expireCommands, d.repeatCommands} {
		if err := work(ctx); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// batch is how much is read at once of what is due.
const batch = 100

func (d *Desk) repeatCommands(ctx context.Context) error {
	now := d.o.Now()
	if d.o.Commander == nil {
		return nil
	}
	for {
		due, err := d.o.Store.DueCommands(ctx, now, now.Add(-d.o.Policy.Commands.Repeat), batch)
		if err != nil {
			return err
		}
		for _, k := range due {
			d.send(ctx, k)
		}
		if len(due) < batch {
			return nil
		}
	}
}

func (d *Desk) expireCommands(ctx context.Context) error {
	expired, err := d.o.Store.ExpiredCommands(ctx, d.o.Now(), batch)
	if err != nil {
		return err
	}
	for _, k := range expired {
		if err := d.answer(ctx, k, actorForecare, false, "The device did not answer before the command expired."); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) wakeCases(ctx context.Context) error {
	due, err := d.o.Store.DueCases(ctx, d.o.Now(), batch)
	if err != nil {
		return err
	}
	var first error
	for _, at := range due {
		// One case that cannot be read must not keep the others asleep.
		if err := d.wake(ctx, at); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (d *Desk) wake(ctx context.Context, at Ref) error {
	return d.onCase(ctx, at, func(m *matter) error {
		if m.c.Next.IsZero() || m.c.Next.After(m.now) || !m.c.State.Open() {
			return nil // another process was here
		}
		m.rest()
		m.wake()
		return nil
	})
}

// wake does what the case was waiting for, or says that it waited in vain. A remote remedy's command goes out
// with the next repetition, which is the same tick: it counts as never sent.
func (m *matter) wake() {
	switch m.c.State {
	case Opened:
		m.appraise() // what can be offered has changed while it waited
		m.offer(Offer)
	case Offered:
		m.attend("The owner has not answered, and the time that was offered is over; ask them another way.")
	case Reopened:
		if !m.outstanding(Sorry) {
			m.c.Window = m.desk.o.Policy.Window.window(m.c.Findings, m.now)
			m.offer(Sorry)
			return
		}
		m.attend("The owner has not answered, and the time that was offered is over; ask them another way.")
	case Scheduled:
		if r := m.remedy(); r != nil && r.Remote {
			m.start(actorForecare)
			if m.change.Command != nil {
				m.change.Command.Sent = time.Time{}
			}
			return
		}
		m.attend("The visit's time has passed; say whether it was done.")
	case Done:
		m.reopen("No proof yet: telemetry has neither cleared nor confirmed the trouble since the remedy.")
	}
}

// outstanding reports whether the newest message of a purpose has reached the
// owner, or may have.
func (m *matter) outstanding(p Purpose) bool {
	for _, msg := range slices.Backward(m.messages) {
		if msg.Purpose == p {
			return msg.State != Suppressed && msg.State != Failed
		}
	}
	return false
}
